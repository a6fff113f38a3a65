//! Files of the sample layout.
#![no_main]

use candle_files::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| candle_files_fuzz::layout(Format::Tidemark, data));
