//! What a code would be: said to those who run the place, with nothing spent and nothing charged.

use auth::trial::{self, Trial, Verdict};
use auth::{App, Error, users};
use otp::{Key, totp};

use crate::house::{SECRET, code, on_both};

async fn tried(app: &App, name: &str, code: &str) -> Trial {
    trial::code(app, name, code).await.unwrap()
}

fn at(app: &App, key: &Key, offset: i64) -> String {
    totp::code(key, app.clock.now().seconds() + offset).reveal().to_string()
}

#[tokio::test]
async fn a_code_is_good_used_past_future_or_nobodys() {
    for house in on_both().await {
        house.imports("ada").await;
        let label = || "Acme: ada".to_owned();
        for (offset, expected) in [
            (0, Verdict::Good),
            (30, Verdict::Good),
            (-30, Verdict::Good),
            (-60, Verdict::Used),
            (-120, Verdict::Past { steps: 4, seconds: 120 }),
            (60, Verdict::Future { steps: 2, seconds: 60 }),
            (3600, Verdict::Future { steps: 120, seconds: 3600 }),
            (-3600, Verdict::Past { steps: 120, seconds: 3600 }),
        ] {
            let trial = tried(&house.app, "ADA", &code(SECRET, offset)).await;
            assert_eq!(trial.verdict, Some((expected, label())), "{offset}");
        }
        assert_eq!(tried(&house.app, "ada", &code(SECRET, 3630)).await.verdict, None);
        assert!(matches!(trial::code(&house.app, "bob", "123456").await, Err(Error::NotFound(_))));
        assert!(matches!(trial::code(&house.app, "ada", "12345x").await, Err(Error::Rules(_))));
    }
}

#[tokio::test]
async fn trying_spends_nothing_and_charges_nothing() {
    for house in on_both().await {
        let (_, key) = house.registers_with_key("ada").await;
        let app = &house.app;
        assert_eq!(tried(app, "ada", &at(app, &key, 0)).await.verdict.unwrap().0, Verdict::Used);
        app.clock.advance(60);
        let events = house.count("events").await;
        for _ in 0..20 {
            assert_eq!(tried(app, "ada", "000000").await.verdict, None);
            assert_eq!(tried(app, "ada", &at(app, &key, 0)).await.verdict.unwrap().0, Verdict::Good);
        }
        assert_eq!(house.count("attempts").await, 0);
        assert_eq!(house.count("events").await, events);
    }
}

#[tokio::test]
async fn of_several_authenticators_the_one_is_named_whose_code_it_is() {
    for house in on_both().await {
        let other = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let links = format!(
            "otpauth://totp/Acme:ada?secret={SECRET}&issuer=Acme\notpauth://totp/ada?secret={other}&issuer=Other"
        );
        house.import_links(&links).await;
        let label = async |code: &str| tried(&house.app, "ada", code).await.verdict.unwrap().1;
        assert_eq!(label(&code(SECRET, 0)).await, "Acme: ada");
        assert_eq!(label(&code(other, 0)).await, "Other: ada");
        users::disable(&house.app, "ada").await.unwrap();
        assert!(tried(&house.app, "ada", &code(other, 0)).await.disabled);
    }
}
