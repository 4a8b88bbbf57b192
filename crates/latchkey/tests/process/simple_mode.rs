//! One cookie for all hosts below a domain, through each of the proxies: who signs in on the way to one of them is signed in at
//! the others, and nowhere else.

use store::Kind as Engine;

use crate::proxies::{House, is_told_of_ada};
use crate::proxy::{APP, CLUB, Kind, PORTAL, Proxy, WIKI};
use crate::server::Place;
use crate::traveler::Traveler;

const SETTINGS: &str = r#"
[access]
cookie_domain = "example.org"

[[access.rules]]
hosts = ["*.example.org", "club.example.net"]
policy = "two_factor"
groups = ["family"]
"#;

/// The cookie for the domain, and the one for a host.
const SHARED: &str = "__Secure-latchkey-app";
const OWN: &str = "__Host-latchkey-app";

fn one_sign_in_is_good_below_the_domain(kind: Kind) {
    let mut house = House::with(Place::new(Engine::Sqlite), SETTINGS);
    let proxy = Proxy::start(kind, &house.recipe(kind));
    let mut ada = Traveler::new(&proxy);
    let (at, _) = ada.goes_to(&format!("https://{APP}/photos"));
    house.echo.arrived();
    let (at, page) = ada.signs_in(&mut house.ada, &at);
    assert_eq!(at, format!("https://{APP}/photos"));
    is_told_of_ada(page.is(200));
    assert_eq!(ada.jars.get(APP), None, "{kind:?}: a cookie of its own");
    let shared = ada.jars[".example.org"][SHARED].clone();
    let portal: Vec<String> = ada.jars[PORTAL].values().cloned().collect();
    assert!(!portal.is_empty());

    // The other one is opened at once, without a word to the portal.
    is_told_of_ada(ada.goes_straight_to(WIKI, "/start").is(200));
    let heads = house.echo.arrived();
    assert_eq!(heads.len(), 2, "{kind:?}: {heads:?}");
    for head in heads {
        assert!(
            !portal.iter().any(|token| head.contains(token.as_str())),
            "{kind:?}: the portal's own: {head}"
        );
        assert_eq!(head.contains(&shared), kind == Kind::Traefik, "{kind:?}: {head}");
    }

    // Beyond the domain that cookie is worth nothing, by whatever name. The portal opens the way there.
    assert_eq!(ada.goes_straight_to(CLUB, "/").status, 302, "{kind:?}");
    for name in [SHARED, OWN] {
        ada.jars.entry(CLUB.to_owned()).or_default().insert(name.to_owned(), shared.clone());
        assert_eq!(ada.goes_straight_to(CLUB, "/").status, 302, "{kind:?}: {name}");
    }
    let (at, page) = ada.goes_to(&format!("https://{CLUB}/"));
    assert_eq!(at, format!("https://{CLUB}/"));
    is_told_of_ada(page.is(200));

    // Out at the portal is out everywhere, also for who has kept the cookie.
    let kept = ada.jars.clone();
    assert_eq!(ada.posts("/logout", ""), "/login");
    ada.jars.extend(kept.into_iter().filter(|(of, _)| of != PORTAL));
    house.echo.arrived();
    for host in [APP, WIKI, CLUB] {
        assert_eq!(ada.goes_straight_to(host, "/").status, 302, "{kind:?}: {host}");
    }
    assert_eq!(house.echo.arrived(), Vec::<String>::new());
}

#[test]
fn through_nginx_one_cookie_opens_all_hosts_below_the_domain() {
    one_sign_in_is_good_below_the_domain(Kind::Nginx);
}

#[test]
fn through_haproxy_one_cookie_opens_all_hosts_below_the_domain() {
    one_sign_in_is_good_below_the_domain(Kind::Haproxy);
}

#[test]
fn through_the_caddy_of_debian_one_cookie_opens_all_hosts_below_the_domain() {
    one_sign_in_is_good_below_the_domain(Kind::Caddy);
}

#[test]
fn through_a_newer_caddy_one_cookie_opens_all_hosts_below_the_domain() {
    one_sign_in_is_good_below_the_domain(Kind::NewCaddy);
}

#[test]
fn through_traefik_one_cookie_opens_all_hosts_below_the_domain() {
    one_sign_in_is_good_below_the_domain(Kind::Traefik);
}
