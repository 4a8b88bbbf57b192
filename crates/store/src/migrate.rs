//! The schema: versions, checksums, and the refusal to work on a schema this program does not know.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::{Conn, Error, Result, Sql, Time, Tx, marks};

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
    Migration {
        version: 9,
        name: "revocations",
        text: include_str!("../migrations/0009_revocations.sql"),
        // Newer programs would not hear what an older one has revoked.
        min_compatible: 9,
    },
    Migration {
        version: 10,
        name: "lean",
        text: include_str!("../migrations/0010_lean.sql"),
        // An older program would look for an index of all events where it gathers one.
        min_compatible: 10,
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

/// The oldest program that may work on it.
pub(crate) const OLDEST_ON_NEWEST: i64 = MIGRATIONS[MIGRATIONS.len() - 1].min_compatible;

/// How far a migration is that is made step by step.
const STEPS: &str = "CREATE TABLE IF NOT EXISTS migration_steps (
    version  BIGINT NOT NULL PRIMARY KEY,
    checksum TEXT   NOT NULL,
    step     BIGINT NOT NULL
)";

/// Makes the tables of a schema, in a database that has none.
pub(crate) fn found(tx: &mut Tx<'_>, schema: i64, now: Time) -> Result<()> {
    tx.control(TABLE)?;
    if version(tx)?.is_some() {
        return Err(Error::refused("there is a Latchkey in this database already"));
    }
    let known = MIGRATIONS.iter().take_while(|migration| migration.version <= schema).count();
    apply(tx, &MIGRATIONS[..known], now)
}

/// Applies what is missing, in one transaction.
pub(crate) fn up(tx: &mut Tx<'_>, now: Time) -> Result<()> {
    tx.control(TABLE)?;
    // Of no use here, and there nevertheless: both engines have the same tables.
    tx.control(STEPS)?;
    apply(tx, MIGRATIONS, now)
}

/// A transaction of [`up`] where each holds one change of the schema at most. True: another one follows.
///
/// Engines that are spread over machines allow no more. The step is written down in the transaction that makes it, so whoever starts
/// after a crash goes on where it was, and of many nodes one makes it.
pub(crate) fn step(tx: &mut Tx<'_>, now: Time) -> Result<bool> {
    make_one(tx, MIGRATIONS, now)
}

/// Makes the tables that say which migrations there have been: the first, then the second.
pub(crate) fn begin(tx: &mut Tx<'_>, first: bool) -> Result<()> {
    tx.control(if first { TABLE } else { STEPS })
}

fn make_one(tx: &mut Tx<'_>, known: &[Migration], now: Time) -> Result<bool> {
    const HOW_FAR: Sql = Sql::new("SELECT step, checksum FROM migration_steps WHERE version = $1");
    const BEGIN: Sql = Sql::new(
        "INSERT INTO migration_steps (version, checksum, step) VALUES ($1, $2, 0) ON CONFLICT (version) DO NOTHING",
    );
    const NEXT: Sql = Sql::new("UPDATE migration_steps SET step = step + 1 WHERE version = $1 AND step = $2");
    let Some(migration) = missing(tx, known)?.into_iter().next() else { return Ok(false) };
    let (version, checksum) = (migration.version, checksum(migration.text));
    let how_far = tx.one(HOW_FAR, &[version.into()], |row| Ok((row.int(0)?, row.text(1)?)))?;
    let Some((step, begun)): Option<(i64, String)> = how_far else {
        return tx.execute(BEGIN, &[version.into(), (&checksum).into()]).map(|_| true);
    };
    if begun != checksum {
        return Err(Error::refused(format!(
            "migration {version} of the database was begun by another build, and is not finished: start that one, or restore a backup \
             from before the upgrade"
        )));
    }
    let statements = statements(migration.text);
    let at = usize::try_from(step).unwrap_or(usize::MAX);
    // Another node has finished it since we looked. Or it makes this step now: then we wait for it, and make none.
    if at > statements.len() || tx.execute(NEXT, &[version.into(), step.into()])? == 0 {
        return Ok(true);
    }
    match statements.get(at) {
        Some(statement) => tx.control(statement)?,
        None => note(tx, migration, now)?,
    }
    Ok(true)
}

/// The statements of a migration, without its comments.
fn statements(text: &str) -> Vec<String> {
    let (mut statements, mut quoted) = (vec![String::new()], false);
    for line in text.lines() {
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            if !quoted && rest.starts_with("--") {
                break;
            }
            quoted ^= c == '\'';
            match statements.last_mut() {
                Some(last) if quoted || c != ';' => last.push(c),
                _ => statements.push(String::new()),
            }
            rest = &rest[c.len_utf8()..];
        }
        statements.last_mut().into_iter().for_each(|last| last.push('\n'));
    }
    statements.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

