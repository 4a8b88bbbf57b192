//! What people, programs and attackers type: refused with a clear word, never a failure of ours, and nothing written.

use axum::body::Body;
use axum::http::Method;

use crate::world::{Browser, PASSWORD, Seen, World};

/// What may be said of a code that is none.
const ABOUT_CODES: [&str; 4] = [
    "The code must be 6 digits, as your app shows them.",
    "Enter the 6-digit code.",
    "That looks like a recovery code.",
    "The form arrived damaged",
];

/// What may be said of a name that is none.
const ABOUT_NAMES: [&str; 2] =
    ["A username has 1 to 64 characters: letters a to z, digits and . _ - @ +", "The form arrived damaged"];

/// Refused by a status of the client's, with one of these words.
#[track_caller]
fn refused(seen: &Seen, words: &[&str], typed: &str) {
    let start: String = typed.chars().take(80).collect();
    assert!(matches!(seen.status.as_u16(), 400 | 422), "{start:?}: {} {}", seen.status, seen.text);
    let said = words.iter().any(|word| seen.text.contains(word));
    assert!(said, "{start:?} is not explained: {:?} {}", seen.problem_texts(), seen.heading());
}

/// The right code, spoiled in every way.
fn no_codes(code: &str) -> Vec<String> {
    let (front, back) = code.split_at(3);
    let mut typed: Vec<String> = Vec::new();
    // The digits of other scripts, all of them and one among ours.
    let zeros = [
        0xff10, 0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6,
        0x0d66, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1b50, 0x1d7ce, 0x1d7d8,
        0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1fbf0,
    ];
    let other = |c: char, zero: u32| char::from_u32(zero + c.to_digit(10).unwrap()).unwrap();
    for zero in zeros {
        typed.push(code.chars().map(|c| other(c, zero)).collect());
        typed.push(format!("{front}{}", back.chars().map(|c| other(c, zero)).collect::<String>()));
    }
    // Anything else than digits, spaces and hyphens, at the start and in the middle.
    let ascii = (0..=127_u8).map(char::from).filter(|c| !c.is_ascii_digit() && !matches!(c, ' ' | '-'));
    let others =
        "\u{feff}\u{200b}\u{200d}\u{a0}\u{202e}\u{2066}\u{3000}\u{85}\u{2028}\u{301}\u{20e3}½²₃–−٫é🦊";
    for odd in ascii.chain(others.chars()) {
        typed.push(format!("{odd}{code}"));
        typed.push(format!("{front}{odd}{back}"));
        typed.push(format!("{code}{odd}"));
    }
    typed.extend((1..6).map(|length| code[..length].to_owned()));
    typed.extend((7..30).map(|length| code.chars().cycle().take(length).collect()));
    for words in [
        "",
        "   ",
        "-",
        "1e5",
        "1e+05",
        "-12345",
        "+12345",
        "0x1e240",
        "0b1010",
        "12345.",
        "12345.6",
        "NaN",
        "Infinity",
        "null",
        "undefined",
        "true",
        "[]",
        "{}",
        "[\"123456\"]",
        "{\"$gt\":\"\"}",
        "1 or 1=1",
        "' OR '1'='1",
        "../../etc/passwd",
        "<script>alert(1)</script>",
        "{{7*7}}",
        "${7*7}",
        "%s%s%s",
        "one two three",
        "otp=123456",
    ] {
        typed.push(words.to_owned());
    }
    typed.push(" ".repeat(10_000) + code);
    typed.push(code.repeat(2_000));
    typed.push("\u{feff}".repeat(1_000));
    typed
}

