//! `otp::hostile::secret`, for as long as one likes.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| otp::hostile::secret(input));
