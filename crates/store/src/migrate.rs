//! The schema: versions, checksums, and the refusal to work on a schema this program does not know.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::{Conn, Error, Result, Sql, Time, Tx};

struct Migration {
    version: i64,
    name: &'static str,
    text: &'static str,
    /// The oldest program, by the last migration it knows, that still works on this schema.
    min_compatible: i64,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "first",
        text: include_str!("../migrations/0001_first.sql"),
        min_compatible: 1,
    },
    Migration {
        version: 2,
        name: "account",
        text: include_str!("../migrations/0002_account.sql"),
        min_compatible: 1,
    },
    Migration {
        version: 3,
        name: "signing_in",
        text: include_str!("../migrations/0003_signing_in.sql"),
        // An older program would take a session by a code alone for a full one.
        min_compatible: 3,
    },
    Migration {
        version: 4,
        name: "tries",
        text: include_str!("../migrations/0004_tries.sql"),
        min_compatible: 3,
    },
    Migration {
        version: 5,
        name: "sealed_by",
        text: include_str!("../migrations/0005_sealed_by.sql"),
        // An older program would not say which key it has sealed with, nor open what another key has sealed.
        min_compatible: 5,
    },
    Migration {
        version: 6,
        name: "audit",
        text: include_str!("../migrations/0006_audit.sql"),
        // An older program would write events that nobody vouches for.
        min_compatible: 6,
    },
    Migration {
        version: 7,
        name: "doors",
        text: include_str!("../migrations/0007_doors.sql"),
        min_compatible: 6,
    },
    Migration {
        version: 8,
        name: "tokens",
        text: include_str!("../migrations/0008_tokens.sql"),
        // An older program would hear the token of somebody who is locked out.
        min_compatible: 8,
    },
];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (
    version        BIGINT NOT NULL PRIMARY KEY,
    name           TEXT   NOT NULL,
    checksum       TEXT   NOT NULL,
    min_compatible BIGINT NOT NULL,
    applied_at     BIGINT NOT NULL
)";

/// The newest schema that this program knows.
pub(crate) const NEWEST: i64 = MIGRATIONS[MIGRATIONS.len() - 1].version;

/// Applies what is missing, in one transaction.
pub(crate) fn up(tx: &mut Tx<'_>, now: Time) -> Result<()> {
    tx.control(TABLE)?;
    apply(tx, MIGRATIONS, now)
}

fn apply(tx: &mut Tx<'_>, known: &[Migration], now: Time) -> Result<()> {
    const APPLIED: Sql =
        Sql::new("SELECT version, checksum, min_compatible FROM migrations ORDER BY version");
    const INSERT: Sql = Sql::new(
        "INSERT INTO migrations (version, name, checksum, min_compatible, applied_at) VALUES ($1, $2, $3, $4, $5)",
    );
    let applied = tx.all(APPLIED, &[], |row| Ok((row.int(0)?, row.text(1)?, row.int(2)?)))?;
    let newest = known.last().map_or(0, |migration| migration.version);
    if let Some((version, _, oldest)) = applied.last()
        && *version > newest
        && *oldest > newest
    {
        return Err(Error::refused(format!(
            "the database has schema {version}, and this program knows {newest}: start the newer Latchkey, or restore a backup \
             from before the upgrade"
        )));
    }
    for migration in known {
        let checksum = checksum(migration.text);
        match applied.iter().find(|(version, ..)| *version == migration.version) {
            Some((_, found, _)) if *found == checksum => {}
            Some(_) => {
                return Err(Error::refused(format!(
                    "migration {} of the database is not the one this program knows: it was changed, or made by another build",
                    migration.version
                )));
            }
            None => {
                // The row first: another node that starts at the same time waits for it, and then runs again.
                tx.execute(
                    INSERT,
                    &[
                        migration.version.into(),
                        migration.name.into(),
                        (&checksum).into(),
                        migration.min_compatible.into(),
                        now.into(),
                    ],
                )?;
                tx.control(migration.text)?;
            }
        }
    }
    Ok(())
}

fn checksum(text: &str) -> String {
    // A checkout may have changed the line ends.
    HEXLOWER.encode(&Sha256::digest(text.replace("\r\n", "\n")))
}

/// Reads something, so that a health check has been to the database and back.
pub(crate) fn look(conn: &mut Conn<'_>) -> Result<()> {
    version(conn).map(|_| ())
}

/// The schema that a database has, whose table of migrations is there.
pub(crate) fn version(conn: &mut Conn<'_>) -> Result<Option<i64>> {
    const VERSION: Sql = Sql::new("SELECT max(version) FROM migrations");
    Ok(conn.one(VERSION, &[], |row| row.opt_int(0))?.flatten())
}

/// Refuses a database that does not compare text by its bytes. Asks how it behaves, not what its catalog says.
pub(crate) fn refuse_other_collations(tx: &mut Tx<'_>) -> Result<()> {
    const BYTES: Sql = Sql::new("SELECT 'B' < 'a' AND 'Z' < 'ä' AND length('ä') = 1");
    if tx.one(BYTES, &[], |row| row.bool(0))? == Some(true) {
        return Ok(());
    }
    Err(Error::refused(
        "the database does not order text by its bytes. Make one that does: CREATE DATABASE latchkey TEMPLATE template0 \
         LOCALE_PROVIDER libc LOCALE 'C' ENCODING 'UTF8'",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Db;
    use crate::scratch::Scratch;

    const NOW: Time = Time::from_millis(0);

    /// What this program knows, and one migration more unless it is an old program.
    async fn apply_to(db: &Db, next: Option<&'static str>) -> Result<()> {
        db.write(move |tx| {
            let next = next.map(|text| Migration {
                version: NEWEST + 1,
                name: "next",
                text,
                min_compatible: NEWEST,
            });
            let known: Vec<Migration> = MIGRATIONS
                .iter()
                .map(|m| Migration { name: m.name, text: m.text, ..*m })
                .chain(next)
                .collect();
            apply(tx, &known, NOW)
        })
        .await
    }

    #[tokio::test]
    async fn a_newer_schema_is_refused_unless_it_says_that_this_program_may_stay() {
        for scratch in Scratch::both() {
            let db = scratch.open().await;
            apply_to(&db, Some("CREATE TABLE extra (a BIGINT)")).await.unwrap();
            apply_to(&db, None).await.expect("an older program may stay");
            db.write(|tx| {
                const RAISE: Sql = Sql::new("UPDATE migrations SET min_compatible = $1 WHERE version = $1");
                tx.execute(RAISE, &[(NEWEST + 1).into()])
            })
            .await
            .unwrap();
            let refused = apply_to(&db, None).await.unwrap_err();
            let expected = format!("schema {}, and this program knows {NEWEST}", NEWEST + 1);
            assert!(refused.to_string().contains(&expected), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_migration_that_was_changed_is_refused() {
        for scratch in Scratch::both() {
            let db = scratch.open().await;
            apply_to(&db, Some("CREATE TABLE extra (a BIGINT)")).await.unwrap();
            let refused = apply_to(&db, Some("CREATE TABLE extra (b BIGINT)")).await.unwrap_err();
            assert!(matches!(refused, Error::Refused(_)), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_migration_that_fails_leaves_nothing_behind() {
        for scratch in Scratch::both() {
            let db = scratch.open().await;
            let half = "CREATE TABLE half (a BIGINT); INSERT INTO nowhere VALUES (1)";
            apply_to(&db, Some(half)).await.unwrap_err();
            apply_to(&db, Some("CREATE TABLE half (a BIGINT)")).await.expect("the table was rolled back");
        }
    }
}
