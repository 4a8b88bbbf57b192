//! What the tutorial with Flask and pyotp leaves open, where no other play shows it gone. docs/threat-model.md has the whole list.

use std::collections::HashSet;

use crate::world::{PASSWORD, World, secret_of};

#[tokio::test]
async fn every_secret_has_160_bits_and_no_two_are_alike() {
    World::on_both(|world| async move {
        let mut secrets = HashSet::new();
        for number in 1..=20 {
            let browser = world.browser().from(&format!("203.0.113.{number}"));
            let name = format!("person{number}");
            browser
                .post("/register", &[("username", &name), ("password", PASSWORD)])
                .await
                .lands_on("/enroll");
            let secret = secret_of(&browser.get("/enroll").await.text);
            assert_eq!(secret.len(), 20);
            // Bytes of chance: twenty of them with fewer than eight values would be one in many thousands.
            assert!(secret.iter().collect::<HashSet<_>>().len() >= 8, "{secret:?}");
            assert!(secrets.insert(secret), "two people share a secret");
        }
    })
    .await;
}

#[tokio::test]
async fn no_debugger_no_source_and_no_database_is_served() {
    World::on_both(|world| async move {
        let ada = world.browser();
        world.person("ada").enrolled_in(&ada).await;
        let files = [
            "/console",
            "/debug",
            "/users.db",
            "/latchkey.db",
            "/master.key",
            "/latchkey.toml",
            "/.git/config",
            "/.env",
        ];
        let upward =
            ["/assets/..%2f..%2fmaster.key", "/assets/%2e%2e/master.key", "/assets/app.css.map", "/assets/"];
        for browser in [&world.browser(), &ada] {
            for path in files.iter().chain(&upward) {
                browser
                    .get(path)
                    .await
                    .is(404)
                    .never_says("panicked")
                    .never_says(".rs:")
                    .never_says("SQLite");
            }
            // What the tutorial's debugger answers to.
            let asked = browser.get("/login?__debugger__=yes&cmd=resource&f=debugger.js").await;
            asked.never_says("debugger.js\"").never_says("EVALEX");
        }
    })
    .await;
}
