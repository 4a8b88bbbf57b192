//! `web::hostile::language`, for as long as one likes.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| web::hostile::language(input));
