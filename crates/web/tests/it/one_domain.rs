//! The simple mode: one cookie for all programs below a domain.

use auth::Config;
use store::Kind;

use crate::forward_auth::ada;
use crate::proxied::{APP, OTHER_APP, PORTAL, Traveler, ask, behind_a_proxy};
use crate::world::World;

const COOKIE: &str = "__Secure-latchkey-app";

fn simple(config: &mut Config) {
    behind_a_proxy(config);
    config.set("access.cookie_domain", "example.org").unwrap();
}

#[tokio::test]
async fn one_cookie_is_good_at_every_host_of_the_domain_and_at_no_other() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let world = World::with(kind, simple).await;
        let ada = ada(&world).await;
        let mut traveler = Traveler::new(&world);
        let at = traveler.goes_to(&format!("{APP}/")).await.is_at_the_portal("/login").0.to_owned();
        let browser = traveler.portal();
        let rd = crate::proxied::query_of(&at, "rd");
        let fields = [("username", "ada"), ("password", crate::world::PASSWORD), ("rd", rd.as_str())];
        browser.post("/login", &fields).await.lands_on("/login/code");
        let onward = browser.post("/login/code", &[("otp", &ada.code())]).await.header("location");
        let seen = browser.get(&onward).await;
        assert_eq!((seen.status.as_u16(), seen.header("location")), (303, format!("{APP}/")));
        let set = seen.header("set-cookie");
        let flags = "; Domain=example.org; Path=/; HttpOnly; SameSite=Lax; Secure";
        assert!(set.starts_with(COOKIE) && set.ends_with(flags), "{set}");

        // A browser sends it to every host of the domain, the portal included.
        let token = browser.cookie(COOKIE).unwrap();
        let with_it = |origin: &str| {
            let browser = Traveler::new(&world).at(origin);
            browser.set_cookie(COOKIE, &token);
            browser
        };
        assert_eq!(ask(&with_it(APP), "GET", &format!("{APP}/")).await.header("remote-user"), "Ada");
        let club = "https://club.example.org";
        assert_eq!(ask(&with_it(club), "GET", &format!("{club}/")).await.header("remote-user"), "Ada");
        assert_eq!(ask(&with_it(OTHER_APP), "GET", &format!("{OTHER_APP}/")).await.status, 302);
        with_it(PORTAL).get("/account").await.lands_on("/login");
        let at_the_portal = with_it(PORTAL);
        at_the_portal.set_cookie("__Host-latchkey", &token);
        at_the_portal.get("/account").await.lands_on("/login");
        let as_a_hosts = Traveler::new(&world).at(APP);
        as_a_hosts.set_cookie("__Host-latchkey-app", &token);
        assert_eq!(ask(&as_a_hosts, "GET", &format!("{APP}/")).await.status, 302);

        // Programs of other domains go the usual way, and signing out ends both.
        let rest = traveler.goes_to(&format!("{OTHER_APP}/")).await;
        rest.is_the_app(&format!("{OTHER_APP}/"), ["Ada", "family"]);
        traveler.portal().post("/logout", &[]).await.lands_on("/login");
        assert_eq!(ask(&with_it(APP), "GET", &format!("{APP}/")).await.status, 302);
        assert_eq!(ask(&traveler.at(OTHER_APP), "GET", &format!("{OTHER_APP}/")).await.status, 302);
    }
}

#[tokio::test]
async fn where_the_simple_mode_is_over_so_are_its_cookies() {
    let world = World::with(Kind::Sqlite, simple).await;
    let ada = ada(&world).await;
    let strict = world.reopened(behind_a_proxy).await.unwrap();
    let session = crate::login::signed_in(&ada).await;
    let seen = session.get("/?rd=https%3A%2F%2Fapp.example.org%2F").await;
    assert!(seen.header("set-cookie").starts_with(COOKIE));
    let app = Traveler::new(&world).at(APP);
    app.set_cookie(COOKIE, &session.cookie(COOKIE).unwrap());
    assert_eq!(ask(&app, "GET", &format!("{APP}/")).await.status, 200);
    assert_eq!(ask(&app.at(&strict), "GET", &format!("{APP}/")).await.status, 302);
}

#[test]
fn a_domain_that_is_not_the_portals_is_refused() {
    let set = |domain: &str| {
        let mut config = Config::default();
        config.set("public_url", "https://login.example.org").unwrap();
        config.set("access.cookie_domain", domain).map(|()| config)
    };
    for good in ["example.org", ".example.org", "EXAMPLE.org", "login.example.org", ""] {
        assert!(set(good).is_ok(), "{good}");
    }
    for wrong in [
        "org",
        "localhost",
        "10.0.0.1",
        "example..org",
        "-a.org",
        "a b.org",
        "example.org;",
        "ex\u{e4}mple.org",
        "example.org:443",
    ] {
        assert!(set(wrong).is_err(), "{wrong}");
    }
}
