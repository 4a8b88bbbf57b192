//! `otp::hostile::uri`, for as long as one likes.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| otp::hostile::uri(input));
