//! `auth::hostile::access_target`, for as long as one likes.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| auth::hostile::access_target(input));
