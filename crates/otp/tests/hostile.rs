//! What people paste and what attackers send: read if it can be meant, refused with a clear error if not, no
//! panic.

use otp::{Account, Algorithm, Code, CodeError, Qr, Secret, SecretError, UriError};
use proptest::prelude::*;

#[test]
fn a_key_is_read_however_it_is_pasted() {
    let bytes = b"12345678901234567890";
    let pasted = [
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        "gezdgnbvgy3tqojqgezdgnbvgy3tqojq",
        "gezd gnbv gy3t qojq gezd gnbv gy3t qojq",
        "GEZD-GNBV-GY3T-QOJQ-GEZD-GNBV-GY3T-QOJQ",
        "GEZD–GNBV—GY3T‐QOJQ\u{a0}GEZD\u{2009}GNBV\u{ad}GY3T\u{200b}QOJQ",
        "\u{feff}GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ======",
        "  GEZDGNBVGY3TQOJQ\r\n\tGEZDGNBVGY3TQOJQ\n",
        "GEZDGNBVGY3TQ0JQGEZDGNBVGY3TQ0JQ",
        "GEZDGN8VGY3TQOJQGEZDGN8VGY3TQOJQ",
    ];
    for text in pasted {
        assert_eq!(Secret::from_base32(text).unwrap().as_bytes(), bytes, "{text:?}");
    }
    let with_one = Secret::from_base32("1111 1111 1111 1111").unwrap();
    assert_eq!(*with_one.to_base32(), "LLLLLLLLLLLLLLLL");
    assert_eq!(*with_one.grouped(), "LLLL LLLL LLLL LLLL");
}

#[test]
fn bits_that_fill_no_byte_are_ignored_as_apps_do() {
    // 26 characters hold 130 bits: 16 bytes, and two bits that an encoder would have left zero.
    let loose = Secret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVG7").unwrap();
    let strict = Secret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVG4").unwrap();
    assert_eq!(loose, strict);
    assert_eq!(loose.as_bytes().len(), 16);
}

#[test]
fn what_is_no_key_is_refused_with_what_to_do() {
    let symbol = |symbol, place| SecretError::Symbol { symbol, place };
    let refused = [
        ("", SecretError::Empty),
        (" - \n==", SecretError::Empty),
        ("GEZDGNBVGY3TQOJ9", symbol('9', 16)),
        ("GEZD GNBV!GY3T", symbol('!', 10)),
        ("GEZDGNBV\0GY3TQOJQ", symbol('\0', 9)),
        ("ＧEZDGNBVGY3TQOJQ", symbol('Ｇ', 1)),
        ("GEZDGNBVGY3TQOJ٧", symbol('٧', 16)),
        ("ſEZDGNBVGY3TQOJQ", symbol('ſ', 1)),
        ("GEZDGNBVGY3TQOJQG", SecretError::Incomplete),
        ("GEZDGNBVGY3TQOJQGEZ", SecretError::Incomplete),
        ("GEZDGNBVGY3T", SecretError::TooShort),
    ];
    for (text, error) in refused {
        assert_eq!(Secret::from_base32(text), Err(error), "{text:?}");
    }
    assert_eq!(Secret::from_base32(&"A".repeat(104)), Err(SecretError::TooLong));
    assert_eq!(Secret::from_base32(&"A".repeat(10_000_000)), Err(SecretError::TooLong));
    assert_eq!(Secret::from_base32(&" ".repeat(10_000_000)), Err(SecretError::TooLong));
    assert_eq!(Secret::from_bytes(&[0; 9]), Err(SecretError::TooShort));
    assert_eq!(Secret::from_bytes(&[0; 65]), Err(SecretError::TooLong));
    // A control character is shown as an escape, so that it does nothing to a terminal.
    assert!(symbol('\x1b', 3).to_string().starts_with("'\\u{1b}' at place 3"));
}

#[test]
fn a_code_is_read_with_its_spaces_and_hyphens() {
    for text in ["287082", "287 082", " 28-70-82 ", "2 8 7 0 8 2", "-287082-"] {
        assert_eq!(*Code::parse(text).unwrap().reveal(), "287082");
    }
    assert_eq!(*Code::parse("9428 7082").unwrap().reveal(), "94287082");
    assert_eq!(*Code::parse("1234567").unwrap().reveal(), "1234567");
}

