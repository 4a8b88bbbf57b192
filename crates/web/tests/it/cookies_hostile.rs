//! Cookies that somebody else has planted: a session of theirs is used in none of them, and a name that came twice is cleared.

use auth::Config;
use store::Kind;

use crate::access::ADDRESSES;
use crate::login::signed_in;
use crate::world::{Browser, World};

/// What the attacker is called, and no page says by itself.
const ATTACKER: &str = "mallory.q7";

/// Headers that carry the attacker's token in a name which is almost that of the session.
fn planted(name: &str, token: &str) -> Vec<Vec<u8>> {
    let mut headers: Vec<Vec<u8>> = Vec::new();
    // Spaces and dots that some readers trim, and letters that some languages fold.
    let odd = "\u{2000}\u{2009}\u{200a}\u{a0}\u{1680}\u{205f}\u{3000}\u{feff}\u{200b}\u{2028}\u{2029}\u{85}\t\"'.\\/+*,$:@(%\u{ad}";
    for odd in odd.chars() {
        headers.push(format!("{odd}{name}={token}").into_bytes());
        headers.push(format!("{name}{odd}={token}").into_bytes());
    }
    for byte in [0x80, 0x85, 0xa0, 0xff] {
        headers.push([&[byte], format!("{name}={token}").as_bytes()].concat());
    }
    for name in [
        name.to_uppercase(),
        name.to_lowercase() + "\u{131}",
        name.replace("latch", "Latch"),
        name.replace('h', "%68"),
        name.replace('-', "%2d"),
        name.replace('_', "%5F"),
        name.replace('k', "\u{212a}"),
        format!("__Secure-{}", name.trim_start_matches("__Host-")),
        format!("__Http-{}", name.trim_start_matches("__Host-")),
        format!("__host-{}", name.trim_start_matches("__Host-")),
        format!("x{name}"),
        format!("{name}x"),
        format!("{name}-"),
        format!("{name}[]"),
        format!("$Version=1, {name}"),
        format!("$Version=\"1\", {name}"),
        format!("a=b, {name}"),
        format!("a=b& {name}"),
        format!("a=\"b, {name}"),
        format!("a={name}"),
    ] {
        headers.push(format!("{name}={token}").into_bytes());
    }
    // The very name, and no token as we write it.
    for value in [
        format!("\"{token}\""),
        format!("'{token}'"),
        format!("={token}"),
        format!(" {token}"),
        format!("{token}="),
        format!("{token},a=b"),
        format!("{token}\u{a0}"),
        format!("{token}{token}"),
        token.chars().map(|c| format!("%{:02x}", u32::from(c))).collect(),
        token[..token.len() - 1].to_owned(),
        format!("{token}A"),
        String::new(),
    ] {
        headers.push(format!("{name}={value}").into_bytes());
    }
    // So many others that no place is left for ours.
    let jar: String = (0..180).map(|n| format!("c{n}=x; ")).collect();
    headers.push(format!("{jar}x{name}={token}").into_bytes());
    // Where the name has no letter of a kind, its spelling is the name.
    headers.retain(|header| header != format!("{name}={token}").as_bytes());
    headers
}

fn sending(world: &World, headers: &[&[u8]]) -> Browser {
    let mut browser = world.browser();
    for header in headers {
        browser.headers.append("cookie", axum::http::HeaderValue::from_bytes(header).unwrap());
    }
    browser
}

