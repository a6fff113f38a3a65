//! Names of files, and what the rows' symbol says.
#![no_main]

use candle_files::Given;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (name, symbol) = text.split_once('\n').unwrap_or((&text, "BTC/USD"));
    let file = format!(
        "date,symbol,open,high,low,close,volume\n2019-10-17,{symbol},1,1,1,1,1\n2019-10-18,{symbol},1,1,1,1,1\n"
    );
    for name in [name.to_owned(), format!("Coinbase_{name}_d.csv"), format!("{name}-USD-1d.csv"), format!("{name}-1d-2019-10.csv")] {
        let _ = candle_files_fuzz::read(&name, file.as_bytes(), &Given::default());
    }
});
