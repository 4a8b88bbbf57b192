//! Somebody with phones that are not ours, who registers and signs in with the documented forms; and what an attacker knows of
//! them.

use anyhow::{Context, Result, bail};

use crate::browser::{Answer, Browser};
use crate::clock;

/// Seconds that a code is good for.
const PERIOD: i64 = 30;

/// Somebody.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) name: String,
    /// Empty where a code alone is asked for.
    pub(crate) password: String,
    pub(crate) recovery_codes: Vec<String>,
    /// Every code that was used.
    pub(crate) codes: Vec<String>,
    phones: Vec<Phone>,
}

/// What one phone has scanned.
#[derive(Debug, Clone)]
struct Phone {
    key: Vec<u8>,
    /// The step of the last code that was used.
    spent: i64,
}

impl Phone {
    /// The phone in front of a page or a line with a setup link.
    fn scanning(text: &str) -> Result<Phone> {
        let (_, after) = text.split_once("secret=").context("no setup link is shown")?;
        let key: String = after.chars().take_while(char::is_ascii_alphanumeric).collect();
        let key = data_encoding::BASE32_NOPAD.decode(key.as_bytes()).context("a secret that is no base32")?;
        Ok(Phone { key, spent: -1 })
    }

    fn code(&self, step: i64) -> Result<String> {
        let generator =
            totp_rs::Builder::new().with_secret(self.key.clone()).with_account_name("x").build()?;
        Ok(generator.generate(u64::try_from(step * PERIOD)?).to_string())
    }
}

impl Person {
    /// Somebody with a password.
    pub(crate) fn new(name: &str) -> Person {
        let password = format!("{name}, engine of analysis");
        Person {
            name: name.to_owned(),
            password,
            recovery_codes: Vec::new(),
            codes: Vec::new(),
            phones: Vec::new(),
        }
    }

    /// Somebody who signs in with a code alone.
    pub(crate) fn without_password(name: &str) -> Person {
        Person { password: String::new(), ..Person::new(name) }
    }

    /// Registers, scans, and confirms the first code. The browser is signed in then.
    pub(crate) fn registers(&mut self, browser: &mut Browser) -> Result<()> {
        self.reserves(browser)?;
        self.confirms(browser)?.lands_on("/enroll/recovery-codes")
    }

    /// The first half of it: holds the name and scans.
    pub(crate) fn reserves(&mut self, browser: &mut Browser) -> Result<()> {
        browser.post("/register", &self.credentials())?.lands_on("/enroll").context("registering")?;
        self.phones = vec![Phone::scanning(&browser.get("/enroll")?.text())?];
        Ok(())
    }

    /// The second half: confirms the first code.
    pub(crate) fn confirms(&mut self, browser: &mut Browser) -> Result<Answer> {
        let code = self.first_code()?;
        browser.post("/enroll", &[("otp", &code)])
    }

    /// Reads the recovery codes off the page.
    pub(crate) fn keeps_recovery_codes(&mut self, browser: &mut Browser) -> Result<()> {
        let sheet = browser.get("/enroll/recovery-codes.txt")?.text();
        // The sheet names its person, too, and a name may be as long as a code.
        let is_code = |word: &&str| word.split('-').map(str::len).eq([4; 4]);
        let codes = sheet.split_whitespace().filter(is_code);
        self.recovery_codes = codes.map(str::to_owned).collect();
        if self.recovery_codes.len() != 10 {
            bail!("ten recovery codes were expected, {} were there", self.recovery_codes.len());
        }
        Ok(())
    }

    /// Has one more phone, which is in front of this line.
    pub(crate) fn scans_another(&mut self, line: &str) -> Result<String> {
        let phone = Phone::scanning(line)?;
        self.phones.insert(0, phone);
        self.first_code()
    }

    /// Gives name and password.
    pub(crate) fn gives_password(&self, browser: &mut Browser) -> Result<()> {
        browser.post("/login", &self.credentials())?.lands_on("/login/code").context("giving the password")
    }

    /// Signs in; the answer is the last one.
    pub(crate) fn signs_in(&mut self, browser: &mut Browser) -> Result<Answer> {
        if self.password.is_empty() {
            let code = self.code()?;
            return browser.post("/login", &[("username", &self.name), ("otp", &code)]);
        }
        let answer = browser.post("/login", &self.credentials())?;
        if answer.location() != "/login/code" {
            return Ok(answer);
        }
        let code = self.code()?;
        browser.post("/login/code", &[("otp", &code), ("username", &self.name)])
    }

    fn credentials(&self) -> Vec<(&str, &str)> {
        let mut fields = vec![("username", self.name.as_str())];
        if !self.password.is_empty() {
            fields.push(("password", self.password.as_str()));
        }
        fields
    }

    /// The code that confirms a phone: where there is time left, the one before, so that more are left afterward.
    fn first_code(&mut self) -> Result<String> {
        let now = clock::unix_seconds();
        let step = if now % PERIOD < 15 { now / PERIOD - 1 } else { now / PERIOD };
        self.phones[0].spent = step;
        let code = self.phones[0].code(step)?;
        self.codes.push(code.clone());
        Ok(code)
    }

    /// A code that was not used yet: this step's, or the next one's, which drift allows. Waits when all were.
    pub(crate) fn code(&mut self) -> Result<String> {
        loop {
            let now = clock::unix_seconds() / PERIOD;
            let free = self.phones.iter_mut().find(|phone| phone.spent <= now);
            if let Some(phone) = free {
                let step = now.max(phone.spent + 1);
                phone.spent = step;
                let code = phone.code(step)?;
                self.codes.push(code.clone());
                return Ok(code);
            }
            clock::pause(250);
        }
    }

    /// Waits until the last code is the one that a phone shows: it may be the next one's.
    pub(crate) fn until_due(&self) {
        while self.phones.iter().any(|phone| phone.spent > clock::unix_seconds() / PERIOD) {
            clock::pause(250);
        }
    }

    /// Distinct codes that are right at no time near now.
    pub(crate) fn wrong_codes(&self, count: usize) -> Result<Vec<String>> {
        let now = clock::unix_seconds() / PERIOD;
        let mut near = Vec::new();
        for phone in &self.phones {
            for step in now - 60..now + 60 {
                near.push(phone.code(step)?);
            }
        }
        let wrong = (0..1_000_000).map(|n| format!("{:06}", (n * 7_919 + 271_828) % 1_000_000));
        Ok(wrong.filter(|code| !near.contains(code)).take(count).collect())
    }
}
