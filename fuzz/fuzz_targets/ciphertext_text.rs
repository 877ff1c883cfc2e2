//! Hands `strongroom_fuzz::ciphertext_text` to libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_fuzz::ciphertext_text::run(data));
