//! Steps out of order: every step of signing in, enrolling, recovering and following links after every other one, complete,
//! empty, and in somebody else's browser. A session exists when all its steps were taken in their order, and never else; and
//! its level is never higher than what was proven. Under each policy, and for everybody there is under it.

use auth::config::Factors;
use auth::link::Purpose;
use auth::{Role, link, setup};
use store::Kind;

use crate::records::Records;
use crate::world::{Browser, PASSWORD, Person, World, by_code, path_of};

/// A password that is nobody's but Eve's.
const EVES: &str = "loom of patterns";
const NEW: &str = "difference of engines";

/// Who signs in, and what they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Password and code.
    HasPassword,
    /// A code alone.
    NoPassword,
    /// A code alone, and the password after it of an administrator.
    OwesPassword,
    /// Password and code since a while; this one has no password yet, and has to choose one after the code.
    MustChoose,
}

use Who::*;

/// What one can do on the way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Password,
    NameAndCode,
    Code,
    OwedPassword,
    RecoveryCode,
    Register,
    Enroll,
    SavedCodes,
    SetupLink,
    PhoneLink,
    PasswordLink,
    Prove,
    AddAuthenticator,
    NewPassword,
}

use Step::*;

const STEPS: [Step; 14] = [
    Password,
    NameAndCode,
    Code,
    OwedPassword,
    RecoveryCode,
    Register,
    Enroll,
    SavedCodes,
    SetupLink,
    PhoneLink,
    PasswordLink,
    Prove,
    AddAuthenticator,
    NewPassword,
];

/// How the two steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Complete,
    /// The first with no fields at all.
    EmptyFirst,
    EmptySecond,
    /// The second by a browser that is half signed in, and half enrolled, as somebody else.
    OtherBrowser,
}

const ALL: [How; 4] = [How::Complete, How::EmptyFirst, How::EmptySecond, How::OtherBrowser];

/// Steps that make a session when they are taken in this order, and its level: one for a code alone, two for both factors.
type Way = (&'static [Step], i64);

impl Who {
    /// All ways in. There are no others. A link for a new password asks for a code, and is one by itself.
    fn ways(self) -> &'static [Way] {
        match self {
            HasPassword => &[
                (&[Password, Code], 2),
                (&[Register, Enroll], 2),
                (&[SetupLink, Enroll], 2),
                (&[PhoneLink, Enroll], 2),
                (&[PasswordLink], 2),
            ],
            NoPassword => &[
                (&[NameAndCode], 1),
                (&[RecoveryCode, Enroll], 1),
                (&[Register, Enroll], 1),
                (&[SetupLink, Enroll], 1),
                (&[PhoneLink, Enroll], 1),
                (&[PasswordLink], 2),
            ],
            // Who registers, or follows the link to a new account of an administrator, gives what is asked of that one.
            OwesPassword => &[
                (&[NameAndCode, OwedPassword], 2),
                (&[RecoveryCode, Enroll, OwedPassword], 2),
                (&[Register, Enroll], 1),
                (&[SetupLink, Enroll], 2),
                (&[PhoneLink, Enroll], 2),
                (&[PasswordLink], 2),
            ],
            MustChoose => &[
                (&[NameAndCode, OwedPassword], 2),
                (&[Register, Enroll], 2),
                (&[SetupLink, Enroll], 2),
                (&[PhoneLink, Enroll], 2),
                (&[PasswordLink], 2),
            ],
        }
    }

    fn is_by_code(self) -> bool {
        matches!(self, NoPassword | OwesPassword)
    }

    /// A step whose form has a button and no field.
    fn asks_nothing(self, step: Step) -> bool {
        self == NoPassword && matches!(step, SetupLink | PhoneLink)
    }

    /// The level of the session that these two steps have earned.
    fn earned(self, first: Step, second: Step, how: How) -> Option<i64> {
        let way = |steps: &[Step]| self.ways().iter().find(|way| way.0 == steps).map(|way| way.1);
        let (first_done, second_done) =
            (how != How::EmptyFirst || self.asks_nothing(first), how != How::EmptySecond);
        // The first has spent the code that the second asks for, too.
        let spent = first_done && first == NameAndCode && self != HasPassword && second == PasswordLink;
        let by_first = way(&[first]).filter(|_| first_done);
        let by_second = || way(&[second]).filter(|_| second_done && !spent);
        let by_both =
            || way(&[first, second]).filter(|_| first_done && second_done && how != How::OtherBrowser);
        by_first.or_else(by_second).or_else(by_both)
    }

    /// Where they begin: before the policy was changed for those who have no password under the new one.
    async fn world(self, kind: Kind) -> World {
        if self == HasPassword { World::on(kind).await } else { World::with(kind, by_code).await }
    }

    async fn joins(self, world: &World, name: &str) -> Person {
        match self {
            HasPassword => world.person(name).enrolled().await,
            NoPassword | MustChoose => world.person(name).enrolled_by_code().await,
            OwesPassword => administrator(world, name, PASSWORD).await,
        }
    }

    /// A browser that is half signed in as Eve.
    async fn half(self, eve: &Person) -> Browser {
        if !self.is_by_code() {
            return eve.half_signed_in().await;
        }
        let browser = eve.world.browser();
        browser.give_name_and_code(&eve.name, &eve.code()).await.lands_on("/login/password");
        browser
    }
}

