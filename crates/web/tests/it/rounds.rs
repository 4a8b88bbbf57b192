//! Sixty-four who want the one thing that there is, round after round: in each round one of them gets it. On SQLite, and on
//! two instances over PostgreSQL. For each thing there is a control, in which just its guard is taken away and the same
//! rounds find more than one.

use auth::link::{self, Purpose};
use auth::{Role, setup};
use store::Kind;
use tokio::sync::Barrier;

use std::sync::Arc;

use crate::races::count;
use crate::world::{Browser, Person, Seen, World, by_code, path_of};

const AT_ONCE: usize = 64;

/// How many rounds there are: as many as `LATCHKEY_TEST_ROUNDS` says, or as fit into the time of a suite.
pub(crate) fn rounds(usual: usize) -> usize {
    #[expect(clippy::disallowed_methods, reason = "only tests know this variable")]
    let said = std::env::var("LATCHKEY_TEST_ROUNDS");
    said.map_or(usual, |rounds| rounds.parse().expect("LATCHKEY_TEST_ROUNDS is a number"))
}

/// What can be had once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    Code,
    RecoveryCode,
    SetupLink,
    UserLink,
    Confirmation,
    Name,
}

use Thing::{Code, Confirmation, Name, RecoveryCode, SetupLink, UserLink};

