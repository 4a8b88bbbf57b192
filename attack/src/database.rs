//! The database as an operator sees it who has only `sqlite3` and `psql`: counters to be read, and defenses to be taken away
//! for a control.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Where the counters are.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Database {
    /// From the URL that the server has in its settings.
    pub(crate) fn parse(url: &str) -> Result<Database> {
        match url.strip_prefix("sqlite:") {
            Some(path) if Path::new(path).is_file() => Ok(Database::Sqlite(PathBuf::from(path))),
            Some(path) => bail!("there is no database {path}"),
            None if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Database::Postgres(url.to_owned()))
            }
            None => bail!("a database is sqlite:PATH or postgres://…"),
        }
    }

    /// What a statement answers, as text.
    pub(crate) fn ask(&self, sql: &str) -> Result<String> {
        let mut command = match self {
            Database::Sqlite(path) => {
                let mut command = Command::new("sqlite3");
                command.args(["-batch", "-bail", "-noheader", "-cmd", ".timeout 20000"]).arg(path).arg(sql);
                command
            }
            Database::Postgres(url) => {
                let mut command = Command::new("psql");

                let (url, password) = without_password(url);
                command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, "-d", &url]);
                command.envs(password.map(|password| ("PGPASSWORD", password)));
                command
            }
        };
        let output = command.stdin(Stdio::null()).output().context("starting sqlite3 or psql")?;
        if !output.status.success() {
            bail!("the database refused: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// A number that a statement answers.
    pub(crate) fn number(&self, sql: &str) -> Result<i64> {
        let answer = self.ask(sql)?;
        answer.parse().with_context(|| format!("a number was expected, not {answer:?}"))
    }

    /// How often something was written down, gathered events counted as often as they happened.
    pub(crate) fn events(&self, kind: &str) -> Result<i64> {
        self.number(&format!("SELECT coalesce(sum(count), 0) FROM events WHERE kind = '{kind}'"))
    }

    /// Bytes that it takes, the log of SQLite included once that has been written back.
    pub(crate) fn size(&self) -> Result<u64> {
        match self {
            Database::Sqlite(path) => {
                self.ask("PRAGMA wal_checkpoint(TRUNCATE)")?;
                let wal = PathBuf::from(format!("{}-wal", path.display()));
                let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |about| about.len());
                Ok(bytes(path) + bytes(&wal))
            }
            Database::Postgres(_) => {
                Ok(u64::try_from(self.number("SELECT pg_database_size(current_database())")?)?)
            }
        }
    }

    /// Takes a defense away: whenever a row of `table` is changed, `column`s get these values.
    pub(crate) fn weaken(&self, table: &str, key: &str, values: &[(&str, i64)]) -> Result<()> {
        let sql = match self {
            Database::Sqlite(_) => {
                let set: Vec<String> =
                    values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                format!(
                    "CREATE TRIGGER weakened AFTER UPDATE ON {table} BEGIN \
                     UPDATE {table} SET {} WHERE {key} = NEW.{key}; END",
                    set.join(", ")
                )
            }
            Database::Postgres(_) => {
                let set: Vec<String> =
                    values.iter().map(|(name, value)| format!("NEW.{name} := {value};")).collect();
                format!(
                    "CREATE FUNCTION weakened() RETURNS trigger LANGUAGE plpgsql AS \
                     $$ BEGIN {} RETURN NEW; END $$; \
                     CREATE TRIGGER weakened BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION weakened()",
                    set.join(" ")
                )
            }
        };
        self.ask(&sql).map(|_| ())
    }
}

/// The URL for the arguments of a program, which everybody can see, and the password that goes by another way.
fn without_password(url: &str) -> (String, Option<String>) {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (user, _) = rest[..end].rsplit_once('@')?;
        let (name, password) = user.split_once(':')?;
        Some((format!("{scheme}://{name}{}", &rest[user.len()..]), decoded(password)))
    });
    parts.map_or_else(|| (url.to_owned(), None), |(url, password)| (url, Some(password)))
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_password_does_not_stand_among_the_arguments_of_a_program() {
        let (url, password) = without_password("postgres://ada:s%40cret:x@127.0.0.1:5432/db?a=b@c");
        assert_eq!(
            (url.as_str(), password.as_deref()),
            ("postgres://ada@127.0.0.1:5432/db?a=b@c", Some("s@cret:x"))
        );
        let plain = "postgres://postgres@/postgres?host=%2Ftmp%2Fx&port=5432";
        assert_eq!(without_password(plain), (plain.to_owned(), None));
    }
}
