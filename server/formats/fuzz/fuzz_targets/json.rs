//! Klines and lines of JSON.
#![no_main]

use candle_files::Given;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for head in [&b"[["[..], b"{\"open_time\":", b"[1"] {
        let _ = candle_files_fuzz::read("BTC-USD-1h.json", &[head, data].concat(), &Given::default());
    }
});
