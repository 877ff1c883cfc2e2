//! Hands `strongroom_fuzz::http_path` to libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_fuzz::http_path::run(data));