/// Over https, where the names have their prefix, and over plain http, where they have none.
async fn worlds() -> [(World, &'static str); 2] {
    let https = World::with(Kind::Sqlite, |config: &mut Config| {
        config.set("public_url", "https://login.example.org").unwrap();
    });
    [(https.await, "__Host-latchkey"), (World::on(Kind::Sqlite).await, "latchkey")]
}

#[tokio::test]
async fn no_planted_session_is_used_and_ours_goes_on_beside_it() {
    for (world, name) in worlds().await {
        let (ada, mallory) = (world.person("ada").enrolled().await, world.person(ATTACKER).enrolled().await);
        let (ours, theirs) = (signed_in(&ada).await, signed_in(&mallory).await);
        let (ours, theirs) = (ours.cookie(name).unwrap(), theirs.cookie(name).unwrap());
        sending(&world, &[format!("{name}={theirs}").as_bytes()]).get("/").await.is(200).says(ATTACKER);
        let good = format!("a=b; {name}={ours}");
        let planted = planted(name, &theirs);
        assert!(planted.len() >= 60, "{}", planted.len());
        let mut tried = 0;
        for header in &planted {
            let told = String::from_utf8_lossy(header).into_owned();
            let alone = sending(&world, &[header]);
            let seen = alone.get("/").await;
            assert_eq!((seen.status.as_u16(), &*seen.header("location")), (303, "/login"), "{told}");
            for path in ["/login", "/account", "/login/code", "/enroll", "/nowhere"] {
                let seen = alone.get(path).await;
                assert!(seen.status.as_u16() < 500, "{told}: {}", seen.status);
                seen.never_says(ATTACKER);
            }
            tried += 1;
            // The very name twice, where the header has it: then nobody is anybody.
            if header.starts_with(format!("{name}=").as_bytes()) {
                continue;
            }
            let joined =
                [[header, &b"; "[..], good.as_bytes()].concat(), [good.as_bytes(), b"; ", header].concat()];
            for both in &joined {
                sending(&world, &[both]).get("/").await.is(200).says("ada").never_says(ATTACKER);
            }
            for both in [[&header[..], good.as_bytes()], [good.as_bytes(), header]] {
                sending(&world, &both).get("/").await.is(200).says("ada").never_says(ATTACKER);
            }
        }
        println!("{name}: {tried} hostile cookie headers, none of them used");
    }
}

#[tokio::test]
async fn a_session_that_came_twice_is_nobodys_and_is_cleared() {
    for (world, name) in worlds().await {
        let (ada, mallory) = (world.person("ada").enrolled().await, world.person(ATTACKER).enrolled().await);
        let (ours, theirs) = (signed_in(&ada).await, signed_in(&mallory).await);
        let (ours, theirs) = (ours.cookie(name).unwrap(), theirs.cookie(name).unwrap());
        let twice = |one: &str, other: &str| {
            let pair = |value: &str| format!("{name}={value}").into_bytes();
            [
                vec![[pair(one), b"; ".to_vec(), pair(other)].concat()],
                vec![[pair(one), b"; a=b; ".to_vec(), pair(other), b"; c".to_vec()].concat()],
                vec![pair(one), pair(other)],
                vec![pair(one), b"a=b".to_vec(), pair(other)],
            ]
        };
        for (one, other) in [(&ours, &theirs), (&theirs, &ours), (&theirs, &theirs), (&ours, &ours)] {
            for headers in twice(one, other) {
                let headers: Vec<&[u8]> = headers.iter().map(Vec::as_slice).collect();
                let browser = sending(&world, &headers);
                for (_, address) in ADDRESSES {
                    let seen = browser.clone().get(address).await;
                    assert!(seen.status.as_u16() < 500, "{address}: {}", seen.status);
                    seen.never_says(ATTACKER);
                    let cleared = format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
                    let all = seen.set_cookies();
                    assert!(all.iter().any(|set| set.starts_with(&cleared)), "{address}: {all:?}");
                    if name == "latchkey" && address == "/account/sessions" {
                        let there = cleared.replace("Path=/", "Path=/account");
                        assert!(all.iter().any(|set| set.starts_with(&there)), "{all:?}");
                    }
                }
            }
        }
        // A sign-in that starts with two of them ends with one, and it is the new one.
        let browser = world.browser();
        let both = format!("{name}-login={theirs}; {name}-login={theirs}");
        let fields = [("username", "ada"), ("password", crate::world::PASSWORD)];
        let seen = sending(&world, &[both.as_bytes()]).post("/login", &fields).await;
        seen.lands_on("/login/code");
        let last = seen.set_cookies().pop().unwrap();
        assert!(last.starts_with(&format!("{name}-login=")) && last.contains("Max-Age=600"), "{last}");
        let (_, token) = last.split(';').next().unwrap().split_once('=').unwrap();
        browser.set_cookie(&format!("{name}-login"), token);
        browser.give_code(&ada.code()).await.lands_on("/");
    }
}
