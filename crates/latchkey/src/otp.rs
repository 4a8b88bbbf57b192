//! `latchkey otp …`: what a code would be, and a setup link as a QR code. Codes and links are secrets: they come by standard
//! input, since arguments can be seen by everybody on the machine.

use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use auth::enroll::{self, Pending};
use auth::trial::{self, Trial, Verdict};
use auth::{Drawing, Hint, Qr, Visit, users};
use clap::Args;
use serde_json::{Value, json};

use crate::exit::{Result, Trouble};
use crate::settings::Flags;
use crate::terminal::{draw_qr, drawing, print, print_json, read_line};

/// How many codes are taken before it is given up.
const TRIES: u32 = 5;
/// Pixels to a module, in a PNG.
const SCALE: u32 = 8;

/// How a QR code is shown.
#[derive(Args)]
pub(crate) struct How {
    /// Draw with # and spaces, two letters a module
    #[arg(long)]
    ascii: bool,
    /// Exchange light and dark: without colors, what a terminal with dark letters needs
    #[arg(long)]
    invert: bool,
    /// Write a PNG that only its owner can read, instead of drawing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ascii", "invert"])]
    png: Option<PathBuf>,
}

/// Sets up one more authenticator for somebody who stands here with their phone.
pub(crate) fn enroll(flags: &Flags, name: &str, called: Option<&str>, json: bool) -> Result<()> {
    let label = flags.with_existing(async |app| {
        let token = users::enroll(app, name, called).await?;
        let pending = enroll::pending(app, &token).await?;
        show_pending(&pending, json);
        for left in (0..TRIES).rev() {
            let code = read_line(&format!("The code that the app shows as {}:", pending.label))
                .map_err(|_| auth::Error::Refused("standard input cannot be read".into()))?;
            match enroll::confirm(app, &token, (&code, ""), &Visit::default()).await {
                Ok(_) => return Ok(pending.label),
                Err(error) if left == 0 || code.is_empty() => return Err(error),
                Err(error @ (auth::Error::WrongCode(_) | auth::Error::Rules(_))) => {
                    eprintln!("{}. Nothing is lost: type the next one.", why(&error));
                }
                Err(error) => return Err(error),
            }
        }
        Err(auth::Error::WrongCode(Hint::None))
    })?;
    match json {
        true => print(&format!("{}\n", json!({ "name": name, "authenticator": label }))),
        false => print(&format!("{name} can sign in with the codes of {label} now.\n")),
    }
    Ok(())
}

/// The secret, drawn at a terminal and as a link elsewhere.
fn show_pending(pending: &Pending, json: bool) {
    if json {
        return print(&format!("{}\n", json!({ "otpauth_uri": *pending.uri })));
    }
    if std::io::stdout().is_terminal()
        && let Ok(drawn) = draw_qr(&pending.uri)
    {
        return print(&format!("\n{drawn}\nScan it, or type the key: {}\n\n", *pending.key_grouped));
    }
    print(&format!("{}\n", *pending.uri));
}

fn why(error: &auth::Error) -> String {
    match error {
        auth::Error::WrongCode(Hint::Behind(seconds)) => {
            format!("the code is not right: the phone's clock is {seconds} seconds behind")
        }
        auth::Error::WrongCode(Hint::Ahead(seconds)) => {
            format!("the code is not right: the phone's clock is {seconds} seconds ahead")
        }
        auth::Error::WrongCode(Hint::Other { label }) => {
            format!("the code is not right: it is of the entry {label}")
        }
        other => other.to_string(),
    }
}

/// Says what a code of somebody would be. Nothing is spent.
pub(crate) fn test(flags: &Flags, name: &str, json: bool) -> Result<()> {
    let code = read_line(&format!("The code that the app of {name} shows:"))?;
    let trial = flags.with_existing(async |app| trial::code(app, name, &code).await)?;
    match json {
        true => print_json(&shape(&trial)),
        false => print(&told(&trial)),
    }
    Ok(())
}

/// Draws a setup link.
pub(crate) fn qr(how: &How) -> Result<()> {
    let qr = trial::qr(&read_line("The setup link, which begins with otpauth://:")?)?;
    if let Some(file) = &how.png {
        return save(&qr, file);
    }
    let drawing = if how.ascii { Drawing::Ascii } else { drawing() };
    print(&qr.drawn(drawing, how.invert));
    Ok(())
}

