//! A message of the bus.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidemark_cache::fuzzing::message(bytes));
