//! Fills a database with people who cannot sign in, to measure with: `people URL COUNT`. Nothing in it was ever secret.

use std::error::Error;

use store::authenticators::{self, Authenticator};
use store::users::{self, NewUser};
use store::{Db, Id, Time, recovery_codes};

/// When all of them were born: 2026-01-01.
const BORN: Time = Time::from_millis(1_767_225_600_000);
/// As long as the real ones.
const PASSWORD: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, count] = words.as_slice() else {
        return Err("say where and how many: people URL COUNT".into());
    };
    let (db, count) = (Db::open(url, BORN).await?, count.parse::<usize>()?);
    db.write(move |tx| {
        for number in 0..count {
            let (id, name) = (Id::new(format!("person{number:020}")), format!("person{number}"));
            let new = NewUser {
                id: &id,
                name: &name,
                name_key: &name,
                role: "user",
                password: Some(PASSWORD),
                password_due: None,
                signed_in_at: Some(BORN),
            };
            users::insert(tx, &new, BORN)?;
            let authenticator = Authenticator {
                id: Id::new(format!("authenticator{number:013}")),
                user_id: id.clone(),
                name: String::new(),
                label: format!("Latchkey: {name}"),
                secret: format!("seal-1.{}", "A".repeat(80)),
                algorithm: "SHA1".into(),
                digits: 6,
                period: 30,
                last_step: 0,
                drift: 0,
                drift_votes: 0,
            };
            authenticators::insert(tx, &authenticator, Some(BORN), BORN)?;
            for code in 0..10 {
                recovery_codes::insert(tx, &id, &format!("{code:044}"))?;
            }
        }
        Ok::<_, store::Error>(())
    })
    .await?;
    println!("{count} people");
    Ok(())
}
