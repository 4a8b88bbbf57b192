//! `otpauth://` links: written in the one form that every app reads, and read in the forms that others write.

#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, which helpers lack")]

use otp::{Account, Algorithm, Digits, Key, Kind, Secret, SecretError, UriError};

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn key() -> Key {
    Key::new(Secret::from_base32(SECRET).unwrap())
}

fn account(issuer: &str, name: &str) -> Account {
    Account { issuer: issuer.into(), name: name.into(), key: key(), kind: Kind::Totp }
}

/// Reads a link whose `SECRET` stands for the secret above.
fn read(link: &str) -> Result<Account, UriError> {
    Account::parse(&link.replace("SECRET", SECRET))
}

#[test]
fn defaults_are_left_out() {
    let uri = account("Acme", "alice").to_uri();
    assert_eq!(*uri, "otpauth://totp/Acme:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme");
    assert_eq!(uri.len(), 77);
}

#[test]
fn what_is_not_default_is_written_in_upper_case_and_plain_numbers() {
    let mut account = account("Acme", "alice");
    account.key =
        account.key.with_algorithm(Algorithm::Sha256).with_digits(Digits::EIGHT).with_period(60).unwrap();
    let common = "Acme:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme&algorithm=SHA256&digits=8";
    assert_eq!(*account.to_uri(), format!("otpauth://totp/{common}&period=60"));
    account.kind = Kind::Hotp { counter: 7 };
    assert_eq!(*account.to_uri(), format!("otpauth://hotp/{common}&counter=7"));
}

#[test]
fn everything_but_the_unreserved_is_escaped() {
    let uri = account("Café & Søn +1", "ada+work@example.org/100%~x").to_uri();
    let issuer = "Caf%C3%A9%20%26%20S%C3%B8n%20%2B1";
    let name = "ada%2Bwork%40example.org%2F100%25~x";
    assert_eq!(*uri, format!("otpauth://totp/{issuer}:{name}?secret={SECRET}&issuer={issuer}"));
}

#[test]
fn a_colon_in_a_name_becomes_a_hyphen() {
    let uri = account("Acme: Berlin", "ada:x").to_uri();
    assert!(uri.starts_with("otpauth://totp/Acme-%20Berlin:ada-x?"), "{}", *uri);
}

#[test]
fn a_control_character_in_a_name_becomes_a_space() {
    let uri = account("Ac\u{1b}me\n", "a\r\nb").to_uri();
    assert!(uri.starts_with("otpauth://totp/Ac%20me:a%20%20b?"), "{}", *uri);
}

#[test]
fn without_an_issuer_the_label_is_the_name_alone() {
    assert_eq!(*account("", "ada").to_uri(), format!("otpauth://totp/ada?secret={SECRET}"));
    assert_eq!(Account::parse(&account(" ", "ada").to_uri()), Ok(account("", "ada")));
}

#[test]
fn the_apple_link_differs_in_its_scheme_alone() {
    let account = account("Acme", "ada");
    assert_eq!(*account.apple_uri(), format!("apple-{}", *account.to_uri()));
    assert_eq!(Account::parse(&account.apple_uri()), Ok(account));
}

#[test]
fn links_of_other_programs_are_read() {
    let same = [
        "otpauth://totp/Acme%20Co:ada?secret=SECRET&issuer=Acme%20Co",
        "otpauth://totp/Acme%20Co%3Aada?secret=SECRET",
        "otpauth://totp/Acme%20Co%3aada?secret=SECRET&issuer=Acme+Co",
        "otpauth://totp/Acme%20Co:%20%20ada?secret=SECRET",
        "otpauth://totp/Acme Co: ada?secret=SECRET",
        "OTPAUTH://TOTP/Acme%20Co:ada?Secret=SECRET&ISSUER=Acme%20Co",
        "otpauth://totp/ada?issuer=Acme%20Co&secret=SECRET",
        "otpauth://totp/Wrong:ada?issuer=Acme%20Co&secret=SECRET",
        "otpauth://totp/Acme%20Co:ada?issuer=&secret=SECRET",
        "otpauth://totp/Acme%20Co:ada?secret=gezd+gnbv-gy3t%20qojqGEZDGNBVGY3TQOJQ%3D%3D==",
        "otpauth://totp/Acme%20Co:ada?secret=SECRET&algorithm=sha1&digits=6&period=30",
        "otpauth://totp/Acme%20Co:ada?secret=SECRET&algorithm=HmacSHA1&digits=06&period=+30",
        "otpauth://totp/Acme%20Co:ada?secret=SECRET&image=https%3A%2F%2Fexample.org%2Fx.png&flag&=&&",
        "  otpauth://totp/Acme%20Co:ada?secret=SECRET#fragment\n",
    ];
    for link in same {
        assert_eq!(read(link), Ok(account("Acme Co", "ada")), "{link}");
    }
}

#[test]
fn a_plus_is_a_space_in_a_parameter_and_a_plus_in_the_label() {
    let account = read("otpauth://totp/A+B:ada+work@example.org?secret=SECRET&issuer=A+B").unwrap();
    assert_eq!((account.issuer.as_str(), account.name.as_str()), ("A B", "ada+work@example.org"));
    let account = read("otpauth://totp/x:ada%2Bwork?secret=SECRET&issuer=A%2BB").unwrap();
    assert_eq!((account.issuer.as_str(), account.name.as_str()), ("A+B", "ada+work"));
}

#[test]
fn a_colon_as_such_separates_before_an_escaped_one() {
    let account = read("otpauth://totp/Acme%3A%20Berlin:ada?secret=SECRET").unwrap();
    assert_eq!((account.issuer.as_str(), account.name.as_str()), ("Acme: Berlin", "ada"));
    let account = read("otpauth://totp/Acme:ada:x?secret=SECRET").unwrap();
    assert_eq!((account.issuer.as_str(), account.name.as_str()), ("Acme", "ada:x"));
}

