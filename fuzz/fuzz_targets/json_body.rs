//! Hands `strongroom_fuzz::json_body` to libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_fuzz::json_body::run(data));
