//! `latchkey man`: the manual, made from the command tree so that it cannot say anything else. Shells are in
//! `completion.rs`.

use std::fs;
use std::io;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::exit::{Result, Trouble};
use crate::terminal::print;

/// Where things are, on the page of the program itself.
const FILES: [(&str, &str); 4] = [
    ("./latchkey.toml, /etc/latchkey/latchkey.toml", "The settings; the first that is there is read."),
    ("./latchkey-data/latchkey.db", "The database, until data_dir or database says otherwise."),
    ("./latchkey-data/master.key", "What opens the database. Keep a copy of it, apart from the database."),
    ("/var/lib/latchkey", "The data directory of the Debian package."),
];

/// How commands end.
const ENDINGS: [(&str, &str); 5] = [
    ("0", "Done."),
    ("1", "Failed; standard error says why."),
    ("2", "The command line cannot be meant."),
    ("3", "Who or what was asked for is not there."),
    ("4", "It would go against what is there: a name that is taken, the only owner."),
];

/// Prints the page of the program, or writes one for each command into `dir`.
pub(crate) fn run(dir: Option<&Path>, tree: Command) -> Result<()> {
    let mut tree = tree.disable_help_subcommand(true);
    tree.build();
    let Some(dir) = dir else {
        let page = page(&tree, true).map_err(|e| Trouble::failed(format!("cannot make the page: {e}")))?;
        print(&page);
        return Ok(());
    };
    fs::create_dir_all(dir)
        .and_then(|()| write_all(dir, &tree, true))
        .map_err(|e| Trouble::failed(format!("cannot write the pages into {}: {e}", dir.display())))
}

/// The page of a command, and below it those of its own commands.
fn write_all(dir: &Path, command: &Command, is_program: bool) -> io::Result<()> {
    fs::write(dir.join(format!("{}.1", name(command))), page(command, is_program)?)?;
    command.get_subcommands().try_for_each(|below| write_all(dir, below, false))
}

/// `latchkey-user-add`: what a page is called.
fn name(command: &Command) -> String {
    command.get_display_name().unwrap_or(command.get_name()).to_owned()
}

fn page(command: &Command, is_program: bool) -> io::Result<String> {
    let title = name(command);
    let man = Man::new(command.clone().display_name(title.clone()))
        .title(title.to_uppercase())
        .manual("Latchkey manual");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if is_program {
        man.render_extra_section(&mut page)?;
        list("FILES", &FILES).to_writer(&mut page)?;
        list("EXIT STATUS", &ENDINGS).to_writer(&mut page)?;
        Roff::new()
            .control("SH", ["ENVIRONMENT"])
            .text([roman("Every setting has a variable that begins with LATCHKEY_: `latchkey config settings` lists them.")])
            .to_writer(&mut page)?;
    }
    String::from_utf8(page).map_err(io::Error::other)
}

/// A section of names and what they are.
fn list(heading: &str, rows: &[(&str, &str)]) -> Roff {
    let mut section = Roff::new();
    section.control("SH", [heading]);
    for (name, meaning) in rows {
        section.control("TP", []).text([bold(*name)]).text([roman(*meaning)]);
    }
    section
}