#[tokio::test]
async fn five_hundred_malformed_codes_are_refused_and_cost_nothing() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let (half, enrolling) = (ada.half_signed_in().await, world.browser());
        enrolling.post("/register", &[("username", "eve"), ("password", PASSWORD)]).await.lands_on("/enroll");
        let mut eve = world.person("eve");
        eve.scan(&enrolling).await;
        let before = world.dump().await;
        let (no_codes, no_first_codes) = (no_codes(&ada.code()), no_codes(&eve.code()));
        assert!(no_codes.len() >= 500, "{}", no_codes.len());
        for typed in &no_codes {
            refused(&half.give_code(typed).await, &ABOUT_CODES, typed);
        }
        for typed in &no_first_codes {
            refused(&enrolling.post("/enroll", &[("otp", typed)]).await, &ABOUT_CODES, typed);
        }
        world.dump().await.is_still(&before);
        half.give_code(&ada.code()).await.lands_on("/");
        enrolling.post("/enroll", &[("otp", &eve.code())]).await.lands_on("/enroll/recovery-codes");
    })
    .await;
}

/// Spellings of `ada` that are none, and names that never were.
fn no_names() -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let allowed = |c: &char| c.is_ascii_alphanumeric() || "._-@+".contains(*c);
    let ascii = (0..=127_u8).map(char::from).filter(|c| !allowed(c));
    let latin = ('\u{80}'..='\u{ff}').chain('\u{100}'..='\u{130}');
    let greek_and_cyrillic = ('\u{3b1}'..='\u{3c9}').chain('\u{430}'..='\u{44f}');
    let full_width = ('\u{ff41}'..='\u{ff5a}').chain('\u{ff10}'..='\u{ff19}');
    let unseen = "\u{feff}\u{200b}\u{200c}\u{200d}\u{2060}\u{ad}\u{34f}\u{180e}\u{3164}\u{fe0f}\u{e0041}";
    let turning = "\u{200e}\u{200f}\u{202a}\u{202b}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{61c}";
    let looks = "ıſßﬃ\u{212a}\u{212b}ɑ\u{1d41a}\u{1d4b6}ⓐ\u{1f130}🦊👩\u{301}\u{308}\u{20dd}";
    let all = ascii.chain(latin).chain(greek_and_cyrillic).chain(full_width);
    for odd in all.chain(unseen.chars()).chain(turning.chars()).chain(looks.chars()) {
        names.push(format!("a{odd}da"));
    }
    for words in [
        "ada\u{a0}",
        "\u{3000}ada",
        "ada\t",
        "ada\n",
        "\r\nada",
        "ada ada",
        "ada/..",
        "../ada",
        "ada\\",
        "ada%00",
        "ada%2e",
        "ada' OR '1'='1",
        "ada'; DROP TABLE users; --",
        "ada\"",
        "<b>ada</b>",
        "<img src=x onerror=alert(1)>",
        "{{ada}}",
        "${ada}",
        "a,b",
        "ada;",
        "ada&x=1",
        "ada=1",
        "ada#",
        "ada?",
        "ada!",
        "ada:1",
        "ada*",
        "(ada)",
        "[ada]",
        "a|b",
        "`id`",
        "👩‍👩‍👧",
        "аdа",
        "αdα",
        "ａｄａ",
    ] {
        names.push(words.to_owned());
    }
    names.push("a".repeat(65));
    names.push("a".repeat(10_000));
    names.push("\u{301}".repeat(2_000));
    names
}

#[tokio::test]
async fn three_hundred_names_that_are_none_are_refused_with_the_rule() {
    World::on_both(|world| async move {
        world.person("ada").enrolled().await;
        let names = no_names();
        assert!(names.len() > 300, "{}", names.len());
        let before = world.dump().await;
        for name in &names {
            let seen = world.browser().post("/register", &[("username", name), ("password", PASSWORD)]).await;
            refused(&seen, &ABOUT_NAMES, name);
            assert!(!name.contains('<') || !seen.text.contains(name.as_str()), "{name}");
        }
        world.dump().await.is_still(&before);
    })
    .await;
}

