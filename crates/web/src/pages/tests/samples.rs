//! One of each page, filled as a person would meet it.

use askama::Template;
use auth::enroll::NewIs;
use auth::link::{AsksPassword, Link, Purpose};
use serde_json::json;

use crate::api::caller;
use crate::api::doors::Door;
use crate::api::reference::Reference;
use crate::pages::Problem;
use crate::pages::account::AccountPage;
use crate::pages::account::activity::{self, ActivityPage};
use crate::pages::account::authenticators::{
    AuthenticatorsPage, Line, NewAuthenticatorPage, RemoveAuthenticatorPage,
};
use crate::pages::account::password::PasswordPage;
use crate::pages::account::prove::ProvePage;
use crate::pages::account::recovery_codes::RenewPage;
use crate::pages::account::sessions::{self, SessionsPage};
use crate::pages::account::tokens::{self, NewTokenPage, Offer, TokenMadePage, TokensPage, Typed};
use crate::pages::api::ApiPage;
use crate::pages::code::CodePage;
use crate::pages::enroll::EnrollPage;
use crate::pages::home::HomePage;
use crate::pages::link::LinkPage;
use crate::pages::login::{Asks, LoginPage};
use crate::pages::message::{MessagePage, RestingPage};
use crate::pages::owed_password::OwedPasswordPage;
use crate::pages::recovery::{RecoveryPage, Who};
use crate::pages::recovery_codes::RecoveryCodesPage;
use crate::pages::register::{RegisterPage, RegistrationClosedPage, Welcome};
use crate::shell::Shell;

const URI: &str = "otpauth://totp/Latchkey:ada?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Latchkey";
const LONG_NAME: &str = "augusta.ada.king-noel+countess_of_lovelace@analytical.engine.org";

/// Every page, with the name it has in the gallery.
pub(super) fn all(shell: &Shell) -> Vec<(&'static str, String)> {
    let at = |field, key| Problem::at(field, shell.t(key));
    let wrong = Problem::at("otp", shell.t1("problem-code-wrong", "time", "14:05:32 UTC"));
    let slow = Problem::at("otp", shell.t1("problem-code-behind", "duration", shell.duration(70).as_str()));
    let both = [at("username", "problem-username-taken"), at("password", "problem-password-short")];
    let mut pages = vec![
        ("register", register(shell, &[], Welcome::Anyone)),
        ("register-problems", register(shell, &both, Welcome::Anyone)),
        ("register-code", RegisterPage { asks_password: false, ..register_page(shell) }.render().unwrap()),
        ("register-owner", register(shell, &[], Welcome::FirstOwner)),
        ("register-invited", register(shell, &[], Welcome::Invited)),
        ("registration-closed", RegistrationClosedPage { shell, problems: &[] }.render().unwrap()),
        ("enroll", enroll(shell, &[], NewIs::First)),
        ("enroll-problem", enroll(shell, &[slow], NewIs::First)),
        ("enroll-again", enroll(shell, &[], NewIs::Replacement)),
        ("enroll-further", enroll(shell, &[], NewIs::Further)),
        ("recovery-codes", recovery_codes(shell, &[])),
        ("recovery-codes-problem", recovery_codes(shell, &[at("saved", "problem-saved-missing")])),
        ("home", home(shell, "ada", "role-user", 10)),
        ("home-few", home(shell, LONG_NAME, "role-owner", 1)),
        ("login", login(shell, &[], "", Asks::Password)),
        (
            "login-problem",
            login(
                shell,
                &[Problem::general(shell.t("problem-bad-credentials"))],
                "ada",
                Asks::PasswordOrCode,
            ),
        ),
        ("login-code", login(shell, &[], "", Asks::Code)),
        (
            "login-code-problem",
            login(shell, &[Problem::general(shell.t("problem-bad-name-or-code"))], "ada", Asks::Code),
        ),
        ("login-code-for-now", login(shell, &[], "", Asks::CodeForNow)),
        ("owed-password", owed_password(shell, false)),
        ("owed-password-new", owed_password(shell, true)),
        ("link-enroll", link(shell, Purpose::Enroll)),
        ("link-password", link(shell, Purpose::Password)),
        ("link-both", link(shell, Purpose::Both)),
        ("code", code(shell, &[], "ada")),
        ("code-problem", code(shell, &[wrong], LONG_NAME)),
        ("recovery", recovery(shell, &[], Who::Known("ada"))),
        ("recovery-name", recovery(shell, &[], Who::Asked(""))),
        (
            "recovery-problem",
            recovery(shell, &[at("recovery_code", "problem-recovery-wrong")], Who::Known("ada")),
        ),
        ("resting", resting(shell)),
        ("account", account(shell, 10, 1)),
        ("account-few", account(shell, 2, 3)),
        ("prove", prove(shell, &[])),
        ("prove-problem", prove(shell, &[at("password", "problem-password-wrong")])),
        ("password", password(shell, &[])),
        ("password-problem", password(shell, &[at("password", "problem-password-short")])),
        (
            "password-first",
            PasswordPage { shell, problems: &[], username: "ada", first: true }.render().unwrap(),
        ),
        ("prove-code", prove_code(shell)),
        ("renew", RenewPage { shell, problems: &[], recovery_left: 3 }.render().unwrap()),
        ("authenticators", authenticators(shell)),
        ("authenticator-add", new_authenticator(shell, &[at("name", "problem-authenticator-name")], false)),
        ("new-phone", new_authenticator(shell, &[], true)),
        ("authenticator-remove", remove_authenticator(shell)),
        ("sessions", sessions(shell)),
        ("activity", activity(shell)),
        ("api", api(shell)),
        ("tokens", tokens(shell)),
        ("token-new", new_token(shell, &[])),
        ("token-new-problem", new_token(shell, &[at("hosts", "problem-token-hosts")])),
        ("token-made", made_token(shell, "calendar.example.org")),
        ("token-made-api", made_token(shell, "")),
    ];
    pages.extend(messages(shell));
    pages
}

