//! What stands between: caches that believe a name's ending, and proxies that say other hosts.

use store::Kind;

use crate::login::signed_in;
use crate::world::{Browser, PASSWORD, World};

/// Pages of a person, under names that a cache would keep.
fn disguised(page: &str) -> Vec<String> {
    let endings = [
        "/x.css",
        "/x.js",
        "/x.png",
        "/x.ico",
        "/.css",
        ".css",
        ".js",
        ".png",
        ";x.css",
        ";.png",
        "%3bx.css",
        "%2fx.css",
        "%2Fx.js",
        "%252fx.css",
        "%00.css",
        "%0a.css",
        "%0d%0ax.css",
        "%23x.css",
        "%3fx.css",
        "%20.css",
        "/..%2fx.css",
        "/%2e%2e/x.css",
        "//x.css",
        "\\x.css",
        "/assets/app.css",
        "!x.css",
        "~x.css",
        "@x.css",
        "$x.css",
        ",x.css",
    ];
    let mut all: Vec<String> = endings.iter().map(|ending| format!("{page}{ending}")).collect();
    for start in [
        "/assets/..",
        "/assets/%2e%2e",
        "/assets/x.css/..",
        "/assets/..%2f",
        "/x.css;",
        "/assets/%2e%2e%2f",
        "/.",
        "/",
    ] {
        all.push(format!("{start}{page}"));
    }
    all.push(page.replace("/account", "/%61ccount"));
    all.push(page.replace("/account", "/Account"));
    all.push(format!("{page}/"));
    all.retain(|address| address != page);
    all
}

/// CACHE-1 of the threat model.
#[tokio::test]
async fn a_page_under_a_name_that_caches_keep_is_no_page() {
    let world = World::on(Kind::Sqlite).await;
    let ada = world.person("ada.lovelace").enrolled().await;
    let inside = signed_in(&ada).await;
    let mut tried = 0;
    for page in ["/account", "/account/sessions", "/enroll/qr.png", "/enroll/recovery-codes.txt"] {
        for address in disguised(page) {
            // A backslash or a control is no address at all, and never comes so far.
            if address.parse::<axum::http::Uri>().is_err() {
                continue;
            }
            let seen = inside.get(&address).await;
            assert!(matches!(seen.status.as_u16(), 404 | 303 | 421), "{address}: {}", seen.status);
            assert_eq!(seen.header("cache-control"), "no-store", "{address}");
            seen.never_says(&ada.name);
            tried += 1;
        }
    }
    println!("{tried} disguises");
    assert!(tried > 140, "{tried}");
    // A query is part of no name. The page is there, and no cache may keep it.
    for query in ["?x.css", "?/x.css", "?a=b.png"] {
        let seen = inside.get(&format!("/account{query}")).await;
        assert_eq!(seen.is(200).says(&ada.name).header("cache-control"), "no-store");
    }
    // Nor does what may be kept depend on who asks.
    let page = inside.get("/login").await.text + &world.browser().get("/login").await.text;
    for asset in page.split('"').filter(|part| part.starts_with("/assets/")) {
        let (theirs, anyones) = (inside.get(asset).await, world.browser().get(asset).await);
        assert!(theirs.body == anyones.body && theirs.set_cookies().is_empty(), "{asset}");
    }
}

/// What proxies say of a host that is not ours, in all the headers that some program believes.
const SAID: [(&str, &str); 22] = [
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-host", "evil.example, localhost:8080"),
    ("x-forwarded-host", "localhost:8080, evil.example"),
    ("x-forwarded-host", "\"><script>alert(1)</script>"),
    ("x-forwarded-server", "evil.example"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-proto", "javascript"),
    ("x-forwarded-port", "444"),
    ("x-forwarded-scheme", "https"),
    ("x-forwarded-prefix", "//evil.example"),
    ("x-forwarded-uri", "//evil.example/"),
    ("forwarded", "host=evil.example;proto=https"),
    ("forwarded", "for=\"evil.example\";host=\"evil.example\""),
    ("x-host", "evil.example"),
    ("x-original-host", "evil.example"),
    ("x-http-host-override", "evil.example"),
    ("x-original-url", "/logout"),
    ("x-rewrite-url", "/logout"),
    ("x-forwarded-ssl", "on"),
    ("front-end-https", "on"),
    ("x-url-scheme", "https"),
    ("base-url", "https://evil.example"),
];

/// HOST-1: with the header and without it, every page is the same to the byte.
#[tokio::test]
async fn what_is_said_of_a_host_changes_no_byte_of_any_page() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let (outside, inside, enrolling) = (world.browser(), signed_in(&ada).await, world.browser());
        enrolling.post("/register", &[("username", "eve"), ("password", PASSWORD)]).await.lands_on("/enroll");
        let pages: [(&Browser, &str); 12] = [
            (&outside, "/"),
            (&outside, "/login"),
            (&outside, "/register"),
            (&outside, "/nowhere"),
            (&enrolling, "/enroll"),
            (&enrolling, "/enroll/qr.png"),
            (&inside, "/"),
            (&inside, "/login"),
            (&inside, "/account"),
            (&inside, "/account/sessions"),
            (&inside, "/account/authenticators"),
            (&inside, "/account/activity"),
        ];
        for (browser, path) in pages {
            let plain = browser.get(path).await;
            for (name, value) in SAID {
                let seen = browser.clone().with(name, value).get(path).await;
                assert!(
                    seen.body == plain.body && seen.headers == plain.headers,
                    "{path} with {name}: {value}"
                );
            }
        }
    })
    .await;
}
