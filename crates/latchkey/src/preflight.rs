//! What a server refuses to start with, before a socket listens and before anything is opened or made: keys and files that
//! others could read or change, and proxies that would be everybody.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use auth::Config;
use auth::config::{Network, Place};

use crate::exit::{Result, Trouble};
use crate::settings::Settings;

/// Settings that may hold a secret.
const SECRET: [&str; 2] = ["master_key", "database"];

/// Looks at everything that can be seen from outside.
pub(crate) fn look(settings: &Settings) -> Result<()> {
    let config = &settings.config;
    of_settings(settings)?;
    of_data(config)?;
    auth::check_master_key(config)?;
    if config.trusted_proxies.iter().any(Network::is_everybody) {
        return Err(Trouble::failed(
            "trusted_proxies names every address there is, so everybody could say that they come from anywhere: name the \
             addresses of your proxies",
        ));
    }
    Ok(())
}

/// The file with the settings, when a secret stands in it.
fn of_settings(settings: &Settings) -> Result<()> {
    for key in SECRET {
        let Some(Place::File(file, _)) = settings.places.get(key) else { continue };
        let is_secret = key == "master_key" || holds_password(&settings.config.database);
        if is_secret && mode(file).is_some_and(|mode| mode & 0o004 != 0) {
            return Err(Trouble::failed(format!(
                "everybody on this machine may read {0}, and the setting {key} in it is a secret: run `chmod o-rwx {0}`, and \
                 start again",
                file.display()
            )));
        }
    }
    Ok(())
}

/// Whether a database's URL has a password in it.
fn holds_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or(""));
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) || url.contains("password=")
}

/// The data directory, and SQLite's file.
fn of_data(config: &Config) -> Result<()> {
    let refuse = |path: &Path, what: &str, remedy: &str| {
        let path = path.display();
        Err(Trouble::failed(format!(
            "others on this machine may {what} {path}: run `chmod {remedy} {path}`, and start again"
        )))
    };
    let dir = &config.data_dir;
    if mode(dir).is_some_and(|mode| mode & 0o002 != 0) {
        return refuse(dir, "put files into", "o-rwx");
    }
    let Some(file) = config.database.strip_prefix("sqlite:").map(Path::new) else { return Ok(()) };
    let around = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if mode(around).is_some_and(|mode| mode & 0o002 != 0) {
        return refuse(around, "put another file in the place of the database in", "o-rwx");
    }
    // A directory that nobody else may pass through keeps its files.
    let is_reachable = mode(around).is_some_and(|mode| mode & 0o001 != 0);
    match mode(file).filter(|_| is_reachable) {
        Some(mode) if mode & 0o002 != 0 => refuse(file, "change the database", "600"),
        Some(mode) if mode & 0o004 != 0 => refuse(file, "read the database", "600"),
        _ => of_owner(file, around),
    }
}

/// A file of somebody else is theirs to change, unless the whole directory is.
fn of_owner(file: &Path, around: &Path) -> Result<()> {
    let owner = |path: &Path| fs::metadata(path).map(|of| of.uid()).ok();
    let Some(found) = owner(file) else { return Ok(()) };
    if [Some(0), owner(Path::new("/proc/self")), owner(around)].contains(&Some(found)) {
        return Ok(());
    }
    Err(Trouble::failed(format!(
        "{} belongs to another user of this machine, who may change it: give it to the user that runs this, with chown",
        file.display()
    )))
}

fn mode(path: &Path) -> Option<u32> {
    Some(fs::metadata(path).ok()?.permissions().mode())
}

#[cfg(test)]
mod tests {
    use super::holds_password;

    #[test]
    fn a_password_in_a_database_url_is_seen() {
        for url in ["postgres://ada:secret@db/latchkey", "postgres://ada@db/latchkey?password=secret"] {
            assert!(holds_password(url), "{url}");
        }
        for url in ["sqlite:latchkey.db", "postgres://ada@db:5432/latchkey", "postgres:///latchkey?host=/run"]
        {
            assert!(!holds_password(url), "{url}");
        }
    }
}