pub(super) fn register(shell: &Shell, problems: &[Problem], welcome: Welcome) -> String {
    let fixed_name = welcome == Welcome::Invited;
    let username = if fixed_name || !problems.is_empty() { "ada" } else { "" };
    let action = if welcome == Welcome::Anyone { "/register" } else { "/setup/7q4m-k2vd-9xrt" };
    let page = RegisterPage { problems, username, action, fixed_name, welcome, ..register_page(shell) };
    page.render().unwrap()
}

fn register_page(shell: &Shell) -> RegisterPage<'_> {
    RegisterPage {
        shell,
        problems: &[],
        username: "",
        action: "/register",
        fixed_name: false,
        asks_password: true,
        welcome: Welcome::Anyone,
        rd: "/account",
    }
}

fn enroll(shell: &Shell, problems: &[Problem], kind: NewIs) -> String {
    EnrollPage {
        shell,
        problems,
        label: "Latchkey: ada",
        account: "Latchkey:ada",
        key_grouped: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP",
        key_plain: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        uri: URI,
        apple_uri: (kind == NewIs::Replacement)
            .then_some("apple-otpauth://totp/Latchkey:ada?secret=JBSWY3DPEHPK3PXP"),
        qr_src: "/enroll/qr.png",
        qr_px: 270,
        kind,
    }
    .render()
    .unwrap()
}

fn recovery_codes(shell: &Shell, problems: &[Problem]) -> String {
    let codes: Vec<String> = [
        "7q4m-k2vd-9xrt-3b8h",
        "c5wn-08jz-paf2-rm6y",
        "v1kd-t7gs-4hxe-q9wb",
        "2zpn-bm5c-y8rj-6f0d",
        "xh3a-9tqk-d4vw-s7e1",
        "m6gy-fr2p-0ncz-8jbt",
        "e8sd-5wxh-k1qa-v3n7",
        "j0bz-c4tm-g9py-2rwf",
        "q7ve-n3dk-6sxa-h5t8",
        "a2rw-y1jg-bz9f-4mpc",
    ]
    .map(str::to_owned)
    .into();
    RecoveryCodesPage { renewed: false, shell, problems, codes: &codes, username: "ada", date: "2026-11-24" }
        .render()
        .unwrap()
}

