//! The vectors that the two RFCs print.

#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, which helpers lack")]

use otp::{Algorithm, Code, Digits, Key, Secret, hotp, totp};

fn key(algorithm: Algorithm) -> Key {
    // RFC 6238 repeats the ten digits up to the length of the digest (its erratum 2866).
    let length = match algorithm {
        Algorithm::Sha1 => 20,
        Algorithm::Sha256 => 32,
        Algorithm::Sha512 => 64,
    };
    let bytes: Vec<u8> = b"1234567890".iter().copied().cycle().take(length).collect();
    Key::new(Secret::from_bytes(&bytes).unwrap()).with_algorithm(algorithm)
}

#[test]
fn every_vector_of_rfc_4226_appendix_d() {
    let codes =
        ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
    let key = key(Algorithm::Sha1);
    for (counter, expected) in (0_u64..).zip(codes) {
        assert_eq!(*hotp::code(&key, counter).reveal(), expected, "counter {counter}");
        assert_eq!(hotp::verify(&key, &Code::parse(expected).unwrap(), 0, 9), Some(counter));
    }
}

#[test]
fn every_vector_of_rfc_6238_appendix_b() {
    let vectors = [
        (59, ["94287082", "46119246", "90693936"]),
        (1_111_111_109, ["07081804", "68084774", "25091201"]),
        (1_111_111_111, ["14050471", "67062674", "99943326"]),
        (1_234_567_890, ["89005924", "91819424", "93441116"]),
        (2_000_000_000, ["69279037", "90698825", "38618901"]),
        (20_000_000_000, ["65353130", "77737706", "47863826"]),
    ];
    for (at, codes) in vectors {
        for (algorithm, expected) in Algorithm::ALL.into_iter().zip(codes) {
            let key = key(algorithm).with_digits(Digits::EIGHT);
            assert_eq!(*totp::code(&key, at).reveal(), expected, "{algorithm} at {at}");
            let step = totp::verify(&key, &Code::parse(expected).unwrap(), at, 0);
            assert_eq!(step.map(totp::Step::number), Some(at / 30));
        }
    }
}