fn apply(tx: &mut Tx<'_>, known: &[Migration], now: Time) -> Result<()> {
    for migration in missing(tx, known)? {
        note(tx, migration, now)?;
        tx.control(migration.text)?;
    }
    Ok(())
}

/// Writes down that a migration has been.
fn note(tx: &mut Tx<'_>, migration: &Migration, now: Time) -> Result<()> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO migrations (version, name, checksum, min_compatible, applied_at) VALUES ($1, $2, $3, $4, $5)",
    );
    let Migration { version, name, text, min_compatible } = *migration;
    let checksum = checksum(text);
    let values = [version.into(), name.into(), (&checksum).into(), min_compatible.into(), now.into()];
    tx.execute(INSERT, &values).map(|_| ())
}

/// Which are missing, in their order. Refuses a schema that this program does not know.
fn missing<'a>(tx: &mut Tx<'_>, known: &'a [Migration]) -> Result<Vec<&'a Migration>> {
    marks::refuse(tx)?;
    let applied = applied(tx)?;
    if let Some(why) = outgrown(&applied, known) {
        return Err(Error::refused(why));
    }
    if let Some(wrong) = wrong_in(&applied, known).into_iter().next() {
        return Err(Error::refused(wrong));
    }
    let is_there = |migration: &Migration| applied.iter().any(|(version, ..)| *version == migration.version);
    Ok(known.iter().filter(|migration| !is_there(migration)).collect())
}

/// Why a program that knows these may not work on a schema; `None` when it may.
fn outgrown(applied: &[(i64, String, i64)], known: &[Migration]) -> Option<String> {
    let newest = known.last().map_or(0, |migration| migration.version);
    let (version, _, oldest) = applied.last()?;
    (*version > newest && *oldest > newest).then(|| {
        format!(
            "the database has schema {version}, and this program knows {newest}: start the newer Latchkey, or restore a backup \
             from before the upgrade"
        )
    })
}

/// What is wrong with the list of migrations that were applied: version, checksum, and which programs it lets work with it.
fn wrong_in(applied: &[(i64, String, i64)], known: &[Migration]) -> Vec<String> {
    const REMEDY: &str = "Start the Latchkey that made it, or bring the last backup back (latchkey restore)";
    let newest = applied.iter().map(|(version, ..)| *version).max().unwrap_or(0);
    let wrong = |migration: &Migration| {
        let number = migration.version;
        match applied.iter().find(|(version, ..)| *version == number) {
            Some((_, found, _)) if *found != checksum(migration.text) => Some(format!(
                "migration {number} of the database is not the one this program knows: it was changed, or made by another build. \
                 {REMEDY}"
            )),
            None if number < newest => Some(format!(
                "migration {number} is not in the list of the database, and a later one is: the list was changed by hand. {REMEDY}"
            )),
            _ => None,
        }
    };
    known.iter().filter_map(wrong).collect()
}

/// What is wrong with the list of migrations of a database, each with what to do.
pub(crate) fn judge(conn: &mut Conn<'_>) -> Result<Vec<String>> {
    Ok(wrong_in(&applied(conn)?, MIGRATIONS))
}

/// Version, checksum and oldest program of each migration that was applied.
fn applied(conn: &mut Conn<'_>) -> Result<Vec<(i64, String, i64)>> {
    const APPLIED: Sql = Sql::new(
        "SELECT version, checksum, min_compatible FROM migrations WHERE version < $1 ORDER BY version",
    );
    conn.all(APPLIED, &[marks::FIRST.into()], |row| Ok((row.int(0)?, row.text(1)?, row.int(2)?)))
}

fn checksum(text: &str) -> String {
    // A checkout may have changed the line ends.
    HEXLOWER.encode(&Sha256::digest(text.replace("\r\n", "\n")))
}

/// Why this program may not go on with a database that it has opened; `None` when it may. Either everything was moved elsewhere meanwhile, or
/// a newer program has brought it to a schema of its own.
pub(crate) fn look(conn: &mut Conn<'_>) -> Result<Option<Error>> {
    if let Some(mark) = marks::find(conn)? {
        return Ok(Some(Error::gone(mark.refusal())));
    }
    Ok(outgrown(&applied(conn)?, MIGRATIONS).map(Error::gone))
}

