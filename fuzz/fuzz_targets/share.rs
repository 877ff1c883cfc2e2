//! Hands `strongroom_fuzz::share` to libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_fuzz::share::run(data));