/// Somebody who looks after others, and has a password whatever the policy.
async fn administrator(world: &World, name: &str, password: &str) -> Person {
    let link = path_of(&setup::user_link(&world.app, name, Role::Admin).await.unwrap());
    let browser = world.browser();
    browser.post(&link, &[("password", password)]).await.lands_on("/enroll");
    let person = world.person(name).confirmed_in(&browser).await;
    browser.post("/logout", &[]).await.lands_on("/login");
    world.wait(30);
    person
}

/// Ada, who has an account, with links that were made for her and for Bob, and a name for a newcomer.
struct Scene {
    who: Who,
    ada: Person,
    bob_link: String,
    phone_link: String,
    newcomer: String,
}

impl Scene {
    async fn of(who: Who, ada: Person, n: &str) -> Scene {
        let app = &ada.world.app;
        let role = if who == OwesPassword { Role::Admin } else { Role::User };
        let bob_link = path_of(&setup::user_link(app, &format!("bob{n}"), role).await.unwrap());
        let phone_link = path_of(&link::make(app, &ada.name, Purpose::Enroll).await.unwrap());
        Scene { who, ada, bob_link, phone_link, newcomer: format!("new{n}") }
    }

    async fn take(&self, step: Step, browser: &Browser, secret: &Browser, full: bool) {
        let (who, ada) = (self.who, &self.ada);
        let (name, code) = (ada.name.clone(), ada.code());
        // What waits is scanned in the browser in which it was begun.
        let page = secret.get("/enroll").await;
        let mut scanning = ada.clone();
        if page.status == 200 {
            scanning.scan(secret).await;
        }
        let first_code = scanning.code();
        let password_link = match step {
            PasswordLink => path_of(&link::make(&ada.world.app, &name, Purpose::Password).await.unwrap()),
            _ => String::new(),
        };
        let (path, mut fields): (&str, Vec<(&str, &str)>) = match step {
            Password => ("/login", vec![("username", &name), ("password", PASSWORD)]),
            NameAndCode => ("/login", vec![("username", &name), ("otp", &code)]),
            Code => ("/login/code", vec![("otp", &code)]),
            OwedPassword => ("/login/password", vec![("password", PASSWORD)]),
            RecoveryCode => ("/login/recovery", vec![("recovery_code", &ada.recovery_codes[0])]),
            Register => ("/register", vec![("username", &self.newcomer), ("password", PASSWORD)]),
            Enroll => ("/enroll", vec![("otp", &first_code)]),
            SavedCodes => ("/enroll/recovery-codes", vec![("saved", "on")]),
            SetupLink => (&self.bob_link, vec![("password", PASSWORD)]),
            PhoneLink => (&self.phone_link, vec![("password", PASSWORD)]),
            PasswordLink => (&password_link, vec![("password", NEW), ("otp", &code)]),
            Prove => ("/account/prove", vec![("password", PASSWORD), ("otp", &code)]),
            AddAuthenticator => ("/account/authenticators/add", vec![("name", "new")]),
            NewPassword => ("/account/password", vec![("password", NEW)]),
        };
        if who.is_by_code() && step == RecoveryCode {
            fields.push(("username", &name));
        }
        // Nobody is asked for what nobody has.
        let without = (who.is_by_code() && step == Register)
            || (who == NoPassword && matches!(step, SetupLink | PhoneLink | Prove));
        if without {
            fields.retain(|field| field.0 != "password");
        }
        let fields = if full { fields } else { Vec::new() };
        let seen = browser.post(path, &fields).await;
        assert!(seen.status.as_u16() < 500, "{step:?}: {}", seen.text);
    }
}

/// The sessions there are: how many, and the sum of their levels.
async fn sessions(records: &Records) -> (i64, i64) {
    let sum = "SELECT CAST(coalesce(sum(level), 0) AS BIGINT) FROM sessions";
    (records.number("SELECT count(*) FROM sessions").await, records.number(sum).await)
}

/// Everybody joins; then the policy changes, if it is one that does.
async fn gather(who: Who, kind: Kind, names: &[String]) -> (World, Vec<Person>) {
    let world = who.world(kind).await;
    let mut people = Vec::new();
    for name in names {
        people.push(who.joins(&world, name).await);
    }
    if who != MustChoose {
        return (world, people);
    }
    let now = world.reopened(|config| config.factors = Factors::PasswordAndCode).await.unwrap();
    let people = people.into_iter().map(|person| Person { world: now.clone(), ..person }).collect();
    (now, people)
}