fn home(shell: &Shell, username: &str, role_key: &str, recovery_left: u32) -> String {
    let shell = Shell { signed_in_as: Some(username.to_owned()), ..shell.clone() };
    let signed_in_at = "2026-11-24 14:05 UTC";
    HomePage {
        shell: &shell,
        problems: &[],
        username,
        role_key,
        recovery_left,
        insecure: role_key == "role-owner",
        signed_in_at,
    }
    .render()
    .unwrap()
}

fn login(shell: &Shell, problems: &[Problem], username: &str, asks: Asks) -> String {
    LoginPage { shell, problems, username, keep: false, rd: "/account", registration_open: true, asks }
        .render()
        .unwrap()
}

fn owed_password(shell: &Shell, new: bool) -> String {
    OwedPasswordPage { shell, problems: &[], username: "ada", new }.render().unwrap()
}

fn link(shell: &Shell, purpose: Purpose) -> String {
    let (password, code) = match purpose {
        Purpose::Enroll => (AsksPassword::Current, false),
        Purpose::Password => (AsksPassword::New, true),
        Purpose::Both => (AsksPassword::New, false),
    };
    let link = Link { name: "ada".to_owned(), purpose, password, code };
    LinkPage { shell, problems: &[], action: "/link/7q4m-k2vd-9xrt-3b8h", link: &link }.render().unwrap()
}

pub(super) fn code(shell: &Shell, problems: &[Problem], username: &str) -> String {
    let label = format!("{}: {username}", shell.issuer);
    CodePage { shell, problems, username, label: &label, rd: "" }.render().unwrap()
}

fn recovery(shell: &Shell, problems: &[Problem], who: Who<'_>) -> String {
    RecoveryPage { shell, problems, who, rd: "" }.render().unwrap()
}

fn resting(shell: &Shell) -> String {
    RestingPage { shell, problems: &[], until: "14:06:02 UTC", seconds: 27, back: "/login/code" }
        .render()
        .unwrap()
}

fn account(shell: &Shell, recovery_left: u32, sessions: u32) -> String {
    let shell = &Shell { signed_in_as: Some("ada".to_owned()), ..shell.clone() };
    let (authenticators, has_password) = (sessions, sessions == 1);
    AccountPage { shell, problems: &[], recovery_left, sessions, authenticators, has_password }
        .render()
        .unwrap()
}

fn prove(shell: &Shell, problems: &[Problem]) -> String {
    ProvePage { shell, problems, username: "ada", rd: "/account/password", asks_password: true }
        .render()
        .unwrap()
}

fn prove_code(shell: &Shell) -> String {
    ProvePage { shell, problems: &[], username: "ada", rd: "", asks_password: false }.render().unwrap()
}

fn authenticator_lines(shell: &Shell) -> Vec<Line> {
    let line = |id: &str, name: &str, label: &str, until: Option<&str>| Line {
        id: id.to_owned(),
        name: name.to_owned(),
        label: label.to_owned(),
        since: shell
            .t2("authenticators-since", ("since", "2026-03-02"), ("used", "2026-11-24 14:05 UTC"))
            .into_owned(),
        until: until.map(str::to_owned),
        removable: true,
    };
    vec![
        line("01", "Latchkey: ada", "Latchkey: ada", Some("2026-11-25 14:05 UTC")),
        line("02", "New phone", "Latchkey: ada (New phone)", None),
        line("03", "iPad", "Latchkey: ada (iPad)", None),
    ]
}

