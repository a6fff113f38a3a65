//! The name of an entry in Redis.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidemark_cache::fuzzing::key(bytes));
