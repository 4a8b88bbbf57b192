//! Return addresses: whatever is asked for, people are sent to a path of ours, or to the start.

use std::collections::BTreeMap;

use store::Kind;
use url::Url;

use crate::hostile_addresses::hostile;
use crate::login::signed_in;
use crate::world::{PASSWORD, Seen, World, by_code};

/// As many as the collections that others publish hold.
const AT_LEAST: usize = 859;

const OURS: &str = "localhost:8080";

/// How often an address was tried in each position.
#[derive(Default)]
struct Tally(BTreeMap<&'static str, usize>);

impl Tally {
    /// A browser that is sent there from this page, by the rules that browsers follow, stays here.
    fn stays(&mut self, position: &'static str, page: &str, to: &str, asked: &str) {
        let base = Url::parse(&format!("http://{OURS}")).unwrap().join(page).unwrap();
        let there = base.join(to).unwrap_or_else(|e| panic!("{position} {asked:?}: {to:?}: {e}"));
        assert_eq!(there.origin(), base.origin(), "{position} {asked:?}: {to:?}");
        assert!(to.starts_with('/') && there.scheme() == "http" && there.username().is_empty(), "{to:?}");
        *self.0.entry(position).or_default() += 1;
    }

    fn redirect(&mut self, position: &'static str, seen: &Seen, asked: &str) {
        assert_eq!(seen.status, 303, "{position} {asked:?}: {}", seen.text);
        assert_eq!(seen.headers.get_all("location").iter().count(), 1);
        self.stays(position, "/login", &seen.header("location"), asked);
    }

    /// What the page carries on in its hidden field, if it carries anything.
    fn field(&mut self, position: &'static str, seen: &Seen, asked: &str) {
        for carried in seen.values_of("rd") {
            self.stays(position, "/login", &carried, asked);
        }
        *self.0.entry(position).or_default() += usize::from(seen.values_of("rd").is_empty());
    }
}

/// A NUL is in no form of ours, wherever it stands.
fn refused(seen: &Seen, address: &str) -> bool {
    assert_eq!(seen.status == 400, address.contains('\0'), "{address:?}: {}", seen.text);
    seen.status == 400
}

fn encoded(address: &str) -> String {
    form_urlencoded::byte_serialize(address.as_bytes()).collect()
}

/// The address as it is, encoded once more, and with only what a query cannot hold encoded.
fn asked(page: &str, address: &str) -> [String; 3] {
    let sparse: String = address
        .bytes()
        .map(|b| match b {
            b'!'..=b'~' if !matches!(b, b'%' | b'#' | b'&' | b'+' | b'"' | b'<' | b'>' | b'`') => {
                char::from(b).to_string()
            }
            other => format!("%{other:02x}"),
        })
        .collect();
    [encoded(address), encoded(&encoded(address)), sparse].map(|rd| format!("{page}?rd={rd}"))
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_by_any_of_859_addresses_in_any_position() {
    let all = hostile(OURS);
    assert!(all.len() >= AT_LEAST, "{}", all.len());
    let world = World::on(Kind::Sqlite).await;
    let ada = world.person("ada").enrolled().await;
    let (inside, outside) = (signed_in(&ada).await, world.browser());
    let mut tally = Tally::default();
    for address in &all {
        for page in asked("/login", address) {
            tally.redirect("signed in", &inside.get(&page).await, address);
            tally.field("login page", &outside.get(&page).await, address);
        }
        for page in asked("/register", address) {
            tally.field("register page", &outside.get(&page).await, address);
        }
        for page in asked("/account/prove", address) {
            tally.field("proof page", &inside.get(&page).await, address);
        }
        // Carried on by a form that is shown again.
        let fields = [("username", "ada"), ("password", ""), ("rd", address)];
        tally.field("login form", &outside.post("/login", &fields).await, address);
        tally.field("register form", &outside.post("/register", &fields).await, address);
        tally.field(
            "proof form",
            &inside.post("/account/prove", &[("password", ""), ("otp", ""), ("rd", address)]).await,
            address,
        );
        // Where a browser says that it comes from.
        if let Ok(from) = axum::http::HeaderValue::from_bytes(address.as_bytes()) {
            let mut browser = world.browser();
            browser.headers.insert("referer", from);
            tally.redirect("referer", &browser.get("/account").await, address);
            tally.redirect("referer of a form", &browser.post("/logout", &[]).await, address);
        }
    }
    println!("{} addresses: {:?}", all.len(), tally.0);
    for position in ["signed in", "login page", "register page", "proof page"] {
        assert_eq!(tally.0[position], all.len() * 3, "{position}");
    }
    for position in ["login form", "register form", "proof form"] {
        assert_eq!(tally.0[position], all.len(), "{position}");
    }
}

#[tokio::test]
async fn nor_by_what_is_carried_through_all_of_a_sign_in() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let mut tally = Tally::default();
        for address in hostile(OURS).iter().step_by(19) {
            let browser = world.browser();
            let fields = [("username", "ada"), ("password", PASSWORD), ("rd", address)];
            let begun = browser.post("/login", &fields).await;
            if refused(&begun, address) {
                continue;
            }
            begun.lands_on("/login/code");
            tally.redirect("code", &browser.give_code(&ada.code()).await, address);
            world.wait(30);
            let fields = [("password", PASSWORD), ("otp", &*ada.code()), ("rd", address)];
            tally.redirect("proof", &browser.post("/account/prove", &fields).await, address);
            world.wait(30);
        }
        for (n, address) in
            hostile(OURS).iter().filter(|address| !address.contains('\0')).step_by(97).enumerate()
        {
            let (browser, mut new) = (world.browser(), world.person(&format!("new{n}")));
            let fields = [("username", &*new.name), ("password", PASSWORD), ("rd", address)];
            browser.post("/register", &fields).await.lands_on("/enroll");
            new.scan(&browser).await;
            browser.post("/enroll", &[("otp", &new.code())]).await.lands_on("/enroll/recovery-codes");
            let seen = browser.post("/enroll/recovery-codes", &[("saved", "on")]).await;
            tally.redirect("registration", &seen, address);
        }
        println!("{:?}", tally.0);
        assert!(tally.0["code"] > 100 && tally.0["registration"] > 20, "{:?}", tally.0);
    })
    .await;
}

