//! One name in many spellings: each is the one account or none, the same on both engines; and codes that begin with zeros.

use store::Kind;

use crate::races::{count, released};
use crate::world::{PASSWORD, World};

/// Ten spellings of a name. The first three are the name.
fn spellings(name: &str) -> [String; 10] {
    let (front, back) = name.split_at(name.len() / 2);
    let title = name[..1].to_uppercase() + &name[1..];
    let other = |from: char, to: char| {
        let spelled = name.replacen(from, &to.to_string(), 1);
        if spelled == name { format!("{name}{to}") } else { spelled }
    };
    let full_width = name.chars().map(|c| {
        if c.is_ascii_lowercase() { char::from_u32(u32::from(c) - 97 + 0xff41).unwrap_or(c) } else { c }
    });
    [
        name.to_uppercase(),
        title,
        name.chars().enumerate().map(|(n, c)| if n % 2 == 1 { c.to_ascii_uppercase() } else { c }).collect(),
        full_width.collect(),
        other('i', '\u{131}'),
        other('s', '\u{17f}'),
        other('a', '\u{430}'),
        other('e', '\u{212f}') + "\u{301}",
        format!("{front}\u{200d}{back}"),
        format!("\u{202e}{name}\u{2069}"),
    ]
}

const NAMES: [&str; 40] = [
    "alice",
    "bob.smith",
    "isis",
    "kai",
    "sascha",
    "elias",
    "mike",
    "sisi",
    "aska",
    "kiki",
    "jens-ove",
    "erika",
    "ines",
    "silke",
    "aisha",
    "vasili",
    "leila",
    "maike",
    "stine",
    "kasia",
    "iris",
    "sina",
    "ella",
    "anke",
    "seba",
    "mia_1",
    "kilian",
    "tessa",
    "ilse",
    "heike",
    "aki",
    "sven",
    "lasse",
    "ida",
    "eike",
    "saskia",
    "a.k.e.",
    "x+is@example.org",
    "elke99",
    "is-as-ke",
];

/// What each spelling comes to: the name it signs in as, or what it is refused with.
async fn outcomes(kind: Kind) -> Vec<String> {
    let world = World::on(kind).await;
    let mut outcomes = Vec::new();
    for name in NAMES {
        world.person(name).enrolled().await;
        for (n, spelled) in spellings(name).iter().enumerate() {
            let browser = world.browser();
            let seen = browser.give_password(spelled, PASSWORD).await;
            let as_whom = match seen.status.as_u16() {
                303 => browser.get("/login/code").await.values_of("username").concat(),
                status => status.to_string(),
            };
            let expected = if n < 3 { name } else { "422" };
            assert_eq!(as_whom, expected, "{spelled:?}");
            // Nobody else gets the name either, nor one that looks like it.
            let fields = [("username", &**spelled), ("password", PASSWORD)];
            let registered = world.browser().post("/register", &fields).await;
            registered.is(422);
            outcomes.push(format!("{spelled}: {as_whom}, {}", registered.problem_texts().concat()));
        }
    }
    let count = "SELECT count(*) FROM users";
    assert_eq!(world.records().await.number(count).await, 40);
    outcomes
}

/// NAME-1 of the threat model.
#[tokio::test]
async fn four_hundred_spellings_of_forty_names_are_the_one_account_or_none_on_both_engines() {
    let (sqlite, postgres) = (outcomes(Kind::Sqlite).await, outcomes(Kind::Postgres).await);
    assert_eq!(sqlite.len(), 400);
    assert_eq!(sqlite, postgres);
}

/// NAME-2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_who_register_eight_spellings_at_once_make_one_account() {
    World::on_both(|world| async move {
        let other = world.another_node().await;
        for round in 0..5 {
            let name = format!("ada.l{round}");
            let spelled: Vec<String> = (0..8_usize)
                .map(|n| {
                    name.char_indices()
                        .map(|(at, c)| if (n >> (at % 3)) & 1 == 1 { c.to_ascii_uppercase() } else { c })
                        .collect()
                })
                .collect();
            let browsers: Vec<_> = (0..64)
                .map(|n| if n % 2 == 0 { world.browser() } else { world.browser().at(&other) })
                .collect();
            // So that each knows its own spelling.
            browsers.iter().enumerate().for_each(|(n, browser)| browser.set_cookie("n", &n.to_string()));
            let seen =
                released(browsers.clone(), |browser| {
                    let place: usize = browser.cookie("n").unwrap().parse().unwrap();
                    let spelled = spelled[place % 8].clone();
                    async move {
                        browser.post("/register", &[("username", &spelled), ("password", PASSWORD)]).await
                    }
                })
                .await;
            // Some are shed before they have cost a hash, and of the others one holds the name.
            let (held, full) = (count(&seen, 303), count(&seen, 503));
            assert_eq!(held, 1, "round {round}");
            assert_eq!(count(&seen, 422) + full, 63, "round {round}");
            let winner = &browsers[seen.iter().position(|seen| seen.status == 303).unwrap()];
            world.person(&name).confirmed_in(winner).await;
            let count = format!("SELECT count(*) FROM users WHERE name_key = '{name}'");
            assert_eq!(world.records().await.number(&count).await, 1);
            for spelled in &spelled {
                let fields = [("username", &**spelled), ("password", PASSWORD)];
                world.browser().post("/register", &fields).await.is(422).says("taken");
            }
        }
    })
    .await;
}

/// OTP-13: codes are digits and no numbers.
async fn zeros(kind: Kind, wanted: usize) {
    let world = World::on(kind).await;
    let ada = world.person("ada").enrolled().await;
    let mut accepted = 0;
    let mut most = 0;
    while accepted < wanted {
        world.wait(30);
        let code = ada.code();
        if !code.starts_with('0') {
            continue;
        }
        let bare = code.trim_start_matches('0');
        most = most.max(6 - bare.len());
        let half = ada.half_signed_in().await;
        // Without its zeros it is no code, and costs no try.
        half.give_code(bare).await.is(422);
        half.give_code(&code).await.lands_on("/");
        accepted += 1;
    }
    println!("{accepted} codes with zeros in front, up to {most} of them");
    assert!(most >= 2, "{most}");
}

#[tokio::test]
async fn a_thousand_codes_with_zeros_in_front_are_accepted() {
    zeros(Kind::Sqlite, 1_000).await;
}

#[tokio::test]
async fn and_so_are_a_hundred_on_postgresql() {
    zeros(Kind::Postgres, 100).await;
}
