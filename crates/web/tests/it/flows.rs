//! Steps out of order: every step of signing in, enrolling, recovering and following links after every other one, complete,
//! empty, and in somebody else's browser. A session exists when all its steps were taken in their order, and never else.

use auth::link::Purpose;
use auth::{Role, link, setup};
use store::Kind;

use crate::world::{Browser, PASSWORD, Person, World, path_of};

/// What one can do on the way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Password,
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

const STEPS: [Step; 13] = [
    Password,
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

/// The pairs that are a whole way in. A link for a new password asks for a code, and is one by itself.
const WHOLE: [(Step, Step); 4] =
    [(Password, Code), (Register, Enroll), (SetupLink, Enroll), (PhoneLink, Enroll)];

/// How many sessions these two steps have earned.
fn earned(first: Step, second: Step, how: How) -> i64 {
    let by_link = (first == PasswordLink && how != How::EmptyFirst)
        || (second == PasswordLink && how != How::EmptySecond);
    i64::from(by_link || (how == How::Complete && WHOLE.contains(&(first, second))))
}

/// Ada, who has an account, with links that were made for her and for Bob, and a name for a newcomer.
struct Scene {
    ada: Person,
    bob_link: String,
    phone_link: String,
    newcomer: String,
}

impl Scene {
    async fn take(&self, step: Step, browser: &Browser, secret: &Browser, full: bool) {
        let ada = &self.ada;
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
        let (path, fields): (&str, Vec<(&str, &str)>) = match step {
            Password => ("/login", vec![("username", &name), ("password", PASSWORD)]),
            Code => ("/login/code", vec![("otp", &code)]),
            OwedPassword => ("/login/password", vec![("password", PASSWORD)]),
            RecoveryCode => ("/login/recovery", vec![("recovery_code", &ada.recovery_codes[0])]),
            Register => ("/register", vec![("username", &self.newcomer), ("password", PASSWORD)]),
            Enroll => ("/enroll", vec![("otp", &first_code)]),
            SavedCodes => ("/enroll/recovery-codes", vec![("saved", "on")]),
            SetupLink => (&self.bob_link, vec![("password", PASSWORD)]),
            PhoneLink => (&self.phone_link, vec![("password", PASSWORD)]),
            PasswordLink => (&password_link, vec![("password", "difference of engines"), ("otp", &code)]),
            Prove => ("/account/prove", vec![("password", PASSWORD), ("otp", &code)]),
            AddAuthenticator => ("/account/authenticators/add", vec![("name", "new")]),
            NewPassword => ("/account/password", vec![("password", "difference of engines")]),
        };
        let fields = if full { fields } else { Vec::new() };
        let seen = browser.post(path, &fields).await;
        assert!(seen.status.as_u16() < 500, "{step:?}: {}", seen.text);
    }
}

/// All sequences of two, and what is in the database after each.
async fn play(world: World, hows: &[How]) -> (usize, usize) {
    let records = world.records().await;
    let eve = world.person("eve").enrolled().await;
    let (mut sequences, mut ways_in) = (0, 0);
    for (n, (first, second)) in STEPS.iter().flat_map(|one| STEPS.map(|two| (*one, two))).enumerate() {
        for how in hows {
            let (name, newcomer, bob) =
                (format!("ada{n}{how:?}"), format!("new{n}{how:?}"), format!("bob{n}{how:?}"));
            let ada = world.person(&name.to_lowercase()).enrolled().await;
            let bob_link =
                path_of(&setup::user_link(&world.app, &bob.to_lowercase(), Role::User).await.unwrap());
            let phone_link = path_of(&link::make(&world.app, &ada.name, Purpose::Enroll).await.unwrap());
            let scene = Scene { ada, bob_link, phone_link, newcomer: newcomer.to_lowercase() };
            records.change("DELETE FROM sessions").await;
            let browser = world.browser();
            let other = if *how == How::OtherBrowser {
                let other = eve.half_signed_in().await;
                let held = format!("zoe{n}");
                other
                    .post("/register", &[("username", &held), ("password", PASSWORD)])
                    .await
                    .lands_on("/enroll");
                other
            } else {
                browser.clone()
            };
            scene.take(first, &browser, &browser, *how != How::EmptyFirst).await;
            scene.take(second, &other, &browser, *how != How::EmptySecond).await;

            let expected = earned(first, second, *how);
            let told = format!("{first:?}, then {second:?}, {how:?}");
            assert_eq!(records.number("SELECT count(*) FROM sessions").await, expected, "{told}");
            let high = "SELECT count(*) FROM sessions WHERE level <> 2";
            assert_eq!(records.number(high).await, 0, "{told}");
            let mut inside = 0;
            for browser in [&browser, &other] {
                inside += usize::from(browser.get("/").await.status == 200);
            }
            assert_eq!(inside > 0, expected == 1, "{told}");
            sequences += 1;
            ways_in += usize::try_from(expected).unwrap();
            world.wait(30);
        }
    }
    (sequences, ways_in)
}

#[tokio::test]
async fn no_two_steps_out_of_order_make_a_session_on_sqlite() {
    let played = play(World::on(Kind::Sqlite).await, &ALL).await;
    println!("{} sequences, {} ways in", played.0, played.1);
    assert_eq!(played, (676, 29 + 13 + 13 + 25));
}

#[tokio::test]
async fn nor_on_postgresql() {
    let played = play(World::on(Kind::Postgres).await, &[How::Complete, How::OtherBrowser]).await;
    assert_eq!(played, (338, 29 + 25));
}

/// Each whole way in, and then all its requests again with the cookies of before: there is one session.
#[tokio::test]
async fn no_step_that_is_taken_again_makes_another_session() {
    World::on_both(|world| async move {
        let records = world.records().await;
        let count = async || records.number("SELECT count(*) FROM sessions").await;
        let ada = world.person("ada").enrolled().await;
        let half = ada.half_signed_in().await;
        let (before, code) = (half.copy(), ada.code());
        half.give_code(&code).await.lands_on("/");
        assert_eq!(count().await, 1);
        for again in [before.copy(), half.copy()] {
            for code in [&*code, &*ada.code_at(world.clock.now().seconds() + 30), ""] {
                let seen = again.give_code(code).await;
                assert!(seen.status == 422, "{}", seen.text);
            }
        }
        assert_eq!(count().await, 1);

        let browser = world.browser();
        browser.post("/register", &[("username", "bob"), ("password", PASSWORD)]).await.lands_on("/enroll");
        let (before, mut bob) = (browser.copy(), world.person("bob"));
        bob.scan(&browser).await;
        browser.post("/enroll", &[("otp", &bob.code())]).await.lands_on("/enroll/recovery-codes");
        assert_eq!(count().await, 2);
        world.wait(30);
        for again in [before.copy(), browser.copy()] {
            again.post("/enroll", &[("otp", &bob.code())]).await.is(410);
            again.post("/enroll", &[]).await.is(410);
        }
        assert_eq!(count().await, 2);
        before.get("/").await.lands_on("/login");
    })
    .await;
}
