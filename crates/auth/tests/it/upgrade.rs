//! Databases of every older schema are brought up to date: tried first, with something kept of before; and what fails changes nothing.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use auth::{App, Config, upgrade, users};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use store::scratch::Scratch;
use store::{Db, Kind, Sql};

/// A house as version 0.1.0 has left it, with people in it.
fn frozen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/tests/frozen/0.1.0")
}

/// The engine's part of that.
fn dump(kind: Kind) -> String {
    let file = match kind {
        Kind::Sqlite => "sqlite.sql",
        Kind::Postgres => "postgres.sql",
    };
    std::fs::read_to_string(frozen().join(file)).unwrap()
}

fn config_of(scratch: &Scratch) -> Config {
    Config {
        data_dir: scratch.dir().to_owned(),
        database: scratch.url().to_owned().into(),
        ..Config::default()
    }
}

fn with_key(scratch: &Scratch) {
    std::fs::copy(frozen().join("master.key"), scratch.dir().join("master.key")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(scratch.dir().join("master.key"), mode).unwrap();
    // As every version has left it that was stopped in order.
    if scratch.url().starts_with("sqlite:") {
        scratch.restore("PRAGMA journal_mode=WAL");
    }
}

fn old_house(kind: Kind) -> Scratch {
    let scratch = Scratch::new(kind);
    scratch.restore(&dump(kind));
    with_key(&scratch);
    scratch
}

/// A house that has keys, and the schema after so many migrations.
fn house_of_schema(kind: Kind, schema: usize) -> Scratch {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/migrations");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len() as i64, Db::SCHEMA, "there is a migration of every number");
    let mut text = "CREATE TABLE migrations (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL,
                    min_compatible BIGINT NOT NULL, applied_at BIGINT NOT NULL);\n"
        .to_owned();
    for (number, file) in files.iter().enumerate().take(schema) {
        let migration = std::fs::read_to_string(file).unwrap();
        let checksum = HEXLOWER.encode(&Sha256::digest(&migration));
        let version = number + 1;
        writeln!(
            text,
            "{migration};\nINSERT INTO migrations VALUES ({version}, 'x', '{checksum}', {version}, 0);"
        )
        .unwrap();
    }
    let dump = dump(kind);
    let keys = dump
        .lines()
        .filter(|line| ["INTO keys VALUES", "INTO public.keys VALUES"].iter().any(|at| line.contains(at)));
    keys.for_each(|line| writeln!(text, "{line}").unwrap());
    let scratch = Scratch::new(kind);
    scratch.restore(&text);
    with_key(&scratch);
    scratch
}

/// What can be seen of a house of schema 3 without changing anything.
async fn seen(scratch: &Scratch) -> (Option<i64>, Vec<i64>) {
    const SEEN: [Sql; 8] = [
        Sql::new("SELECT count(*) FROM users"),
        Sql::new("SELECT count(*) FROM authenticators"),
        Sql::new("SELECT count(*) FROM sessions"),
        Sql::new("SELECT count(*) FROM events"),
        Sql::new("SELECT count(*) FROM registrations"),
        Sql::new("SELECT count(*) FROM devices"),
        Sql::new("SELECT count(*) FROM attempts"),
        Sql::new("SELECT count(*) FROM migrations"),
    ];
    let db = Db::open_as_it_is(scratch.url()).await.unwrap();
    let counts = db.scan(|conn| {
        let counts =
            SEEN.into_iter().map(|sql| Ok::<_, store::Error>(conn.one(sql, &[], |row| row.int(0))?.unwrap()));
        counts.collect::<Result<Vec<_>, _>>()
    });
    (Db::schema(scratch.url()).unwrap(), counts.await.unwrap())
}

/// Each file beside the database, with what is in it.
fn files(scratch: &Scratch) -> Vec<(String, Vec<u8>)> {
    let file = |file: std::io::Result<std::fs::DirEntry>| {
        let file = file.unwrap();
        (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap())
    };
    let mut files: Vec<_> = std::fs::read_dir(scratch.dir()).unwrap().map(file).collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_house_of_every_older_schema_is_brought_up_to_date_and_tried() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        for schema in 1..Db::SCHEMA {
            let scratch = house_of_schema(kind, usize::try_from(schema).unwrap());
            let config = config_of(&scratch);
            let rehearsed = upgrade::rehearse(&config).await.unwrap().expect("there is something to do");
            assert_eq!((rehearsed.from, rehearsed.to), (schema, Db::SCHEMA));
            assert_eq!(Db::schema(scratch.url()).unwrap(), Some(schema), "{kind:?}: a rehearsal is none");
            let done = upgrade::run(&config).await.unwrap().expect("there is something to do");
            assert_eq!((done.from, done.rows), (schema, rehearsed.rows));
            // On PostgreSQL there are backups of newer schemas only.
            let kept = kind == Kind::Sqlite || schema >= store::dump::OLDEST;
            assert_eq!(done.kept.is_some_and(|file| file.exists()), kept, "{kind:?}, schema {schema}");
            assert_eq!(Db::schema(scratch.url()).unwrap(), Some(Db::SCHEMA));
            assert_eq!(upgrade::run(&config).await.unwrap(), None, "and then there is nothing to do");
            let app = App::open_existing(config).await.unwrap();
            assert_eq!(users::count(&app).await.unwrap().people, 0, "nobody was left there");
        }
    }
}

