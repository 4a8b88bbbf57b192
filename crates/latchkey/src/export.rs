//! `latchkey export`: everything about people as JSON lines on standard output. What they mean is in `docs/export.md`.

use std::io::{BufWriter, IsTerminal};

use auth::export;

use crate::exit::{Result, Trouble};
use crate::progress::Progress;
use crate::settings::Flags;

/// Writes all of it; with `secrets` also what the authenticators share with the phones.
pub(crate) fn run(flags: &Flags, secrets: bool) -> Result<()> {
    if secrets && std::io::stdout().is_terminal() {
        return Err(Trouble::usage(
            "secrets are not written to a terminal, which keeps what it shows. Write a file: latchkey export --secrets > FILE",
        ));
    }
    if secrets {
        eprintln!(
            "latchkey: what is written now lets anybody who reads it make everybody's codes. Keep it like a password, and remove it \
             when it is no longer needed"
        );
    }
    let out = Box::new(BufWriter::with_capacity(64 << 10, std::io::stdout()));
    let mut progress = Progress::start("Exporting lines", None);
    let say = Box::new(move |lines| progress.at(lines));
    // What cannot be written is a failure, and no conflict with what is there.
    flags.with_existing(async |app| Ok(export::run(app, secrets, out, say).await))??;
    Ok(())
}
