//! Hands `strongroom_fuzz::store_key` to libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_fuzz::store_key::run(data));
