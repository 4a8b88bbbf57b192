//! Files: who may read them, and whether there is room for more.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use auth::Config;

use super::Finding;
use crate::settings::Settings;

/// With less than this a database may stop taking writes within the day.
const LITTLE: u64 = 100 * MIB;
/// With less than this it is time to look.
const NOT_MUCH: u64 = 1024 * MIB;
const MIB: u64 = 1024 * 1024;

/// The data directory, the key, the database's file, and the room on its disk.
pub(super) fn look(settings: &Settings) -> Vec<Finding> {
    let dir = &settings.config.data_dir;
    let mut findings = vec![match mode(dir) {
        None => Finding::note(
            "data directory",
            format!("{} is not there yet", dir.display()),
            "`latchkey` makes it; if there should be one already, say where with --data-dir",
        ),
        Some(mode) if mode & 0o077 != 0 => Finding::wrong(
            "data directory",
            format!("others on this machine may look into {}", dir.display()),
            format!("chmod 700 {}", dir.display()),
        ),
        Some(_) => Finding::ok("data directory", format!("{}, for its owner only", dir.display())),
    }];
    findings.push(master_key(settings));
    findings.extend(of_sqlite(&settings.config));
    findings
}

fn master_key(settings: &Settings) -> Finding {
    if let Some(place) = settings.places.get("master_key") {
        return Finding::ok("master key", format!("from the setting master_key ({place})"));
    }
    let file = settings.config.data_dir.join("master.key");
    match mode(&file) {
        None => Finding::note(
            "master key",
            format!("{} is not there", file.display()),
            "the first start makes it; if there was one, put it back",
        ),
        Some(mode) if mode & 0o077 != 0 => Finding::wrong(
            "master key",
            format!("others on this machine may read {}", file.display()),
            format!("chmod 600 {}", file.display()),
        ),
        Some(_) => Finding::ok("master key", format!("{}, for its owner only", file.display())),
    }
}

/// PostgreSQL looks after its own files.
fn of_sqlite(config: &Config) -> Vec<Finding> {
    let Some(file) = config.database.strip_prefix("sqlite:").map(Path::new) else { return Vec::new() };
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(of_file) = mode(file) else { return Vec::new() };
    let dir_is_closed = mode(dir).is_some_and(|mode| mode & 0o077 == 0);
    let mut findings = vec![if dir_is_closed || of_file & 0o077 == 0 {
        Finding::ok("database file", format!("{}, for its owner only", file.display()))
    } else {
        Finding::wrong(
            "database file",
            format!("others on this machine may read {}", file.display()),
            format!("chmod 600 {}*", file.display()),
        )
    }];
    findings
        .extend(rustix::fs::statvfs(dir).ok().map(|disk| room(disk.f_bavail.saturating_mul(disk.f_frsize))));
    findings
}

fn room(free: u64) -> Finding {
    let text = match free / MIB {
        mib if free < NOT_MUCH => format!("{mib} MiB are free where the database is"),
        mib => format!("{} GiB are free where the database is", mib / 1024),
    };
    match free {
        free if free < LITTLE => {
            Finding::wrong("disk", text, "make room now: a full disk stops every sign-in")
        }
        free if free < NOT_MUCH => Finding::note("disk", text, "make room, or give it a larger disk"),
        _ => Finding::ok("disk", text),
    }
}

fn mode(path: &Path) -> Option<u32> {
    Some(fs::metadata(path).ok()?.permissions().mode())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_disk_that_fills_up_is_said_before_it_is_full() {
        let state = |free| room(free).state;
        assert!(
            state(50 * MIB) == State::Wrong
                && state(500 * MIB) == State::Note
                && state(5000 * MIB) == State::Ok
        );
        assert_eq!(room(500 * MIB).text, "500 MiB are free where the database is");
        assert_eq!(room(5000 * MIB).text, "4 GiB are free where the database is");
    }
}
