//! What an upgrade keeps of before: one file, which has its name when it is whole, and takes the place of older ones. While somebody
//! makes one, whoever else wants to waits.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Result};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What the name of a file ends in that is not whole.
const UNFINISHED: &str = ".unfinished";

/// A file that is being made, and locked.
pub(crate) struct Kept {
    path: PathBuf,
    draft: PathBuf,
    file: File,
}

impl Kept {
    /// Waits until nobody else makes it. What an earlier try has left is gone then.
    pub(crate) fn begin(path: &Path) -> Result<Kept> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(UNFINISHED);
        let draft = path.with_file_name(name);
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
                .open(&draft)?;
            file.lock()?;
            // Whoever had it has removed it: then this is another file by now.
            let ours = file.metadata()?;
            match fs::metadata(&draft) {
                Ok(there) if (there.dev(), there.ino()) != (ours.dev(), ours.ino()) => {}
                // Killed between both names: what has the other one is whole, and stays.
                Ok(there) if there.nlink() > 1 => fs::remove_file(&draft)?,
                Ok(_) => {
                    file.set_permissions(Permissions::from_mode(0o600))?;
                    file.set_len(0)?;
                    return Ok(Kept { path: path.to_owned(), draft, file });
                }
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// The file that is being made.
    pub(crate) fn draft(&self) -> &Path {
        &self.draft
    }

    /// The same, to be written.
    pub(crate) fn file(&self) -> Result<File> {
        self.file.try_clone()
    }

    /// Its name once it is whole.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, and removes those of before whose names begin and end like its own. It has both names until it is dropped:
    /// until then, whoever else wants to make it goes on waiting.
    pub(crate) fn take(&self, (begin, end): (&str, &str)) -> Result<()> {
        self.file.sync_all()?;
        match fs::remove_file(&self.path) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => fs::hard_link(&self.draft, &self.path)?,
        }
        let around = self.path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(around)?.sync_all()?;
        for other in fs::read_dir(around)? {
            let other = other?;
            let name = other.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(begin)?.strip_suffix(end));
            let is_one = number.is_some_and(|number| number.parse::<u32>().is_ok());
            if is_one && Some(name.as_os_str()) != self.path.file_name() {
                fs::remove_file(other.path())?;
            }
        }
        Ok(())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // The lock goes after that, with the file.
        let _ = fs::remove_file(&self.draft);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const NAMES: (&str, &str) = ("house.db.before-schema-", "");

    #[test]
    fn the_newest_one_is_kept_and_nothing_else_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        for other in
            ["house.db", "house.db.before-schema-9x", "house.db.before-schema-", "other.before-schema-3"]
        {
            fs::write(dir.path().join(other), "").unwrap();
        }
        for schema in [8, 9, 10] {
            let kept = Kept::begin(&dir.path().join(format!("house.db.before-schema-{schema}"))).unwrap();
            write!(kept.file().unwrap(), "{schema}").unwrap();
            assert!(!kept.path().exists(), "it has its name before it is whole");
            kept.take(NAMES).unwrap();
            assert_eq!(fs::read_to_string(kept.path()).unwrap(), schema.to_string());
            assert_eq!(fs::metadata(kept.path()).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 5);
    }

    #[test]
    fn what_was_not_finished_is_made_anew_and_one_that_fails_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("house.db.before-schema-8");
        fs::write(dir.path().join("house.db.before-schema-8.unfinished"), "half").unwrap();
        let kept = Kept::begin(&path).unwrap();
        assert_eq!(fs::read(kept.draft()).unwrap(), b"");
        drop(kept);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_has_its_name_is_not_lost_by_whoever_begins_after_a_kill() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("house.db.before-schema-8");
        fs::write(&path, "whole").unwrap();
        fs::hard_link(&path, dir.path().join("house.db.before-schema-8.unfinished")).unwrap();
        drop(Kept::begin(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn of_many_at_once_one_makes_it_after_another_and_none_loses_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("house.db.before-schema-8");
        let make = |number: usize| {
            let kept = Kept::begin(&path).unwrap();
            write!(kept.file().unwrap(), "{number}").unwrap();
            assert_eq!(fs::read_to_string(kept.draft()).unwrap(), number.to_string());
            kept.take(NAMES).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), number.to_string());
        };
        std::thread::scope(|scope| {
            for number in 10..30 {
                let make = &make;
                scope.spawn(move || make(number));
            }
        });
        assert_eq!(fs::metadata(&path).unwrap().len(), 2);
    }
}