#[tokio::test]
async fn a_rehearsal_changes_nothing() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let scratch = old_house(kind);
        let (before, files_before) = (seen(&scratch).await, files(&scratch));
        let report = upgrade::rehearse(&config_of(&scratch)).await.unwrap().unwrap();
        assert_eq!((report.from, report.to), (3, Db::SCHEMA));
        assert!(report.rows > 50, "{report:?}");
        assert_eq!(seen(&scratch).await, before);
        assert!(files(&scratch) == files_before, "{kind:?}: a file has changed, or there is another");
    }
}

/// Why nobody can be signed in there, in each engine's words.
const NO: [&str; 2] = [
    "CREATE TRIGGER no BEFORE INSERT ON sessions BEGIN SELECT RAISE(ABORT, 'a trigger says no'); END",
    "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a trigger says no'; END $$;
     CREATE TRIGGER no BEFORE INSERT ON public.sessions FOR EACH ROW EXECUTE FUNCTION no()",
];

#[tokio::test]
async fn where_the_made_up_person_cannot_sign_in_nothing_is_changed() {
    for (kind, no) in [Kind::Sqlite, Kind::Postgres].into_iter().zip(NO) {
        let scratch = old_house(kind);
        scratch.restore(no);
        let (before, files_before) = (seen(&scratch).await, files(&scratch));
        for refused in [
            App::open(config_of(&scratch)).await.map(|_| ()),
            App::open_existing(config_of(&scratch)).await.map(|_| ()),
            upgrade::run(&config_of(&scratch)).await.map(|_| ()),
            upgrade::rehearse(&config_of(&scratch)).await.map(|_| ()),
        ] {
            let said = refused.unwrap_err().to_string();
            assert!(said.contains("from schema 3 to") && said.contains("a trigger says no"), "{said}");
            assert!(said.contains("Nothing was changed"), "{said}");
        }
        assert_eq!(seen(&scratch).await, before);
        assert!(files(&scratch) == files_before, "{kind:?}: a file has changed, or there is another");
    }
}

#[tokio::test]
async fn where_a_migration_fails_nothing_is_changed() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let scratch = old_house(kind);
        // A later migration makes a table of this name.
        scratch.restore("CREATE TABLE seals (number BIGINT)");
        let (before, files_before) = (seen(&scratch).await, files(&scratch));
        let said = App::open(config_of(&scratch)).await.map(|_| ()).unwrap_err().to_string();
        assert!(said.contains("Nothing was changed"), "{said}");
        assert_eq!(seen(&scratch).await, before);
        assert!(files(&scratch) == files_before, "{kind:?}: a file has changed, or there is another");
    }
}

#[tokio::test]
async fn what_was_before_is_kept_and_the_version_from_before_can_go_on_with_it() {
    let scratch = old_house(Kind::Sqlite);
    let before = seen(&scratch).await;
    // Left by an upgrade that was killed, and kept by one before.
    for name in [
        format!("latchkey.db.before-schema-{}.unfinished", Db::SCHEMA),
        "latchkey.db.before-schema-2".to_owned(),
    ] {
        std::fs::write(scratch.dir().join(name), "half").unwrap();
    }
    drop(App::open(config_of(&scratch)).await.unwrap());
    assert_eq!(Db::schema(scratch.url()).unwrap(), Some(Db::SCHEMA));
    let kept = format!("latchkey.db.before-schema-{}", Db::SCHEMA);
    // Whoever only looks leaves these two beside it.
    for beside in ["latchkey.db-wal", "latchkey.db-shm"] {
        let _ = std::fs::remove_file(scratch.dir().join(beside));
    }
    let names: Vec<String> = files(&scratch).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["latchkey.db", kept.as_str(), "master.key"]);
    let mode = std::fs::metadata(scratch.dir().join(&kept)).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&mode) & 0o777, 0o600);
    std::fs::rename(scratch.dir().join(kept), scratch.dir().join("latchkey.db")).unwrap();
    assert_eq!(seen(&scratch).await, before);
}

#[tokio::test]
async fn another_master_key_changes_nothing_and_is_named() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let scratch = old_house(kind);
        std::fs::write(scratch.dir().join("master.key"), "q2z3N5jzUoyXnXhXWIrqzSmu6LyUqMRI9yCHsXVN3y0=\n")
            .unwrap();
        let before = seen(&scratch).await;
        let said = App::open(config_of(&scratch)).await.map(|_| ()).unwrap_err().to_string();
        assert!(said.contains("not the one this database was made with"), "{said}");
        assert_eq!(seen(&scratch).await, before);
    }
}
