//! Packed files: gzip, ZIP, and what looks like them. The layout is found out.
#![no_main]

use candle_files::Given;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = candle_files_fuzz::read("BTC-USD-1h.csv", data, &Given::default());
    for magic in [&b"\x1f\x8b\x08"[..], b"PK\x03\x04", b"PK\x05\x06"] {
        let _ = candle_files_fuzz::read("BTC-USD-1h.csv", &[magic, data].concat(), &Given::default());
    }
});