fn authenticators(shell: &Shell) -> String {
    let shell = &Shell { signed_in_as: Some("ada".to_owned()), ..shell.clone() };
    AuthenticatorsPage { shell, problems: &[], lines: &authenticator_lines(shell) }.render().unwrap()
}

fn new_authenticator(shell: &Shell, problems: &[Problem], phone: bool) -> String {
    let lines = &authenticator_lines(shell)[1..];
    NewAuthenticatorPage { shell, problems, phone, name: "", lines }.render().unwrap()
}

fn remove_authenticator(shell: &Shell) -> String {
    RemoveAuthenticatorPage { shell, problems: &[], line: &authenticator_lines(shell)[2] }.render().unwrap()
}

fn password(shell: &Shell, problems: &[Problem]) -> String {
    PasswordPage { shell, problems, username: "ada", first: false }.render().unwrap()
}

fn sessions(shell: &Shell) -> String {
    let line = |id: &str, browser: &str, current| sessions::Line {
        id: id.to_owned(),
        browser: browser.to_owned(),
        since: "2026-11-24 14:05 UTC".to_owned(),
        address: "2001:db8:1234:5678:90ab:cdef:1234:5678".to_owned(),
        current,
    };
    let sessions = [line("1", "Firefox on Linux", true), line("2", "Safari on iPhone", false)];
    let browsers = [line("3", "Firefox on Linux", true), line("4", "Chrome on Android", false)];
    SessionsPage { shell, problems: &[], sessions: &sessions, browsers: &browsers }.render().unwrap()
}

fn api(shell: &Shell) -> String {
    let text = |said: &str| json!({ "type": "string", "description": said });
    let item = json!({
        "patch": {
            "operationId": "patch_account_authenticators_id", "tags": ["account"],
            "summary": "Gives one another name.", "description": "What the app shows stays as it is.",
            "parameters": [{ "name": "id", "required": true, "schema": { "type": "string" },
                             "description": "The id of the authenticator." }],
            "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/s/Name" } } } },
            "responses": { "204": { "description": "Done." }, "401": { "description": "Nobody who is known here." } },
        },
        "get": {
            "operationId": "get_account_authenticators_id", "tags": ["account"], "summary": "Shows it.",
            "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/s/Name" } } } } },
        },
    });
    let document = json!({
        "paths": { "/api/v1/account/authenticators/{id}": item },
        "s": { "Name": { "required": ["name"], "properties": {
            "name": text("1 to 32 characters."),
            "until": { "type": ["string", "null"], "format": "date-time", "description": "Until when it is good." },
        } } },
    });
    let who = caller::Who::PersonOr(auth::api_token::Scope::AccountRead);
    let door = |method| Door { method, url: "/api/v1/account/authenticators/{id}", who };
    let reference = Reference::new(&document, &["get", "patch"].map(door));
    let statuses = &reference.statuses;
    let origin = "https://login.example.org";
    let page = ApiPage { shell, problems: &[], origin, chapters: &reference.chapters, statuses };
    page.render().unwrap()
}

fn activity(shell: &Shell) -> String {
    let line = |key, count| activity::Line {
        when: "2026-11-24 14:05 UTC".to_owned(),
        key,
        count,
        address: "203.0.113.7".to_owned(),
    };
    // One of each; guesses are gathered, and there may be many.
    let keys = activity::WORDS.iter().map(|words| words.1);
    let lines: Vec<_> = keys.map(|key| line(key, if key.ends_with("-wrong") { 1_234 } else { 1 })).collect();
    ActivityPage { shell, problems: &[], lines: &lines }.render().unwrap()
}