/// All sequences of two, and what is in the database after each: how many there were, and how many ways in.
async fn play(who: Who, kind: Kind, hows: &[How]) -> (usize, usize) {
    let pairs = STEPS.iter().flat_map(|one| STEPS.map(|two| (*one, two)));
    let sequences: Vec<_> =
        pairs.flat_map(|(one, two)| hows.iter().map(move |how| (one, two, *how))).collect();
    let names: Vec<_> = (0..sequences.len()).map(|n| format!("ada{n}")).collect();
    let (world, people) = gather(who, kind, &names).await;
    let eve = if who.is_by_code() {
        administrator(&world, "eve", EVES).await
    } else {
        world.person("eve").enrolled().await
    };
    let records = world.records().await;
    // Every step is judged, and none refused because of those before.
    records.never_rest().await;
    let mut ways_in = 0;
    for (n, ((first, second, how), ada)) in sequences.iter().zip(people).enumerate() {
        let scene = Scene::of(who, ada, &n.to_string()).await;
        records.change("DELETE FROM sessions").await;
        let browser = world.browser();
        let other = if *how == How::OtherBrowser {
            let other = who.half(&eve).await;
            let held = format!("zoe{n}");
            let fields = [("username", held.as_str()), ("password", PASSWORD)];
            let fields = if who.is_by_code() { &fields[..1] } else { &fields[..] };
            other.post("/register", fields).await.lands_on("/enroll");
            other
        } else {
            browser.clone()
        };
        scene.take(*first, &browser, &browser, *how != How::EmptyFirst).await;
        scene.take(*second, &other, &browser, *how != How::EmptySecond).await;

        let expected = who.earned(*first, *second, *how);
        let told = format!("{who:?}: {first:?}, then {second:?}, {how:?}");
        let count = i64::from(expected.is_some());
        assert_eq!(sessions(&records).await, (count, expected.unwrap_or(0)), "{told}");
        let mut inside = 0;
        for browser in [&browser, &other] {
            inside += usize::from(browser.get("/").await.status == 200);
        }
        assert_eq!(inside > 0, expected.is_some(), "{told}");
        ways_in += usize::from(expected.is_some());
        world.wait(30);
    }
    println!("{who:?}: {} sequences, {ways_in} ways in", sequences.len());
    (sequences.len(), ways_in)
}

/// The sequences with the link that is a way in by itself on either side, where each of the two is taken whole or empty.
const BY_LINK: usize = 27 + 14 + 14 + 27;

#[tokio::test]
async fn no_two_steps_out_of_order_make_a_session_on_sqlite() {
    assert_eq!(play(HasPassword, Kind::Sqlite, &ALL).await, (784, BY_LINK + 4));
}

#[tokio::test]
async fn nor_on_postgresql() {
    let played = play(HasPassword, Kind::Postgres, &[How::Complete, How::OtherBrowser]).await;
    assert_eq!(played, (392, 27 + 27 + 4));
}

#[tokio::test]
async fn nor_by_a_code_alone_of_whoever_has_no_password() {
    // The name and the code are a way in by themselves, too, and so are two links' buttons before the first code.
    assert_eq!(play(NoPassword, Kind::Sqlite, &ALL).await, (784, 56 + 30 + 28 + 52));
    assert_eq!(play(NoPassword, Kind::Postgres, &[How::Complete]).await, (196, 56));
}

#[tokio::test]
async fn nor_of_an_administrator_who_owes_the_password_after_the_code() {
    assert_eq!(play(OwesPassword, Kind::Sqlite, &ALL).await, (784, BY_LINK - 2 + 4));
    assert_eq!(play(OwesPassword, Kind::Postgres, &[How::Complete]).await, (196, 26 + 4));
}

#[tokio::test]
async fn nor_of_whoever_must_choose_a_password_after_the_code() {
    assert_eq!(play(MustChoose, Kind::Sqlite, &ALL).await, (784, BY_LINK - 2 + 4));
    assert_eq!(play(MustChoose, Kind::Postgres, &[How::Complete]).await, (196, 26 + 4));
}

/// Each whole way in, and then all its requests again with the cookies of before and between: there is one session.
#[tokio::test]
async fn no_step_that_is_taken_again_makes_another_session() {
    for (kind, who) in [Kind::Sqlite, Kind::Postgres]
        .into_iter()
        .flat_map(|kind| [HasPassword, NoPassword, OwesPassword, MustChoose].map(|who| (kind, who)))
    {
        let names: Vec<_> = (0..who.ways().len()).map(|n| format!("ada{n}")).collect();
        let (world, people) = gather(who, kind, &names).await;
        let records = world.records().await;
        for (n, ((way, level), ada)) in who.ways().iter().zip(people).enumerate() {
            let told = format!("{kind:?}, {who:?}, {way:?}");
            let scene = Scene::of(who, ada, &n.to_string()).await;
            records.change("DELETE FROM sessions").await;
            let (browser, mut copies) = (world.browser(), Vec::new());
            for step in *way {
                copies.push(browser.copy());
                scene.take(*step, &browser, &browser, true).await;
            }
            assert_eq!(sessions(&records).await, (1, *level), "{told}");
            copies.push(browser.copy());
            for again in copies {
                for step in *way {
                    for full in [true, false] {
                        scene.take(*step, &again, &again, full).await;
                        assert_eq!(sessions(&records).await, (1, *level), "{told}: {step:?} again");
                    }
                }
            }
            browser.get("/").await.is(200);
            world.wait(30);
        }
    }
}
