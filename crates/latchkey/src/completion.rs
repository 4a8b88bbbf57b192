//! `latchkey completion SHELL`: what a shell reads to complete commands and flags. The manual is in `man.rs`.

use clap::{Command, ValueEnum};
use clap_complete::aot::{Bash, Fish, Zsh, generate};

use crate::exit::Result;
use crate::terminal::print;

/// The shells that the tests know.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Shell {
    /// source <(latchkey completion bash)
    Bash,
    /// latchkey completion zsh > ~/.zfunc/_latchkey
    Zsh,
    /// latchkey completion fish > ~/.config/fish/completions/latchkey.fish
    Fish,
}

/// Prints it.
pub(crate) fn run(shell: Shell, tree: Command) -> Result<()> {
    print(&text(shell, tree));
    Ok(())
}

fn text(shell: Shell, mut tree: Command) -> String {
    let name = tree.get_name().to_owned();
    // Into memory first: the library panics where a pipe is closed early.
    let mut text = Vec::new();
    match shell {
        Shell::Bash => generate(Bash, &mut tree, name, &mut text),
        Shell::Zsh => generate(Zsh, &mut tree, name, &mut text),
        Shell::Fish => generate(Fish, &mut tree, name, &mut text),
    }
    String::from_utf8_lossy(&text).into_owned()
}
