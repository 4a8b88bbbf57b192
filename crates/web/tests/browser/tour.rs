//! A walk past every page there is, each also with its problem, for the tests that look at all of them.

use auth::config::{Factors, Registration};
use auth::link::{self, Purpose};
use auth::{Role, setup};

use crate::server::Server;
use crate::story::Story;

/// The other pages that a person meets, one after another; `look` is called in front of each, with a name for it.
pub(crate) fn every_page(story: &Story, look: &mut dyn FnMut(&Story, &str)) {
    registering(story, look);
    having_an_account(story, look);
    signing_in(story, look);
    starting_a_server(story, look);
    losing_the_way(story, look);
}

fn registering(story: &Story, look: &mut dyn FnMut(&Story, &str)) {
    let (browser, says) = (&story.browser, story.says);
    browser.open("/register");
    browser.arrives_at("/register", says.register);
    look(story, "register");
    browser.press(says.next);
    browser.hears("Enter a username.");
    look(story, "register-problem");

    story.registers("ada");
    let app = story.scans();
    look(story, "enroll");
    browser.press(says.cannot_scan);
    look(story, "enroll-by-key");
    browser.fill(says.enroll_code, &app.wrong_code(story.server.clock.now()));
    browser.press(says.confirm);
    browser.hears(says.code_is_wrong);
    look(story, "enroll-problem");

    story.waits_for_the_next_code();
    story.confirms(&app);
    look(story, "recovery-codes");
    browser.press(says.finish);
    browser.hears(says.tick_first);
    look(story, "recovery-codes-problem");
    story.keeps_the_codes();
    story.is_signed_in_as("ada");
    look(story, "home");
}

fn having_an_account(story: &Story, look: &mut dyn FnMut(&Story, &str)) {
    let browser = &story.browser;
    for (path, heading, name) in [
        ("/account", "Your account", "account"),
        ("/account/sessions", "Where you are signed in", "sessions"),
        ("/account/activity", "Activity", "activity"),
        ("/account/tokens", "App passwords and tokens", "tokens"),
        ("/api", "The JSON API", "api"),
        ("/account/tokens/new", "Make an app password or token", "token-new"),
        ("/account/authenticators", "Authenticators", "authenticators"),
        ("/account/authenticators/add", "Add an authenticator", "authenticator-add"),
        ("/account/authenticators/new-phone", "Move to a new phone", "new-phone"),
        ("/account/recovery-codes", "Make new recovery codes?", "renew"),
        ("/account/password", "Change your password", "password"),
    ] {
        browser.open(path);
        browser.arrives_at(path, heading);
        look(story, name);
    }
    browser.press("Change password");
    browser.hears("Enter a password.");
    look(story, "password-problem");
    story.server.clock.advance(6 * 60);
    browser.open("/account/password");
    browser.arrives_at("/account/prove", "Is it still you?");
    look(story, "prove");
    browser.press(story.says.next);
    browser.hears("Enter a password.");
    look(story, "prove-problem");
    browser.open("/");
    story.is_signed_in_as("ada");
}

fn signing_in(story: &Story, look: &mut dyn FnMut(&Story, &str)) {
    let (browser, says) = (&story.browser, story.says);
    story.signs_out();
    look(story, "login-signed-out");
    browser.open("/login");
    browser.arrives_at("/login", says.login);
    look(story, "login");
    browser.press(says.next);
    browser.hears("Enter a username.");
    look(story, "login-problem");

    // Somebody with a long name, to see what that does to a narrow page.
    let long = "a-name-that-is-as-long-as-a-name-may-be.and-has-no-space@in.it42";
    let (app, codes) = story.becomes_a_user(long);
    look(story, "home-long-name");
    story.signs_out();
    story.gives_the_password(long);
    look(story, "code");
    story.gives_the_code(&app.wrong_code(story.server.clock.now()));
    browser.hears(says.code_is_wrong);
    look(story, "code-problem");
    browser.press(says.lost);
    browser.arrives_at("/login/recovery", says.recovery);
    look(story, "recovery");
    browser.fill(says.recovery_field, "abcd-efgh-jkmn-pqrs");
    browser.press(says.next);
    browser.hears("That recovery code is not right.");
    look(story, "recovery-problem");
    browser.fill(says.recovery_field, &codes[9]);
    browser.press(says.next);
    browser.arrives_at("/enroll", says.enroll_again);
    look(story, "enroll-again");

    tries_until_resting(story, "grace");
    look(story, "resting");
}

