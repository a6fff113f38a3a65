//! Answers of a server with the sample, as they came.

use serde_json::Value;

/// An answer by its name; null if it cannot be read, which a test rules out.
fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

macro_rules! examples {
    ($($name:ident => $file:literal),* $(,)?) => {
        $(pub(super) fn $name() -> Value {
            read(include_str!(concat!("examples/", $file)))
        })*
    };
}

examples! {
    index => "index.json",
    latest_prices => "latest_prices.json",
    price_changes => "price_changes.json",
    chart_data => "chart_data.json",
    charts => "charts.json",
    export_line => "export_line.json",
    healthz => "healthz.json",
    readyz => "readyz.json",
    session => "session.json",
    stats => "stats.json",
    inspect => "inspect.json",
    clear => "clear.json",
    undo => "undo.json",
    bad_request => "bad_request.json",
    not_found => "not_found.json",
    too_many => "too_many.json",
    unauthorized => "unauthorized.json",
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_file_is_json() {
        for example in
            [super::index(), super::charts(), super::stats(), super::too_many(), super::export_line()]
        {
            assert!(example.is_object());
        }
    }
}
