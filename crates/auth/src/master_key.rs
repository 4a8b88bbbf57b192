//! Where the master key comes from: a setting, or a file that is made on the first start and never again.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::random::Random;
use crate::{Error, Result};

/// A secret of 32 bytes, wiped when dropped.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// The master key, or where to look for it.
pub(crate) struct MasterKey {
    setting: Option<Zeroizing<String>>,
    file: PathBuf,
    made: bool,
}

impl MasterKey {
    /// A key from the setting `master_key`, else from `master.key` in the data directory.
    pub(crate) fn new(setting: Option<Zeroizing<String>>, data_dir: &Path) -> MasterKey {
        MasterKey { setting, file: data_dir.join("master.key"), made: false }
    }

    /// The key of a database that has one already.
    pub(crate) fn find(&self) -> Result<Key> {
        self.existing()?.ok_or_else(|| {
            Error::Refused(format!(
                "the database has a master key, and it is not here: put it back as {}, or into the setting master_key. Without \
                 it nothing in the database can be opened",
                self.file.display()
            ))
        })
    }

    /// The key that a backup was written with, which has to be there before anything is.
    pub(crate) fn find_for_backup(&self) -> Result<Key> {
        self.existing()?.ok_or_else(|| {
            Error::Refused(format!(
                "a backup opens with the master key of the server that wrote it, and no key is here: put it there as {0} \
                 (chmod 600), or into the setting master_key. It is not in the backup",
                self.file.display()
            ))
        })
    }

    /// The key of a database that has none yet; makes the file when there is nothing.
    pub(crate) fn find_or_make(&mut self, random: &Random) -> Result<Key> {
        if let Some(key) = self.existing()? {
            return Ok(key);
        }
        let key = random.bytes::<32>();
        match write_exclusively(&self.file, &BASE64.encode(&*key)) {
            Ok(()) => {
                self.made = true;
                Ok(key)
            }
            // Another process of this machine was first: it is its key then.
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => self.find(),
            Err(e) => {
                Err(Error::Refused(format!("cannot write the master key {}: {e}", self.file.display())))
            }
        }
    }

    /// Refuses a key that is none, or that is not its owner's alone.
    pub(crate) fn check(&self) -> Result<()> {
        self.existing().map(|_| ())
    }

    /// Removes a file that was made here a moment ago, and sealed nothing.
    pub(crate) fn forget(&mut self) {
        if std::mem::take(&mut self.made) {
            let _ = fs::remove_file(&self.file);
        }
    }

    fn existing(&self) -> Result<Option<Key>> {
        if let Some(setting) = &self.setting {
            return parse(setting, "the setting master_key").map(Some);
        }
        let path = self.file.display();
        match fs::metadata(&self.file) {
            Ok(file) if file.permissions().mode() & 0o077 != 0 => Err(Error::Refused(format!(
                "others on this machine may read the master key: run `chmod 600 {path}`, and start again"
            ))),
            // A link may lead to a file of somebody else, who can read it and put another key in its place.
            Ok(file) if !is_ours(&file, &self.file) => Err(Error::Refused(format!(
                "the master key {path} belongs to another user of this machine: give it to the user that runs this, with chown"
            ))),
            Ok(_) => {
                let text = fs::read_to_string(&self.file).map(Zeroizing::new);
                let text =
                    text.map_err(|e| Error::Refused(format!("cannot read the master key {path}: {e}")))?;
                parse(&text, &format!("the master key {path}")).map(Some)
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::Refused(format!("cannot read the master key {path}: {e}"))),
        }
    }
}

/// Whether a file belongs to root, to whoever runs this, or to the owner of the directory, whose place it is: root runs
/// commands in it, too.
fn is_ours(file: &fs::Metadata, path: &Path) -> bool {
    let owner = |path: &Path| fs::metadata(path).map(|of| of.uid()).ok();
    let owners = [Some(0), owner(Path::new("/proc/self")), path.parent().and_then(owner)];
    owners.contains(&Some(file.uid()))
}

/// Whether 32 bytes can be chance. What a hand types, and what examples show, is text, a sequence, or few bytes over and over;
/// chance is that once in 10^13.
fn can_be_chance(key: &[u8; 32]) -> bool {
    let mut kinds = key.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    let is_text = key.iter().all(|b| (b' '..=b'~').contains(b));
    let is_sequence = key.windows(3).all(|w| w[1].wrapping_sub(w[0]) == w[2].wrapping_sub(w[1]));
    kinds.len() >= 16 && !is_text && !is_sequence
}

/// The key that a text is.
pub(crate) fn parse(text: &str, what: &str) -> Result<Key> {
    let bytes = BASE64.decode(text.trim().as_bytes()).map(Zeroizing::new);
    let key: Option<[u8; 32]> = bytes.ok().and_then(|bytes| bytes.as_slice().try_into().ok());
    // Base64 that was put together from pieces has another spelling than ours, and was cut or pasted wrongly.
    let key = key.filter(|key| Zeroizing::new(BASE64.encode(key)).as_str() == text.trim());
    key.filter(can_be_chance).map(Zeroizing::new).ok_or_else(|| {
        Error::Refused(format!(
            "{what} is not a key: it is the base64 of 32 random bytes, such as `openssl rand -base64 32` prints"
        ))
    })
}

/// Writes a file that did not exist, whole or not at all: nobody ever reads half a key.
fn write_exclusively(path: &Path, text: &str) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let draft = dir.join(format!(".master.key.{}", std::process::id()));
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        fs::hard_link(&draft, path)
    };
    let written = write();
    let _ = fs::remove_file(&draft);
    written?;
    fs::File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_file_is_made_once_and_only_its_owner_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = MasterKey::new(None, dir.path());
        assert!(first.find().is_err(), "a database that has a key does not get a new one");
        let key = first.find_or_make(&Random::Os).unwrap();
        let mode = fs::metadata(dir.path().join("master.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(*MasterKey::new(None, dir.path()).find_or_make(&Random::Os).unwrap(), *key);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        MasterKey::new(None, dir.path()).find_or_make(&Random::Os).unwrap();
        fs::set_permissions(dir.path().join("master.key"), fs::Permissions::from_mode(0o644)).unwrap();
        let refused = MasterKey::new(None, dir.path()).find().unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
    }

    #[test]
    fn a_weak_key_is_refused_and_not_repeated() {
        const PIECES: &str = "AAECAwQFXGBkaGxwEhMUFRYXGBkaGxwdHh8=00000000";
        let sequence: Vec<u8> = (0..32).collect();
        for weak in [
            "secret",
            "",
            PIECES,
            &BASE64.encode(&[0; 32]),
            &BASE64.encode(&[7; 31]),
            &BASE64.encode(&sequence),
            &BASE64.encode(b"your_secret_key_your_secret_key!"),
            &BASE64.encode(&[1, 2, 3, 4].repeat(8)),
        ] {
            let refused =
                MasterKey::new(Some(Zeroizing::new(weak.to_owned())), Path::new(".")).find().unwrap_err();
            assert!(refused.to_string().contains("openssl rand"), "{refused}");
            assert!(weak.is_empty() || !refused.to_string().contains(weak));
        }
    }
}
