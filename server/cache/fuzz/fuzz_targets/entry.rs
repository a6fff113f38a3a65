//! An entry as found in Redis.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidemark_cache::fuzzing::entry(bytes));