#[tokio::test]
async fn nor_where_a_code_is_enough() {
    let world = World::with(Kind::Sqlite, by_code).await;
    let ada = world.person("ada").enrolled_by_code().await;
    let mut tally = Tally::default();
    for (n, address) in hostile(OURS).iter().filter(|address| !address.contains('\0')).step_by(29).enumerate()
    {
        let browser = world.browser();
        for page in asked("/login/recovery", address) {
            tally.field("recovery page", &browser.get(&page).await, address);
        }
        let fields = [("username", "ada"), ("otp", &*ada.code()), ("rd", address)];
        tally.redirect("code", &browser.post("/login", &fields).await, address);
        world.wait(30);
        if n % 16 == 0 {
            let code = &ada.recovery_codes[n / 16];
            let fields = [("username", "ada"), ("recovery_code", code), ("rd", address)];
            tally.redirect("recovery", &world.browser().post("/login/recovery", &fields).await, address);
        }
    }
    println!("{:?}", tally.0);
    assert!(tally.0["code"] > 50 && tally.0["recovery"] > 3, "{:?}", tally.0);
}

/// The control: what is a path of ours is where one goes.
#[tokio::test]
async fn a_path_of_ours_is_gone_to() {
    let world = World::on(Kind::Sqlite).await;
    let ada = world.person("ada").enrolled().await;
    let inside = signed_in(&ada).await;
    for path in ["/account", "/account/sessions?lang=de", "/a/b%2F..", "/x#y"] {
        inside.get(&format!("/login?rd={}", encoded(path))).await.lands_on(path);
    }
}
