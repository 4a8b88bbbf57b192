//! `auth::hostile::database_url`, for as long as one likes.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| auth::hostile::database_url(input));