#[test]
fn other_parameters_and_short_secrets_are_kept() {
    let account =
        read("otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&algorithm=sha-512&digits=7&period=45").unwrap();
    assert_eq!(*account.key.secret().to_base32(), "JBSWY3DPEHPK3PXP");
    assert_eq!(account.key.algorithm(), Algorithm::Sha512);
    assert_eq!((account.key.digits().count(), account.key.period()), (7, 45));
    let account = read("otpauth://hotp/a?secret=SECRET&counter=18446744073709551615").unwrap();
    assert_eq!(account.kind, Kind::Hotp { counter: u64::MAX });
}

#[test]
fn a_stray_percent_stays_as_it_is() {
    assert_eq!(read("otpauth://totp/100%:50%zz?secret=SECRET"), Ok(account("100%", "50%zz")));
}

#[test]
fn what_is_no_link_is_refused_and_the_error_names_the_part() {
    let wrong = |part, expected| UriError::Wrong { part, expected };
    let counter = wrong("counter", "a whole number");
    let algorithm = wrong("algorithm", "SHA1, SHA256 or SHA512");
    let digits = wrong("digits", "6, 7 or 8");
    let period = wrong("period", "1 to 86400 seconds");
    let refused = [
        ("", UriError::Scheme),
        ("SECRET", UriError::Scheme),
        ("https://example.org/?secret=SECRET", UriError::Scheme),
        ("otpauth-migration://offline?data=CjEKCkhlbGxv", UriError::Scheme),
        ("otpauth:/totp/a?secret=SECRET", UriError::Scheme),
        ("otpauth://steam/a?secret=SECRET", UriError::Kind),
        ("otpauth://?secret=SECRET", UriError::Kind),
        ("otpauth://totp?secret=SECRET", UriError::Kind),
        ("otpauth://totp/a", UriError::Missing("secret")),
        ("otpauth://totp/a?issuer=b", UriError::Missing("secret")),
        ("otpauth://totp/?secret=SECRET", UriError::Missing("account name")),
        ("otpauth://totp/Acme:%20?secret=SECRET", UriError::Missing("account name")),
        ("otpauth://hotp/a?secret=SECRET", UriError::Missing("counter")),
        ("otpauth://hotp/a?secret=SECRET&counter=", counter),
        ("otpauth://hotp/a?secret=SECRET&counter=-1", counter),
        ("otpauth://hotp/a?secret=SECRET&counter=%2B1", counter),
        ("otpauth://hotp/a?secret=SECRET&counter=18446744073709551616", counter),
        ("otpauth://totp/a?secret=SECRET&secret=SECRET", UriError::Repeated("secret")),
        ("otpauth://totp/a?secret=SECRET&issuer=b&Issuer=c", UriError::Repeated("issuer")),
        ("otpauth://totp/a?secret=SECRET&algorithm=MD5", algorithm),
        ("otpauth://totp/a?secret=SECRET&algorithm=", algorithm),
        ("otpauth://totp/a?secret=SECRET&digits=5", digits),
        ("otpauth://totp/a?secret=SECRET&digits=9", digits),
        ("otpauth://totp/a?secret=SECRET&digits=262", digits),
        ("otpauth://totp/a?secret=SECRET&digits=%D9%A6", digits),
        ("otpauth://totp/a?secret=SECRET&period=0", period),
        ("otpauth://totp/a?secret=SECRET&period=86401", period),
        ("otpauth://totp/a?secret=SECRET&period=4294967326", period),
        ("otpauth://totp/a?secret=SECRET&period=1e2", period),
        ("otpauth://totp/%ff?secret=SECRET", wrong("account name", "UTF-8, percent-encoded")),
        ("otpauth://totp/a?secret=SECRET&issuer=%c3", wrong("issuer", "UTF-8, percent-encoded")),
        ("otpauth://totp/a%00b?secret=SECRET", wrong("account name", "without control characters")),
        ("otpauth://totp/a?secret=SECRET&issuer=%1b[2J", wrong("issuer", "without control characters")),
        ("otpauth://totp/a?secret=", UriError::Secret(SecretError::Empty)),
        ("otpauth://totp/a?secret=ABCDEFGH", UriError::Secret(SecretError::TooShort)),
    ];
    for (link, error) in refused {
        assert_eq!(read(link), Err(error), "{link}");
    }
    assert_eq!(digits.to_string(), "the setup link's digits must be 6, 7 or 8");
}

#[test]
fn a_reader_that_is_not_ours_finds_the_same() {
    let names = ["ada", "ada+work@example.org", "Ünïcode Nämé", "a b&c=d?e#f/g%20", "日本語", "🔑 key"];
    for issuer in names {
        for name in names {
            for algorithm in Algorithm::ALL {
                let key = key().with_algorithm(algorithm).with_digits(Digits::EIGHT).with_period(45).unwrap();
                let account = Account { issuer: issuer.into(), name: name.into(), key, kind: Kind::Totp };
                let theirs = totp_rs::Totp::from_url(account.to_uri().as_str()).unwrap();
                assert_eq!(theirs.issuer(), Some(issuer));
                assert_eq!(theirs.account_name(), name);
                assert_eq!(theirs.secret().as_ref(), account.key.secret().as_bytes());
                assert_eq!(theirs.algorithm().to_string(), algorithm.to_string());
                assert_eq!((theirs.digits(), theirs.step()), (8, 45));
                assert_eq!(Account::parse(&theirs.to_url().unwrap()), Ok(account));
            }
        }
    }
}
