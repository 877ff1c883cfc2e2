//! Hands `strongroom_fuzz::store_record` to libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_fuzz::store_record::run(data));
