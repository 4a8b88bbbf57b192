//! `auth::hostile::config_file`, for as long as one likes.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| auth::hostile::config_file(input));
