//! Hands `strongroom_fuzz::import` to libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_fuzz::import::run(data));
