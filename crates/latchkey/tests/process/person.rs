//! Somebody with a phone that is not ours, who registers and signs in with the documented forms.

use std::time::Duration;

use auth::Clock;

use crate::browser::{Answer, Browser};

/// Seconds that a code is good for.
const PERIOD: i64 = 30;

/// Somebody.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) password: String,
    /// What the phone has scanned.
    pub(crate) key: Vec<u8>,
    /// The step of the last code that was used.
    spent: i64,
    /// Every code that was used.
    pub(crate) codes: Vec<String>,
}

impl Person {
    pub(crate) fn new(name: &str) -> Person {
        let password = format!("{name}, engine of analysis");
        Person { name: name.to_owned(), password, key: Vec::new(), spent: -1, codes: Vec::new() }
    }

    /// Somebody where a code alone is asked for.
    pub(crate) fn without_password(name: &str) -> Person {
        Person { password: String::new(), ..Person::new(name) }
    }

    /// Somebody who holds the phone in front of this link.
    pub(crate) fn scanning(name: &str, link: &str) -> Person {
        Person { key: key_of(link), ..Person::new(name) }
    }

    /// Registers, scans, and confirms the first code.
    pub(crate) fn registers(&mut self, browser: &mut Browser) {
        browser.post("/register", &self.fields()).lands_on("/enroll");
        self.enrolls(browser);
    }

    /// What the form for new people wants of somebody.
    pub(crate) fn fields(&self) -> Vec<(&str, &str)> {
        let fields = [("username", self.name.as_str()), ("password", self.password.as_str())];
        fields.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    /// Scans, and confirms the first code.
    pub(crate) fn enrolls(&mut self, browser: &mut Browser) {
        let page = browser.get("/enroll");
        self.scans(page.is(200));
        let code = self.code();
        browser.post("/enroll", &[("otp", &code)]).lands_on("/enroll/recovery-codes");
    }

    /// Scans what this page shows.
    pub(crate) fn scans(&mut self, page: &str) {
        self.key = key_of(page);
        self.spent = -1;
    }

    /// Signs in; the answer is the one to the code.
    pub(crate) fn signs_in(&mut self, browser: &mut Browser) -> Answer {
        self.gives_password(browser);
        let code = self.code();
        browser.post("/login/code", &[("otp", &code), ("username", &self.name)])
    }

    /// The first half of a sign-in.
    pub(crate) fn gives_password(&self, browser: &mut Browser) {
        let fields = [("username", self.name.as_str()), ("password", self.password.as_str())];
        browser.post("/login", &fields).lands_on("/login/code");
    }

    /// A code that was not used yet: this step's, or the next one's, which drift allows. Waits when both were.
    pub(crate) fn code(&mut self) -> String {
        let step = loop {
            let now = Clock::System.now().seconds() / PERIOD;
            let step = now.max(self.spent + 1);
            if step <= now + 1 {
                break step;
            }
            std::thread::sleep(Duration::from_millis(500));
        };
        self.spent = step;
        let code = self.code_of(step);
        self.codes.push(code.clone());
        code
    }

    /// Six digits that are right at no time near now.
    pub(crate) fn wrong_code(&self) -> String {
        let now = Clock::System.now().seconds() / PERIOD;
        let near: Vec<String> = (now - 40..now + 40).map(|step| self.code_of(step)).collect();
        (271_828..).map(|digits| digits.to_string()).find(|digits| !near.contains(digits)).unwrap()
    }

    fn code_of(&self, step: i64) -> String {
        let phone =
            totp_rs::Builder::new().with_secret(self.key.clone()).with_account_name("x").build().unwrap();
        phone.generate(u64::try_from(step * PERIOD).unwrap()).to_string()
    }
}

/// The secret in the page's link for a phone.
fn key_of(page: &str) -> Vec<u8> {
    let (_, after) = page.split_once("secret=").expect("a link with the secret");
    let key: String = after.chars().take_while(char::is_ascii_alphanumeric).collect();
    data_encoding::BASE32_NOPAD.decode(key.as_bytes()).unwrap()
}
