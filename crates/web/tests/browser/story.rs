//! What people do in several journeys: register, scan, confirm, keep the codes, sign in. The words they look for are in
//! `speech.rs`.

use auth::Config;

use crate::authenticator::Authenticator;
use crate::browser::{Browser, Window};
use crate::server::Server;
use crate::speech::{ENGLISH, GERMAN, Speech};

/// The password of everybody in these stories.
pub(crate) const PASSWORD: &str = "plum harbor violet anchor";

/// One person at one browser, on a server of their own.
pub(crate) struct Story {
    // The browser goes first, since an open connection would keep the server waiting.
    pub(crate) browser: Browser,
    pub(crate) server: Server,
    /// The words on the pages.
    pub(crate) says: &'static Speech,
}

impl Story {
    /// A person in front of `window`, and a server that nobody has used yet.
    pub(crate) fn begin(window: Window) -> Story {
        Story::begin_with(window, |_| {})
    }

    /// The same on a server with other settings.
    pub(crate) fn begin_with(window: Window, change: impl FnOnce(&mut Config)) -> Story {
        let server = Server::start_with(change);
        let browser = Browser::start(window, &server.origin());
        let says = if window.language == "de" { &GERMAN } else { &ENGLISH };
        Story { browser, server, says }
    }

    /// The code that the app shows now.
    pub(crate) fn code(&self, app: &Authenticator) -> String {
        app.code(self.server.clock.now())
    }

    /// Waits until the app shows the next code.
    pub(crate) fn waits_for_the_next_code(&self) {
        self.server.clock.advance(30);
    }

    /// Fills in the first page, from the start page on.
    pub(crate) fn registers(&self, name: &str) {
        let (browser, says) = (&self.browser, self.says);
        browser.open("/register");
        browser.arrives_at("/register", says.register);
        browser.fill(says.username, name);
        browser.fill(says.password, PASSWORD);
        self.server.keeps_time();
        browser.press(says.next);
        browser.arrives_at("/enroll", says.enroll);
    }

    /// Holds the phone in front of the screen.
    pub(crate) fn scans(&self) -> Authenticator {
        self.browser.brings_into_sight(".plate");
        // A picture may still be on its way when its page is there.
        let drawn = "const code = document.querySelector('.plate img'); return code.complete && code.naturalWidth > 0";
        assert!(
            self.browser.comes_true(|| self.browser.driver().script(drawn) == true),
            "the QR code never shows"
        );
        Authenticator::scan(&self.browser.screenshot())
    }

    /// Types the code that the app shows, on the page that set it up.
    pub(crate) fn confirms(&self, app: &Authenticator) {
        self.browser.fill(self.says.enroll_code, &self.code(app));
        self.browser.press(self.says.confirm);
        self.browser.arrives_at("/enroll/recovery-codes", self.says.codes);
    }

    /// Writes the recovery codes down, and goes on.
    pub(crate) fn keeps_the_codes(&self) -> Vec<String> {
        let codes = self.shown_codes();
        self.browser.tick(self.says.saved);
        self.browser.press(self.says.finish);
        codes
    }

    /// The recovery codes on the page.
    pub(crate) fn shown_codes(&self) -> Vec<String> {
        let list = self.browser.text_at("//ol").expect("a list of codes");
        // The numbers in front are drawn by the style sheet and are not part of the text.
        list.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    }

    /// Goes all the way to the signed-in page. Answers with the app and the recovery codes.
    pub(crate) fn becomes_a_user(&self, name: &str) -> (Authenticator, Vec<String>) {
        self.registers(name);
        let app = self.scans();
        self.confirms(&app);
        let codes = self.keeps_the_codes();
        self.is_signed_in_as(name);
        (app, codes)
    }

    /// Whether this is the signed-in page, and whose.
    pub(crate) fn is_signed_in_as(&self, name: &str) {
        self.browser.arrives_at("/", &format!("{} {name}", self.says.home));
    }

    /// Signs out, by the button on the signed-in page.
    pub(crate) fn signs_out(&self) {
        self.browser.press(self.says.sign_out);
        self.browser.arrives_at("/login", self.says.login);
    }

    /// Gives name and password; the code is asked for next.
    pub(crate) fn gives_the_password(&self, name: &str) {
        let (browser, says) = (&self.browser, self.says);
        browser.open("/login");
        browser.arrives_at("/login", says.login);
        browser.fill(says.username, name);
        browser.fill(says.password, PASSWORD);
        browser.press(says.next);
        browser.arrives_at("/login/code", says.code);
    }

    /// Gives a code on the second page of signing in.
    pub(crate) fn gives_the_code(&self, code: &str) {
        self.browser.fill(self.says.code_field, code);
        self.browser.press(self.says.next);
    }

    /// A newcomer's whole way: from the start page to being signed in, out and in again. `look` sees each page once.
    pub(crate) fn newcomer(&self, name: &str, look: &mut dyn FnMut(&Story, &str)) {
        let (browser, says) = (&self.browser, self.says);
        browser.open("/");
        browser.arrives_at("/login", says.login);
        look(self, "01-login");
        browser.press(says.create_account);
        browser.arrives_at("/register", says.register);
        look(self, "02-register");
        browser.fill(says.username, name);
        browser.fill(says.password, PASSWORD);
        self.server.keeps_time();
        browser.press(says.next);

        browser.arrives_at("/enroll", says.enroll);
        let app = self.scans();
        look(self, "03-enroll");
        assert_eq!(
            app.uri.split_once('?').map(|uri| uri.0),
            Some(&*format!("otpauth://totp/Latchkey:{name}"))
        );
        assert!(app.uri.ends_with("&issuer=Latchkey"), "{}", app.uri);
        browser.press(says.cannot_scan);
        assert_eq!(browser.value(says.setup_key), app.key_in_groups());
        self.confirms(&app);

        let codes = self.shown_codes();
        assert_eq!(codes.len(), 10, "{codes:?}");
        look(self, "04-recovery-codes");
        browser.press(says.finish);
        browser.hears(says.tick_first);
        look(self, "05-recovery-codes-not-saved");
        assert_eq!(self.shown_codes(), codes, "the same codes are shown until they are saved");
        self.keeps_the_codes();

        self.is_signed_in_as(name);
        assert!(browser.words().contains(says.ten_left), "{}", browser.words());
        look(self, "06-home");
        self.signs_out();
        look(self, "07-signed-out");

        self.waits_for_the_next_code();
        browser.fill(says.username, name);
        browser.fill(says.password, PASSWORD);
        browser.press(says.next);
        browser.arrives_at("/login/code", says.code);
        look(self, "08-code");
        self.gives_the_code(&self.code(&app));
        self.is_signed_in_as(name);
    }
}