/// A form that somebody is about to send.
struct Request {
    browser: Browser,
    path: String,
    fields: Vec<(&'static str, String)>,
}

impl Request {
    fn new(browser: &Browser, path: &str, fields: &[(&'static str, &str)]) -> Request {
        let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Request { browser: browser.clone(), path: path.to_owned(), fields }
    }

    async fn send(self) -> Seen {
        let fields: Vec<(&str, &str)> =
            self.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.browser.post(&self.path, &fields).await
    }
}

/// Sends all of them at the same moment.
async fn at_once(requests: Vec<Request>) -> Vec<Seen> {
    let barrier = Arc::new(Barrier::new(requests.len()));
    let sent: Vec<_> = requests
        .into_iter()
        .map(|request| {
            let barrier = barrier.clone();
            tokio::spawn(async move {
                barrier.wait().await;
                request.send().await
            })
        })
        .collect();
    let mut seen = Vec::new();
    for answer in sent {
        seen.push(answer.await.unwrap());
    }
    seen
}

/// Where the rounds are played.
struct Stage {
    thing: Thing,
    world: World,
    /// The other instance; the same one where there is one only.
    other: World,
    ada: Person,
    /// Browsers that have given the password.
    half: Vec<Browser>,
}

impl Stage {
    async fn new(thing: Thing, kind: Kind) -> Stage {
        let password = matches!(thing, Code | RecoveryCode);
        // Where no password is asked for, nobody waits for a hash before they come to what is played here.
        let world = if password { World::on(kind).await } else { World::with(kind, by_code).await };
        let other = match (kind, password) {
            (Kind::Sqlite, _) => world.clone(),
            (Kind::Postgres, true) => world.another_node().await,
            (Kind::Postgres, false) => world.reopened(by_code).await.unwrap(),
        };
        let ada = world.person("ada");
        let ada = if password { ada.enrolled().await } else { ada.enrolled_by_code().await };
        let mut stage = Stage { thing, world, other, ada, half: Vec::new() };
        if password {
            for n in 0..AT_ONCE {
                let browser = stage.half_signed_in(n).await;
                stage.half.push(browser);
            }
        }
        if thing == RecoveryCode {
            // The budget is another guard, and would let five through to this one.
            stage.world.records().await.never_rest().await;
            stage.world.records().await.change("CREATE TABLE spare AS SELECT * FROM recovery_codes").await;
        }
        stage
    }

    /// Every other browser asks the other instance.
    fn spread(&self, n: usize, browser: Browser) -> Browser {
        if n.is_multiple_of(2) { browser.at(&self.world) } else { browser.at(&self.other) }
    }

    async fn half_signed_in(&self, n: usize) -> Browser {
        let browser = self.ada.half_signed_in().await;
        // Ten minutes are less than all rounds together.
        self.world.records().await.change("UPDATE logins SET expires_at = 4102444800000").await;
        self.spread(n, browser)
    }

    /// Makes one of the thing, and what everybody sends who wants it.
    async fn prepare(&self, round: usize) -> Vec<Request> {
        let strangers = || (0..AT_ONCE).map(|n| self.spread(n, self.world.browser())).enumerate();
        match self.thing {
            Code => {
                self.world.wait(30);
                let code = self.ada.code();
                self.half
                    .iter()
                    .map(|browser| Request::new(browser, "/login/code", &[("otp", &code)]))
                    .collect()
            }
            RecoveryCode => {
                let again =
                    "INSERT INTO recovery_codes SELECT * FROM spare WHERE true ON CONFLICT DO NOTHING";
                self.world.records().await.change(again).await;
                let field = [("recovery_code", self.ada.recovery_codes[round % 10].as_str())];
                self.half.iter().map(|browser| Request::new(browser, "/login/recovery", &field)).collect()
            }
            SetupLink => {
                let made = setup::user_link(&self.world.app, "anybody", Role::User).await.unwrap();
                // One that fixes no name, so that no name stands between them and the link.
                self.world.records().await.change("UPDATE setup_links SET name = NULL").await;
                let name = |n| format!("round{round}.{n}");
                let path = path_of(&made);
                strangers()
                    .map(|(n, browser)| Request::new(&browser, &path, &[("username", &name(n))]))
                    .collect()
            }
            UserLink => {
                let made = link::make(&self.world.app, "ada", Purpose::Both).await.unwrap();
                strangers().map(|(_, browser)| Request::new(&browser, &path_of(&made), &[])).collect()
            }
            Confirmation => {
                let (browser, mut person) =
                    (self.world.browser(), self.world.person(&format!("round{round}")));
                browser.post("/register", &[("username", &person.name)]).await.lands_on("/enroll");
                person.scan(&browser).await;
                let fields = [("otp", person.code())];
                let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
                (0..AT_ONCE)
                    .map(|n| Request::new(&self.spread(n, browser.copy()), "/enroll", &fields))
                    .collect()
            }
            Name => {
                let name = format!("round{round}");
                strangers()
                    .map(|(_, browser)| Request::new(&browser, "/register", &[("username", &name)]))
                    .collect()
            }
        }
    }

    /// One round: how many got it. Everybody else hears that it is gone.
    async fn play(&mut self, round: usize) -> usize {
        let seen = at_once(self.prepare(round).await).await;
        let refused = match self.thing {
            Code | RecoveryCode | Name => 422,
            SetupLink | UserLink | Confirmation => 410,
        };
        let got = count(&seen, 303);
        let statuses = || seen.iter().map(|seen| seen.status.as_u16()).collect::<Vec<_>>();
        assert_eq!(got + count(&seen, refused), AT_ONCE, "{:?}: {:?}", self.thing, statuses());
        if !self.half.is_empty() {
            for (n, seen) in seen.iter().enumerate() {
                // Whose login is complete begins another.
                if seen.status == 303 {
                    self.half[n] = self.half_signed_in(n).await;
                }
            }
        }
        got
    }

    /// How many there are by what the database says.
    async fn had(&self) -> i64 {
        let asked = match self.thing {
            Code => {
                "SELECT count(*) - 1 FROM events WHERE kind = 'sign_in.completed' OR kind = 'user.created'"
            }
            RecoveryCode => "SELECT count(*) FROM events WHERE kind = 'recovery.code_used'",
            SetupLink | Name => "SELECT count(*) FROM registrations",
            UserLink => "SELECT count(*) FROM events WHERE kind = 'link.used'",
            Confirmation => "SELECT count(*) - 1 FROM users",
        };
        self.world.records().await.number(asked).await
    }

    /// Takes away the guard that lets one have it, and nothing else.
    async fn weaken(&self) {
        let records = self.world.records().await;
        match self.thing {
            Code => records.forget_spent_steps().await,
            RecoveryCode => records.put_back("recovery_codes").await,
            SetupLink => records.put_back("setup_links").await,
            UserLink => records.put_back("user_links").await,
            Confirmation => {
                records.put_back("registrations").await;
                records.forget_names("users", "id").await;
            }
            Name => records.forget_names("registrations", "token_mac").await,
        }
    }
}

async fn one_of_64_in_each_round(thing: Thing) {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let mut stage = Stage::new(thing, kind).await;
        let rounds = rounds(50);
        for round in 0..rounds {
            assert_eq!(stage.play(round).await, 1, "{thing:?}, {kind:?}, round {round}");
        }
        assert_eq!(stage.had().await, i64::try_from(rounds).unwrap(), "{thing:?}, {kind:?}");
        println!("{thing:?} on {kind:?}: {rounds} rounds of {AT_ONCE}, one each");

        // Without its guard. Otherwise all of the above would prove nothing.
        stage.weaken().await;
        let got = stage.play(rounds).await;
        assert!(got > 1, "{thing:?}, {kind:?}: {got}: the harness is blind");
        println!("{thing:?} on {kind:?}: {got} of {AT_ONCE} without its guard");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_who_sign_in_with_one_code_one_is_signed_in() {
    one_of_64_in_each_round(Code).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_who_give_one_recovery_code_one_goes_on_to_enroll() {
    one_of_64_in_each_round(RecoveryCode).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_who_came_by_one_setup_link_one_registers() {
    one_of_64_in_each_round(SetupLink).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_who_follow_one_link_of_a_user_one_gets_there() {
    one_of_64_in_each_round(UserLink).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_tabs_that_confirm_one_code_one_makes_an_account() {
    one_of_64_in_each_round(Confirmation).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_who_register_one_name_one_holds_it() {
    one_of_64_in_each_round(Name).await;
}

/// The right code among many wrong ones: it is found only if it is among the first five that are judged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_code_among_many_wrong_ones_is_one_of_the_five_that_are_judged_or_none() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let world = World::on(kind).await;
        let other = world.another_node().await;
        let ada = world.person("ada").enrolled().await;
        let records = world.records().await;
        let (mut found, mut place) = (0, 1_usize);
        for round in 0..20 {
            // A day and a step on, so that nothing is left of the round before.
            world.wait(24 * 3600 + 30);
            records.change("UPDATE users SET wrong_codes = 0").await;
            let browser = ada.half_signed_in().await;
            let counted = "SELECT CAST(coalesce(sum(count), 0) AS BIGINT) FROM events WHERE kind = 'sign_in.code_wrong'";
            let (before, right, wrong) = (records.number(counted).await, ada.code(), ada.wrong_code());
            place = (place * 75 + 74) % 65_537;
            let requests = (0..128)
                .map(|n| {
                    let code = if n == place % 128 { &right } else { &wrong };
                    let browser = if n % 2 == 0 { browser.copy() } else { browser.copy().at(&other) };
                    Request::new(&browser, "/login/code", &[("otp", code)])
                })
                .collect();
            let got = count(&at_once(requests).await, 303);
            let wrong = records.number(counted).await - before;
            // Once it is found the login is complete, and nothing more is judged.
            assert!(
                got == 0 && wrong == 5 || got == 1 && wrong <= 4,
                "round {round}: {got} right, {wrong} wrong"
            );
            found += got;
        }
        println!("{kind:?}: found in {found} of 20 rounds; about one would be by chance");
        assert!(found < 10, "{found} of 20");
    }
}
