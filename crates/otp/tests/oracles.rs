//! Codes against two programs that others wrote: totp-rs and oathtool.

#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, which helpers lack")]

mod common;

use common::Chance;
use otp::{Algorithm, Code, Digits, Key, Secret, hotp, totp};
use std::process::Command;

/// A key of any shape, the same for the same state of `chance`.
fn any_key(chance: &mut Chance) -> Key {
    let length = 10 + chance.below(55);
    let secret = Secret::from_bytes(&chance.bytes(length)).unwrap();
    let digits = Digits::new(6 + chance.below(3) as u8).unwrap();
    let period = match chance.below(4) {
        0 => 30,
        1 => 60,
        2 => 1 + chance.below(300) as u32,
        _ => 1 + chance.below(86_400) as u32,
    };
    let algorithm = *chance.pick(&Algorithm::ALL);
    Key::new(secret).with_algorithm(algorithm).with_digits(digits).with_period(period).unwrap()
}

fn theirs(key: &Key) -> totp_rs::Totp {
    let algorithm = match key.algorithm() {
        Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
        Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
        Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
    };
    totp_rs::Builder::new()
        .with_algorithm(algorithm)
        .with_digits(key.digits().count() as u8)
        .with_step_duration(u64::from(key.period()))
        .with_skew(1)
        .with_secret(key.secret().as_bytes())
        .build_noncompliant()
}

#[test]
fn ten_thousand_random_codes_agree_with_totp_rs() {
    let mut chance = Chance::seeded(6238);
    for round in 0..10_000 {
        let key = any_key(&mut chance);
        let at = if round % 2 == 0 { chance.below(1 << 32) } else { chance.below(1 << 40) } as i64;
        let theirs = theirs(&key);
        let expected = theirs.generate(at as u64).to_string();
        assert_eq!(*totp::code(&key, at).reveal(), expected, "round {round}, at {at}, {key:?}");

        // Judged at a moment up to two periods away, both judges must say the same.
        let judged_at = at + chance.below(5) as i64 * i64::from(key.period()) / 2;
        let code = Code::parse(&expected).unwrap();
        let ours = totp::verify(&key, &code, judged_at, 1).map(totp::Step::number);
        assert_eq!(ours, theirs.check(&expected, judged_at as u64).map(|step| step as i64), "round {round}");
    }
}

/// What oathtool prints, one code.
fn oathtool(arguments: &[&str]) -> String {
    let output = Command::new("oathtool")
        .args(arguments)
        .output()
        .expect("oathtool does not run; `cargo xtask test` installs it, or install the package `oathtool`");
    assert!(output.status.success(), "oathtool {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn three_hundred_random_time_codes_agree_with_oathtool() {
    let mut chance = Chance::seeded(300);
    for round in 0..300 {
        let key = any_key(&mut chance);
        let at = chance.below(1 << 33);
        let expected = oathtool(&[
            "--base32",
            &format!("--totp={}", key.algorithm()),
            &format!("--digits={}", key.digits().count()),
            &format!("--time-step-size={}s", key.period()),
            &format!("--now=@{at}"),
            &key.secret().to_base32(),
        ]);
        assert_eq!(*totp::code(&key, at as i64).reveal(), expected, "round {round}, at {at}, {key:?}");
    }
}

#[test]
fn a_hundred_random_counter_codes_agree_with_oathtool() {
    let mut chance = Chance::seeded(100);
    for round in 0..100 {
        // oathtool counts with SHA-1 only.
        let key = any_key(&mut chance).with_algorithm(Algorithm::Sha1);
        // Small counters like those of real tokens, and some that need all eight bytes.
        let counter = if round % 2 == 0 { chance.below(1_000) } else { chance.below(1 << 62) };
        let expected = oathtool(&[
            "--hotp",
            "--base32",
            &format!("--digits={}", key.digits().count()),
            &format!("--counter={counter}"),
            &key.secret().to_base32(),
        ]);
        assert_eq!(
            *hotp::code(&key, counter).reveal(),
            expected,
            "round {round}, counter {counter}, {key:?}"
        );
    }
}