/// The schema that a database has, whose table of migrations is there. Refuses one that a move has not finished.
pub(crate) fn version(conn: &mut Conn<'_>) -> Result<Option<i64>> {
    const VERSION: Sql = Sql::new(
        "SELECT (SELECT max(version) FROM migrations WHERE version < $1), min(name) FROM migrations WHERE version = $1",
    );
    let found = conn.one(VERSION, &[marks::FIRST.into()], |row| Ok((row.opt_int(0)?, row.opt_text(1)?)))?;
    match found {
        Some((_, Some(from))) => Err(marks::unfinished(&from)),
        found => Ok(found.and_then(|(version, _)| version)),
    }
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
    use crate::scratch::Scratch;
    use crate::{Db, Kind};

    const NOW: Time = Time::from_millis(0);

    /// What this program knows, and one migration more unless it is an old program.
    fn known(next: Option<&'static str>) -> Vec<Migration> {
        let next =
            next.map(|text| Migration { version: NEWEST + 1, name: "next", text, min_compatible: NEWEST });
        MIGRATIONS.iter().map(|m| Migration { name: m.name, text: m.text, ..*m }).chain(next).collect()
    }

    async fn apply_to(db: &Db, next: Option<&'static str>) -> Result<()> {
        match db.kind() {
            Kind::Sqlite => db.write(move |tx| apply(tx, &known(next), NOW)).await,
            Kind::Postgres => {
                while one_step(db, next).await? {}
                Ok(())
            }
        }
    }

    async fn one_step(db: &Db, next: Option<&'static str>) -> Result<bool> {
        db.write(move |tx| make_one(tx, &known(next), NOW)).await
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
    async fn a_migration_that_fails_leaves_nothing_behind_where_it_is_one_transaction() {
        let db = Scratch::new(Kind::Sqlite).open().await;
        let half = "CREATE TABLE half (a BIGINT); INSERT INTO nowhere VALUES (1)";
        apply_to(&db, Some(half)).await.unwrap_err();
        apply_to(&db, Some("CREATE TABLE half (a BIGINT)")).await.expect("the table was rolled back");
    }

    /// Each of these fails when it is made twice, or shows it.
    const LONG: &str = "-- One; that is; no statement.
        CREATE TABLE one (a BIGINT, b TEXT NOT NULL DEFAULT 'it''s; -- no end');
        INSERT INTO one (a) VALUES (1);
        ALTER TABLE one ADD COLUMN c BIGINT NOT NULL DEFAULT 0;  -- another
        INSERT INTO one (a) SELECT a + 1 FROM one;
        CREATE INDEX one_by_a ON one (a);
        UPDATE one SET c = c + 1";

    async fn judge(db: &Db) {
        const SUM: Sql =
            Sql::new("SELECT count(*), sum(CAST(c AS INTEGER)) FROM one WHERE b = 'it''s; -- no end'");
        let found = db.read(|conn| conn.one(SUM, &[], |row| Ok((row.int(0)?, row.int(1)?)))).await.unwrap();
        assert_eq!(found, Some((2, 2)));
        assert!(!one_step(db, Some(LONG)).await.unwrap(), "nothing is left to do");
    }

    #[tokio::test]
    async fn a_migration_in_steps_goes_on_where_it_was_wherever_it_was_broken_off() {
        for steps in 0..9 {
            let scratch = Scratch::new(Kind::Postgres);
            let db = scratch.open().await;
            for _ in 0..steps {
                assert!(one_step(&db, Some(LONG)).await.unwrap(), "{steps}");
            }
            // Whoever knows another migration by this number keeps away from it.
            if (1..8).contains(&steps) {
                let refused = apply_to(&db, Some("CREATE TABLE one (b BIGINT)")).await.unwrap_err();
                assert!(refused.to_string().contains("begun by another build"), "{refused}");
            }
            let nodes: Vec<_> = (0..4)
                .map(|_| {
                    let db = db.clone();
                    tokio::spawn(async move { apply_to(&db, Some(LONG)).await })
                })
                .collect();
            for node in nodes {
                node.await.unwrap().unwrap();
            }
            judge(&db).await;
        }
    }

    #[test]
    fn every_step_of_a_migration_changes_one_thing() {
        let known = known(Some(LONG));
        for Migration { name, text, .. } in &known {
            for statement in statements(text) {
                let words = ["CREATE ", "ALTER ", "DROP ", "INSERT ", "UPDATE ", "DELETE "];
                assert!(words.iter().any(|word| statement.starts_with(word)), "{name}: {statement}");
                assert!(name == &"next" || !statement.contains(';'), "{name}: {statement}");
            }
        }
        assert_eq!(statements(LONG).len(), 6);
        assert_eq!(statements("  \n-- nothing\n;;"), [""; 0]);
    }
}
