//! Schemas of the types whose JSON is not what their fields say.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, RefOr, Schema, Type, schema::ArrayItems},
};

use crate::{Candle, Source, Symbol};

impl PartialSchema for Symbol {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Ticker symbol. Either case is taken; answers have upper case."))
            .pattern(Some(format!("^[A-Za-z0-9]{{1,{}}}$", Self::MAX_LEN)))
            .examples([serde_json::json!("BTC")])
            .into()
    }
}

impl ToSchema for Symbol {}

impl PartialSchema for Source {
    fn schema() -> RefOr<Schema> {
        let text = "Who made the numbers: recorded, replay, simulated, binance, or the name that an import gave; of \
                    several charts together also mixed.";
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(text))
            .pattern(Some("^[A-Za-z0-9_-]{1,40}$"))
            .examples([serde_json::json!("recorded")])
            .into()
    }
}

impl ToSchema for Source {}

impl PartialSchema for Candle {
    fn schema() -> RefOr<Schema> {
        let number = |kind, text: &str| {
            let number = ObjectBuilder::new().schema_type(kind).description(Some(text));
            Schema::Object(number.build())
        };
        let fields = [
            number(Type::Integer, "open_time: start of the bar, Unix ms UTC"),
            number(Type::Number, "open: first price, USD"),
            number(Type::Number, "high: highest price, USD"),
            number(Type::Number, "low: lowest price, USD"),
            number(Type::Number, "close: last price, USD"),
            number(Type::Number, "volume: traded amount, in coins"),
        ];
        ArrayBuilder::new()
            .description(Some("One bar: open_time, open, high, low, close, volume."))
            .prefix_items(fields)
            .items(ArrayItems::False)
            .min_items(Some(6))
            .max_items(Some(6))
            .into()
    }
}

impl ToSchema for Candle {}
