//! People by the hundred, whose phones all have one secret: a code alone signs them in, and nobody has to register before.

use auth::Clock;

use crate::server::Place;

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const PERIOD: i64 = 30;

/// Brings so many, called p0, p1 and so on, to a place where a code alone is asked for.
pub(crate) fn come(place: &mut Place, many: usize) {
    place.set("LATCHKEY_LOGIN_FACTORS", "code");
    let people = (0..many).map(|who| format!("otpauth://totp/x:p{who}?secret={SECRET}\n"));
    std::fs::write(place.dir().join("people.txt"), people.collect::<String>()).unwrap();
    done(place, &["import", "otpauth", "people.txt", "--apply"]);
}

/// Everybody's code now.
pub(crate) fn code() -> String {
    code_of(step())
}

/// Which code it is that is right now.
pub(crate) fn step() -> i64 {
    Clock::System.now().seconds() / PERIOD
}

pub(crate) fn code_of(step: i64) -> String {
    let secret = data_encoding::BASE32_NOPAD.decode(SECRET.as_bytes()).unwrap();
    let phone = totp_rs::Builder::new().with_secret(secret).with_account_name("x").build().unwrap();
    phone.generate(u64::try_from(step * PERIOD).unwrap()).to_string()
}

/// Runs a command that has to succeed, and answers what it says.
#[track_caller]
pub(crate) fn done(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}