#[tokio::test]
async fn three_hundred_names_that_are_none_sign_nobody_in_and_are_not_written_down() {
    World::on_both(|world| async move {
        world.person("ada").enrolled().await;
        let before = world.dump().await.without(&["attempts", "events"]);
        for name in &no_names() {
            let seen = world.browser().give_password(name, PASSWORD).await;
            refused(&seen, &["The username or password is not right.", "The form arrived damaged"], name);
            assert!(!name.contains('<') || !seen.text.contains(name.as_str()), "{name}");
        }
        let after = world.dump().await;
        for words in ["DROP TABLE", "onerror", "ａｄａ", "аdа"] {
            assert!(!after.text().contains(words), "{words} was written down");
        }
        after.without(&["attempts", "events"]).is_still(&before);
    })
    .await;
}

/// The fields of a form, in their order.
type Fields = Vec<(&'static str, String)>;

/// A form: where it goes, its fields, and who may send it.
struct Form {
    path: String,
    browser: Browser,
    fields: Fields,
}

impl Form {
    /// The form with other fields before and after some of its own.
    async fn send(&self, fields: &[(&'static str, String)]) -> Seen {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.browser.post(&self.path, &fields).await
    }

    /// Any body, as any type.
    async fn send_raw(&self, body: Vec<u8>, kind: Option<&str>) -> Seen {
        self.browser.send(Method::POST, &self.path, Body::from(body), kind).await
    }

    fn encoded(&self) -> Vec<u8> {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish().into_bytes()
    }
}

/// Plays with each form of the site, filled in, which is never sent as it stands.
async fn with_every_form<F: Future<Output = ()>>(world: &World, play: impl Fn(Form) -> F) {
    let ada = world.person("ada").enrolled().await;
    let link = auth::setup::user_link(&world.app, "bob", auth::Role::User).await.unwrap();
    let link = link.url.strip_prefix("http://localhost:8080").unwrap().to_owned();
    let (anyone, half, enrolling, enrolled) =
        (world.browser(), ada.half_signed_in().await, world.browser(), world.browser());
    enrolling.post("/register", &[("username", "eve"), ("password", PASSWORD)]).await.lands_on("/enroll");
    enrolled.post("/register", &[("username", "new"), ("password", PASSWORD)]).await.lands_on("/enroll");
    let (mut eve, mut new) = (world.person("eve"), world.person("new"));
    eve.scan(&enrolling).await;
    new.scan(&enrolled).await;
    enrolled.post("/enroll", &[("otp", &new.code())]).await.lands_on("/enroll/recovery-codes");
    let (code, first_code) = (ada.code(), eve.code());
    let of = |pairs: &[(&'static str, &str)]| {
        pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
    };
    let forms: [(&str, &Browser, Fields); 7] = [
        ("/register", &anyone, of(&[("username", "zoe"), ("password", PASSWORD)])),
        (&link, &anyone, of(&[("password", PASSWORD)])),
        ("/login", &anyone, of(&[("username", "ada"), ("password", PASSWORD)])),
        ("/login/code", &half, of(&[("otp", &code)])),
        ("/login/recovery", &half, of(&[("recovery_code", &ada.recovery_codes[0])])),
        ("/enroll", &enrolling, of(&[("otp", &first_code)])),
        ("/enroll/recovery-codes", &enrolled, of(&[("saved", "on")])),
    ];
    let before = world.dump().await;
    for (path, browser, fields) in forms {
        play(Form { path: path.to_owned(), browser: browser.clone(), fields }).await;
        world.dump().await.is_still(&before);
    }
}

#[tokio::test]
async fn a_field_that_is_unknown_repeated_or_missing_is_named() {
    World::on_both(|world| async move {
        with_every_form(&world, |form| async move {
            let fields = &form.fields[..];
            for unknown in ["x", "Username", "otp ", "password[]", "x&y", "role", "secret"] {
                let seen = form.send(&[fields, &[(unknown, "1".to_owned())]].concat()).await;
                seen.refuses_with(&format!(
                    "This form has no field “{unknown}”. Leave it out and send the form again."
                ));
            }
            for at in 0..fields.len() {
                let name = fields[at].0;
                let seen = form.send(&[fields, &[(name, "other".to_owned())]].concat()).await;
                seen.refuses_with(&format!("The field “{name}” came more than once. Send it once."));

                let seen = form.send(&[&fields[..at], &fields[at + 1..]].concat()).await;
                if name == "saved" {
                    seen.refuses_with("Tick the box when you have saved the codes.");
                } else {
                    let says = format!("The field “{name}” did not arrive. Send the form again with it.");
                    seen.refuses_with(&says);
                }
            }
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_form_in_a_broken_encoding_is_refused_and_not_mended() {
    World::on_both(|world| async move {
        with_every_form(&world, |form| async move {
            let (whole, kind) = (form.encoded(), Some("application/x-www-form-urlencoded"));
            let broken: [&[u8]; 12] = [
                b"%ff",
                b"%",
                b"%4",
                b"%zz",
                b"%c3%28",
                b"%c0%80",
                b"%ed%a0%80",
                b"%f8%88%80%80%80",
                b"%00",
                b"\xff",
                b"\xc3",
                b"\0",
            ];
            // What is packed stays packed: it is no form, however small it looks.
            for packing in ["gzip", "deflate", "br", "zstd", "identity, gzip"] {
                let packed = Form {
                    browser: form.browser.clone().with("content-encoding", packing),
                    path: form.path.clone(),
                    fields: form.fields.clone(),
                };
                packed.send_raw(whole.clone(), kind).await.is(415);
            }
            for bytes in broken {
                for body in [[&whole, bytes].concat(), [bytes, b"=1&", &whole].concat()] {
                    form.send_raw(body, kind).await.is(400).says("The form arrived damaged");
                }
            }
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn only_forms_are_taken_and_only_of_a_reasonable_size() {
    World::on_both(|world| async move {
        with_every_form(&world, |form| async move {
            for kind in [
                None,
                Some("text/plain"),
                Some("application/json"),
                Some("multipart/form-data; boundary=x"),
                Some("application/x-www-form-urlencodedx"),
                Some("text/html; application/x-www-form-urlencoded"),
                Some(""),
            ] {
                form.send_raw(form.encoded(), kind).await.is(415).says("That is not a web form");
            }
            let kind = Some("application/x-www-form-urlencoded");
            for size in [16 * 1024 + 1, 100_000, 10_000_000] {
                let seen = form.send_raw([b"x=".to_vec(), vec![b'a'; size - 2]].concat(), kind).await;
                seen.is(413).says("The form is larger than this server accepts.");
            }
            // A hundred thousand fields are too many bytes as well; as many as fit are fields that we do not have.
            form.send_raw(b"a&".repeat(100_000), kind).await.is(413);
            form.send_raw([b"x=".to_vec(), vec![b'a'; 16 * 1024 - 2]].concat(), kind).await.is(422);
            form.send_raw(b"a&".repeat(8_000), kind).await.is(422);
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_field_may_be_long_and_is_judged_by_the_rules() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let before = world.dump().await.without(&["attempts", "events"]);
        let long = "ä".repeat(1_000);
        let browser = ada.half_signed_in().await;
        browser
            .copy()
            .post("/register", &[("username", "zoe"), ("password", &long)])
            .await
            .is(422)
            .says("too long");
        world
            .browser()
            .give_password("ada", &long)
            .await
            .is(422)
            .says("The username or password is not right.");
        world.browser().give_password(&long, &long).await.is(422);
        let rd = format!("/{}", "x".repeat(5_000));
        let fields = [("username", "ada"), ("password", "not the password"), ("rd", &rd)];
        world.browser().post("/login", &fields).await.is(422).never_says("xxxxxxxx");
        world.dump().await.without(&["attempts", "events", "logins"]).is_still(&before.without(&["logins"]));
    })
    .await;
}