fn messages(shell: &Shell) -> Vec<(&'static str, String)> {
    let shell = &Shell { signed_in_as: Some(LONG_NAME.to_owned()), ..shell.clone() };
    let start = shell.t("to-start");
    let message = |heading, text: &str, detail, action, reference| {
        let heading = &shell.t(heading);
        MessagePage { shell, problems: &[], heading, text, detail, action, reference }.render().unwrap()
    };
    let misdirected = shell.t1("misdirected-text", "url", "https://login.example.org");
    let detail = shell.t("misdirected-detail");
    let to_start = Some(("/", &*start));
    let app = |key| shell.t1(key, "host", "photos.example.org");
    let (refused, lost, again) = (app("app-refused-text"), app("app-lost-text"), shell.t("app-lost-again"));
    let once_more = Some(("/?rd=https%3A%2F%2Fphotos.example.org%2F", &*again));
    vec![
        (
            "app-refused",
            message("app-refused-heading", &refused, None, to_start, Some("06a1b2c3d4e5f6g7h8i9j0k1l2")),
        ),
        ("app-lost", message("app-lost-heading", &lost, None, once_more, None)),
        ("no-such-app", message("no-such-app-heading", &shell.t("no-such-app-text"), None, to_start, None)),
        ("not-found", message("not-found-heading", &shell.t("not-found-text"), None, to_start, None)),
        (
            "broken",
            message("broken-heading", &shell.t("broken-text"), None, to_start, Some("01JD-7Q4M-K2VD")),
        ),
        ("door-closed", message("door-closed-heading", &shell.t("door-closed-text"), None, to_start, None)),
        (
            "headers-too-large",
            message("headers-too-large-heading", &shell.t("headers-too-large-text"), None, to_start, None),
        ),
        ("misdirected", message("misdirected-heading", &misdirected, Some(&*detail), None, None)),
    ]
}

/// The QR code of [`URI`] as a picture, so that the gallery looks as the page does.
pub(super) fn picture() -> String {
    let code = qrcodegen::QrCode::encode_text(URI, qrcodegen::QrCodeEcc::Medium).unwrap();
    let side = code.size() + 8;
    let dark: String = (0..code.size())
        .flat_map(|y| (0..code.size()).map(move |x| (x, y)))
        .filter(|&(x, y)| code.get_module(x, y))
        .map(|(x, y)| format!("M{} {}h1v1h-1z", x + 4, y + 4))
        .collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{dark}\"/></svg>"
    )
}

fn tokens(shell: &Shell) -> String {
    let line = |name: &str, purpose: String, since: String| tokens::Line {
        id: name.to_owned(),
        name: name.to_owned(),
        purposes: vec![purpose],
        since,
    };
    let used = shell.t2("tokens-used", ("until", "2027-11-28"), ("used", "2026-11-28 14:05 UTC"));
    let lines = [
        line(
            "Calendar on my phone",
            shell.t1("tokens-opens", "hosts", "calendar.example.org").into_owned(),
            used.into_owned(),
        ),
        line(
            "backup",
            shell.t("token-for-account").into_owned(),
            shell.t1("tokens-unused", "until", "2026-12-28").into_owned(),
        ),
    ];
    let shell = &Shell { signed_in_as: Some("ada".to_owned()), ..shell.clone() };
    TokensPage { shell, problems: &[], lines: &lines }.render().unwrap()
}

fn new_token(shell: &Shell, problems: &[Problem]) -> String {
    let offer = |field, key| Offer { field, text: shell.t(key).into_owned(), ticked: field == "apps" };
    let offers = [offer("apps", "token-for-apps"), offer("account_read", "token-for-account")];
    NewTokenPage { shell, problems, typed: &Typed::default(), offers: &offers }.render().unwrap()
}

fn made_token(shell: &Shell, hosts: &str) -> String {
    let page = TokenMadePage {
        shell: &Shell { signed_in_as: Some("ada".to_owned()), ..shell.clone() },
        problems: &[],
        name: "Calendar on my phone",
        username: "ada",
        token: "lk_7q4mk2vd9xrt3c8hn5wz6j1fb0p7q4mk2vd9xrt3c8hn5wz6j1fb",
        hosts,
        until: "2027-11-28",
    };
    page.render().unwrap()
}