fn save(qr: &Qr, file: &Path) -> Result<()> {
    let failed = |e: std::io::Error| Trouble::failed(format!("cannot write {}: {e}", file.display()));
    // Never into a file that others may read already.
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    made.and_then(|mut made| made.write_all(&qr.png(SCALE))).map_err(failed)?;
    print(&format!(
        "{} has the QR code. It is as secret as the link: remove it afterwards.\n",
        file.display()
    ));
    Ok(())
}

/// What programs read. These keys stay.
fn shape(trial: &Trial) -> Value {
    let (verdict, steps, seconds) = match trial.verdict {
        Some((Verdict::Good, _)) => ("good", 0, 0),
        Some((Verdict::Used, _)) => ("used", 0, 0),
        Some((Verdict::Past { steps, seconds }, _)) => ("past", -steps, -seconds),
        Some((Verdict::Future { steps, seconds }, _)) => ("future", steps, seconds),
        None => ("unknown", 0, 0),
    };
    json!({
        "name": trial.name,
        "verdict": verdict,
        "authenticator": trial.verdict.as_ref().map(|(_, label)| label),
        "steps": steps,
        "seconds": seconds,
        "disabled": trial.disabled,
        "codes_closed": trial.codes_closed,
    })
}

fn told(trial: &Trial) -> String {
    let name = &trial.name;
    let mut text = match &trial.verdict {
        None => format!("Not a code of any of {name}'s authenticators within the last and the next hour.\n"),
        Some((verdict, label)) => {
            let said = match verdict {
                Verdict::Good => "Valid now".to_owned(),
                Verdict::Used => "Used already, or older than one that was; the next one will do".to_owned(),
                Verdict::Past { steps, seconds } => format!(
                    "Was valid {} ago: the phone's clock is about {} behind, or the code is an old one",
                    many(*steps, "step"),
                    about(*seconds)
                ),
                Verdict::Future { steps, seconds } => format!(
                    "Will be valid in {}: the phone's clock is about {} ahead",
                    many(*steps, "step"),
                    about(*seconds)
                ),
            };
            format!("{said} (authenticator {label}).\n")
        }
    };
    if trial.disabled {
        text += &format!("But {name} is disabled. To undo it: latchkey user enable {name}\n");
    }
    if trial.codes_closed {
        text += &format!(
            "But no code is taken after a hundred wrong ones. To open it: latchkey user enable {name}\n"
        );
    }
    text
}

fn many(number: i64, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

/// Seconds as a person would say them.
fn about(seconds: i64) -> String {
    match seconds {
        0..90 => many(seconds, "second"),
        90..5400 => many((seconds + 30) / 60, "minute"),
        _ => many((seconds + 1800) / 3600, "hour"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(verdict: Verdict) -> String {
        let verdict = Some((verdict, "Latchkey: ada".to_owned()));
        told(&Trial { name: "ada".to_owned(), verdict, disabled: false, codes_closed: false })
    }

    #[test]
    fn a_verdict_says_what_the_clock_does() {
        assert_eq!(said(Verdict::Good), "Valid now (authenticator Latchkey: ada).\n");
        let behind = said(Verdict::Past { steps: 4, seconds: 120 });
        assert!(
            behind.starts_with("Was valid 4 steps ago: the phone's clock is about 2 minutes behind"),
            "{behind}"
        );
        let ahead = said(Verdict::Future { steps: 2, seconds: 60 });
        assert!(
            ahead.starts_with("Will be valid in 2 steps: the phone's clock is about 60 seconds ahead"),
            "{ahead}"
        );
        assert_eq!(about(3600), "60 minutes");
        assert_eq!(about(86_400), "24 hours");
    }

    #[test]
    fn whoever_may_not_sign_in_is_said_to_whatever_the_code() {
        let verdict = Some((Verdict::Good, "Latchkey: ada".to_owned()));
        let text = told(&Trial { name: "ada".to_owned(), verdict, disabled: true, codes_closed: true });
        assert!(text.contains("is disabled") && text.contains("a hundred wrong ones"), "{text}");
    }
}