fn starting_a_server(story: &Story, look: &mut dyn FnMut(&Story, &str)) {
    let browser = &story.browser;
    let owner = story.server.runs(async |app| setup::owner_link(app).await).expect("nobody is the owner yet");
    browser.open(&owner.url);
    browser.arrives_at(&path_of(story, &owner.url), "Set up the first account");
    look(story, "setup-owner");
    let grace =
        story.server.runs(async |app| setup::user_link(app, "grace", Role::User).await).expect("a link");
    browser.open(&grace.url);
    browser.arrives_at(&path_of(story, &grace.url), "Welcome to Latchkey");
    look(story, "setup-user");
    for (purpose, name) in
        [(Purpose::Enroll, "link-enroll"), (Purpose::Password, "link-password"), (Purpose::Both, "link-both")]
    {
        let link = story.server.runs(async |app| link::make(app, "ada", purpose).await).expect("a link");
        browser.open(&link.url);
        browser.arrives_at(&path_of(story, &link.url), "A link for ada");
        look(story, name);
    }
    browser.open("/setup/0000-0000-0000-0000");
    assert!(browser.comes_true(|| browser.heading() == "This link no longer works"), "{}", browser.heading());
    look(story, "setup-gone");

    let closed = Server::start_with(|config| config.registration = Registration::Closed);
    browser.open(&format!("{}/register", closed.origin()));
    assert!(browser.comes_true(|| browser.heading() == "Registration is closed"), "{}", browser.heading());
    look(story, "register-closed");
    let by_code = Server::start_with(|config| config.factors = Factors::Code);
    browser.open(&format!("{}/login", by_code.origin()));
    assert!(browser.comes_true(|| browser.words().contains(story.says.code_field)), "{}", browser.words());
    look(story, "login-code");
    browser.press(story.says.next);
    browser.hears("Enter a username.");
    look(story, "login-code-problem");
    browser.open(&format!("{}/login/recovery", by_code.origin()));
    assert!(browser.comes_true(|| browser.heading() == story.says.recovery), "{}", browser.heading());
    look(story, "recovery-by-name");
    // Away from it again, or its end would wait for the connection.
    browser.open("/login");
}

fn losing_the_way(story: &Story, look: &mut dyn FnMut(&Story, &str)) {
    let browser = &story.browser;
    let port = story.server.origin().rsplit(':').next().unwrap_or_default().to_owned();
    for (address, status, name, heading) in [
        ("/nowhere".to_owned(), 404, "not-found", "Page not found"),
        ("/logout".to_owned(), 405, "method-not-allowed", "That is not how this page works"),
        (
            format!("http://elsewhere.example:{port}/login"),
            421,
            "misdirected",
            "This is not the server’s address",
        ),
    ] {
        browser.open(&address);
        assert!(browser.comes_true(|| browser.heading() == heading), "{address}: {}", browser.heading());
        assert_eq!(browser.status(), status, "{address}");
        look(story, name);
    }
    // On a name that is not this machine, Chromium remarks that plain http deserves no opener policy.
    let complaints = browser.complaints();
    let odd: Vec<_> = complaints.iter().filter(|line| !line.contains("Cross-Origin-Opener-Policy")).collect();
    assert!(odd.is_empty(), "{odd:?}");
    sends_a_forged_form(story);
    look(story, "forbidden");

    story.registers("lovelace");
    story.server.clock.advance(31 * 60);
    browser.open("/enroll");
    browser.arrives_at("/enroll", "This setup page has expired");
    look(story, "enroll-gone");
}

/// Guesses passwords for a name until it rests.
pub(crate) fn tries_until_resting(story: &Story, name: &str) {
    let (browser, says) = (&story.browser, story.says);
    for guess in 0..10 {
        browser.open("/login");
        browser.arrives_at("/login", says.login);
        browser.fill(says.username, name);
        browser.fill(says.password, &format!("guess number {guess}"));
        browser.press(says.next);
        let answered = || browser.heading() == "Too many tries" || !browser.problems().is_empty();
        assert!(browser.comes_true(answered), "the form is answered");
        if browser.heading() == "Too many tries" {
            return;
        }
    }
    panic!("ten wrong passwords, and {name} does not rest");
}

/// Sends a sign-out from a page that is not ours, and stays on the answer.
pub(crate) fn sends_a_forged_form(story: &Story) {
    let action = format!("{}/logout", story.server.origin());
    story.browser.open(&format!(
        "data:text/html,<form method=post action={action}><button>Win a prize</button></form>"
    ));
    story.browser.press("Win a prize");
    assert!(story.browser.comes_true(|| story.browser.path() == "/logout"), "{}", story.browser.path());
}

fn path_of(story: &Story, url: &str) -> String {
    url.strip_prefix(&story.server.origin()).expect("a link of this server").to_owned()
}
