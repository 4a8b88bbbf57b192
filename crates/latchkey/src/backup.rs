//! `latchkey backup`: everything in one file, while servers run. The file is there when it is whole, and not before.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use auth::backup::{self, Source, Written};
use auth::config::Place;
use serde_json::json;

use crate::exit::{Result, Trouble};
use crate::progress::Progress;
use crate::settings::{Flags, Settings};
use crate::terminal::{count, print, print_json};

/// Writes a backup into a new file, or to standard output.
pub(crate) fn run(flags: &Flags, file: &Path, json: bool) -> Result<()> {
    let settings = flags.load()?;
    if file == Path::new("-") {
        if std::io::stdout().is_terminal() {
            return Err(Trouble::usage("a backup is not for a terminal. Write a file: latchkey backup FILE"));
        }
        let written = write(flags, &settings, Box::new(std::io::stdout()))?;
        // Standard output is the backup.
        eprint!("{}", told("standard output", &written));
        return Ok(());
    }
    let shown = file.display();
    if fs::symlink_metadata(file).is_ok() {
        return Err(Trouble::conflict(format!(
            "{shown} is there already, and a backup never takes the place of another: name a file that is not there, such as \
             latchkey-$(date +%F).backup"
        )));
    }
    let draft = Draft::new(file)?;
    let out = draft.file.try_clone().map_err(|e| draft.failed(&e))?;
    let written = write(flags, &settings, Box::new(out))?;
    draft.take(file)?;
    match json {
        true => print_json(&json!({
            "file": file.to_string_lossy(),
            "bytes": written.bytes,
            "rows": written.rows,
            "people": written.people,
        })),
        false => print(&format!("{}{}", told(&shown.to_string(), &written), key_of(&settings))),
    }
    Ok(())
}

fn write(flags: &Flags, settings: &Settings, out: Box<dyn Write + Send>) -> Result<Written> {
    let mut progress = Progress::start("Writing rows", None);
    let say = Box::new(move |rows| progress.at(rows));
    let out = Box::new(BufWriter::with_capacity(256 << 10, out));
    // What cannot be written is a failure, and no conflict with what is there.
    let written = flags.without(async || {
        let source = Source::open(&settings.config).await?;
        Ok(backup::write(&source, out, say).await)
    });
    Ok(written??)
}

fn told(shown: &str, written: &Written) -> String {
    let number = |number: u64, one, many| count(i64::try_from(number).unwrap_or(i64::MAX), one, many);
    format!(
        "{shown}: {} and everything of theirs, {} in {}.\n",
        number(written.people, "person", "people"),
        number(written.rows, "row", "rows"),
        number(written.bytes, "byte", "bytes"),
    )
}

/// What the backup is worth nothing without.
fn key_of(settings: &Settings) -> String {
    let place = match settings.places.get("master_key") {
        Some(Place::File(file, _)) => format!("the setting master_key in {}", file.display()),
        Some(_) => "the setting master_key".to_owned(),
        None => settings.config.data_dir.join("master.key").display().to_string(),
    };
    format!(
        "It opens only with the master key, which is NOT in it. Keep a copy of that in another place: {place}\n"
    )
}

/// A file beside the one that is wanted, until it is whole.
struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    fn new(wanted: &Path) -> Result<Draft> {
        let mut name = std::ffi::OsString::from(".");
        name.push(wanted.file_name().unwrap_or_default());
        name.push(format!(".{}", std::process::id()));
        let path = wanted.with_file_name(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|e| Trouble::failed(format!("cannot write {}: {e}", wanted.display())))?;
        Ok(Draft { path, file })
    }

    fn failed(&self, error: &std::io::Error) -> Trouble {
        Trouble::failed(format!("cannot write {}: {error}", self.path.display()))
    }

    /// Gives the file its name, unless somebody else has it meanwhile.
    fn take(self, wanted: &Path) -> Result<()> {
        self.file.sync_all().map_err(|e| self.failed(&e))?;
        fs::hard_link(&self.path, wanted)
            .map_err(|e| Trouble::failed(format!("cannot write {}: {e}", wanted.display())))?;
        let around = wanted.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(around).and_then(|dir| dir.sync_all()).map_err(|e| self.failed(&e))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