#[test]
fn what_is_no_code_is_refused() {
    for text in ["", " ", "-", " - - "] {
        assert_eq!(Code::parse(text).err(), Some(CodeError::Empty), "{text:?}");
    }
    let not_digits = [
        "１２３４５６",
        "١٢٣٤٥٦",
        "۱۲۳۴۵۶",
        "१२३४५६",
        "𝟏𝟐𝟑𝟒𝟓𝟔",
        "¹²³⁴⁵⁶",
        "1e5",
        "1e00005",
        "+12345",
        "+123456",
        "0x1234",
        "123456.0",
        "123,456",
        "123_456",
        "123456\0",
        "\0",
        "\u{feff}123456",
        "123\u{a0}456",
        "123\t456",
        "123456\n",
        "[\"123456\"]",
        "{\"$gt\":\"\"}",
        "' or 1=1 --",
        "null",
        "NaN",
        "−123456",
        "12345O",
    ];
    for text in not_digits {
        assert_eq!(Code::parse(text).err(), Some(CodeError::NotDigits), "{text:?}");
    }
    for text in ["1", "12345", "-1", "123456789", "12345678901234567890", &"1".repeat(65)] {
        assert_eq!(Code::parse(text).err(), Some(CodeError::Length), "{text:?}");
    }
    for text in [&"0".repeat(10_000_000), &" ".repeat(10_000_000), &"é".repeat(1_000_000)] {
        assert_eq!(Code::parse(text).err(), Some(CodeError::Length));
    }
}

#[test]
fn a_code_that_begins_with_zeros_is_accepted_a_thousand_times() {
    for number in 0..1_000 {
        let text = format!("{number:06}");
        assert_eq!(*Code::parse(&text).unwrap().reveal(), text);
    }
}

#[test]
fn secrets_and_codes_print_dots() {
    let secret = Secret::from_bytes(b"12345678901234567890").unwrap();
    assert_eq!(format!("{secret:?} {:?}", Code::parse("287082").unwrap()), "Secret(...) Code(...)");
    let account = Account::parse("otpauth://totp/a?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
    assert!(!format!("{account:?}").contains("GEZD"));
}

/// Whatever could be read must be written, drawn and read again.
fn survives(text: &str) {
    let Ok(account) = Account::parse(text) else { return };
    let uri = account.to_uri();
    let again = Account::parse(&uri).unwrap_or_else(|error| panic!("{}: {error}", *uri));
    assert_eq!(again.key, account.key);
    assert_eq!(again.kind, account.kind);
    let _ = Qr::encode(&uri);
}

proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(text in any::<String>()) {
        let _ = Secret::from_base32(&text);
        let _ = Code::parse(&text);
        let _ = text.parse::<Algorithm>();
        survives(&text);
        survives(&format!("otpauth://totp/{text}"));
        survives(&format!("otpauth://totp/{text}?secret=GEZDGNBVGY3TQOJQ&issuer={text}"));
        survives(&format!("otpauth://hotp/a?secret=GEZDGNBVGY3TQOJQ&{text}&counter={text}"));
    }

    #[test]
    fn no_text_of_link_characters_makes_the_parser_panic(text in "[a-zA-Z0-9:/?&=%+# .]{0,80}") {
        survives(&format!("otpauth://{text}"));
        survives(&format!("otpauth://totp/{text}&secret=GEZDGNBVGY3TQOJQ"));
        survives(&format!("otpauth://totp/a?secret=GEZDGNBVGY3TQOJQ&{text}"));
    }

    #[test]
    fn every_secret_survives_base32(bytes in prop::collection::vec(any::<u8>(), 10..=64)) {
        let secret = Secret::from_bytes(&bytes).unwrap();
        let as_written = Secret::from_base32(&secret.to_base32()).unwrap();
        let as_typed = Secret::from_base32(&secret.grouped().to_lowercase()).unwrap();
        prop_assert_eq!(as_written.as_bytes(), &bytes[..]);
        prop_assert_eq!(as_typed.as_bytes(), &bytes[..]);
    }
}

#[test]
fn a_setup_link_beyond_measure_is_refused_at_once() {
    let long = format!("otpauth://totp/{}?secret=GEZDGNBVGY3TQOJQ", "a".repeat(10_000_000));
    assert_eq!(Account::parse(&long), Err(UriError::TooLong));
}
