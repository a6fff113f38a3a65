//! Schemas of the types whose JSON is not what their fields say.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ArrayBuilder, ObjectBuilder, RefOr, Schema, Type,
        schema::{ArrayItems, SchemaType},
    },
};

use crate::{Candle, PriceChange, Source, Symbol};

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

impl PartialSchema for PriceChange {
    fn schema() -> RefOr<Schema> {
        let one = |kind: SchemaType, text: &str| {
            Schema::Object(ObjectBuilder::new().schema_type(kind).description(Some(text)).build())
        };
        let decimal = |text: &str| one(Type::String.into(), text);
        let maybe = |text: &str| one(SchemaType::Array(vec![Type::String, Type::Null]), text);
        let fields = [
            one(Type::String.into(), "symbol"),
            decimal("price: latest price, USD"),
            one(Type::Integer.into(), "price_decimals"),
            maybe("open_1h: price at the start of the hour, USD"),
            maybe("open_24h: price at the start of the 24 hours, USD"),
            maybe("high_24h: highest price of the 24 hours, USD"),
            maybe("low_24h: lowest price of the 24 hours, USD"),
            maybe("volume_24h: traded amount of the 24 hours, in coins"),
            maybe("open_7d: price at the start of the seven days, USD"),
            one(Type::Integer.into(), "as_of: the time that the price is of, Unix ms"),
        ];
        let text = "A quote that changed, without its name and without the changes in percent, which follow from the \
                    prices: symbol, price, price_decimals, open_1h, open_24h, high_24h, low_24h, volume_24h, open_7d, as_of. \
                    Decimals are strings; a figure is null where it is not known.";
        ArrayBuilder::new()
            .description(Some(text))
            .prefix_items(fields)
            .items(ArrayItems::False)
            .min_items(Some(10))
            .max_items(Some(10))
            .into()
    }
}

impl ToSchema for PriceChange {}
