//! The manual and the completions, read by the programs they are for: man, bash, zsh and fish.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by its name")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_latchkey");

/// What a program prints. Fails when it fails, or when it complains.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{command:?} cannot be started ({error}); `cargo xtask test` installs what is missing")
    });
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "{command:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

fn latchkey(words: &[&str]) -> String {
    run(Command::new(PROGRAM).args(words))
}

/// A page as a person reads it, unless man has something to say against it.
#[track_caller]
fn read(page: &Path) -> String {
    let mut man = Command::new("man");
    man.args(["--warnings", "--encoding=UTF-8", "--local-file"]).arg(page);
    run(man.envs([
        ("LC_ALL", "C.UTF-8"),
        ("MANWIDTH", "120"),
        ("MANROFFOPT", "-c"),
        ("MAN_KEEP_FORMATTING", ""),
    ]))
}

/// The commands that a help lists, without the one for help.
fn commands_in(help: &str) -> Vec<String> {
    let listed = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let lines = listed.lines().take_while(|line| !line.is_empty());
    let starts = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    starts
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_has_a_page_that_man_reads_without_complaint() {
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("man1");
    latchkey(&["man", "--dir", pages.to_str().unwrap()]);

    let mut expected = BTreeSet::from(["latchkey.1".to_owned()]);
    for command in commands_in(&latchkey(&["--help"])) {
        expected.insert(format!("latchkey-{command}.1"));
        for below in commands_in(&latchkey(&[&command, "--help"])) {
            expected.insert(format!("latchkey-{command}-{below}.1"));
        }
    }
    assert!(expected.contains("latchkey-user-add.1"), "{expected:?}");
    let found: BTreeSet<String> =
        pages.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, expected);

    for name in &found {
        let text = read(&pages.join(name));
        for part in ["NAME", "SYNOPSIS", "--config"] {
            assert!(text.contains(part), "{name} has no {part}:\n{text}");
        }
        let named = name.trim_end_matches(".1").to_uppercase();
        assert!(text.starts_with(&format!("{named}(1)")), "{name}:\n{text}");
    }
    assert!(read(&pages.join("latchkey-user-add.1")).contains("latchkey user add"));
}

#[test]
fn the_page_on_standard_output_is_the_one_of_the_program() {
    let dir = tempfile::tempdir().unwrap();
    latchkey(&["man", "--dir", dir.path().to_str().unwrap()]);
    let written = std::fs::read_to_string(dir.path().join("latchkey.1")).unwrap();
    assert_eq!(latchkey(&["man"]), written);
    let text = read(&dir.path().join("latchkey.1"));
    for part in ["FILES", "/var/lib/latchkey", "EXIT STATUS", "latchkey-user(1)", "LATCHKEY_"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_said() {
    let refused = Command::new(PROGRAM).args(["man", "--dir", "/dev/null/pages"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("/dev/null/pages"), "{said}");
}

#[test]
fn bash_completes_commands_and_flags() {
    let dir = tempfile::tempdir().unwrap();
    let script = latchkey(&["completion", "bash"]);
    for (typed, offered, other) in [
        ("latchkey us", "user", "doctor"),
        ("latchkey user dis", "disable", "enable"),
        ("latchkey --data", "--data-dir", "--listen"),
    ] {
        let words: Vec<&str> = typed.split(' ').collect();
        let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
        let ask = format!(
            "{script}\nCOMP_WORDS=({typed}) COMP_CWORD={}\n_latchkey latchkey '{last}' '{before}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.len() - 1,
        );
        // By a file: it is longer than an argument may be.
        let file = dir.path().join("ask.bash");
        std::fs::write(&file, ask).unwrap();
        let answer = run(Command::new("bash").arg("--norc").arg(&file));
        let answer: Vec<&str> = answer.lines().collect();
        assert!(answer.contains(&offered) && !answer.contains(&other), "{typed}: {answer:?}");
    }
}

#[test]
fn fish_completes_commands_with_what_they_do() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("latchkey.fish");
    std::fs::write(&file, latchkey(&["completion", "fish"])).unwrap();
    let ask = format!("source {}; complete -C 'latchkey user dis'", file.display());
    let answer = run(Command::new("fish").args(["--no-config", "-c", &ask]).env("HOME", dir.path()));
    assert!(answer.starts_with("disable\tLock somebody out"), "{answer}");
    assert!(!answer.contains("enable\t") || answer.lines().count() == 1, "{answer}");
}

#[test]
fn zsh_takes_the_completion_from_its_path_of_functions() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("_latchkey"), latchkey(&["completion", "zsh"])).unwrap();
    let ask = format!(
        "fpath=({0} $fpath); autoload -U compinit; compinit -u -d {0}/dump; print $_comps[latchkey]; \
         _latchkey 2>/dev/null; whence -w _latchkey_commands",
        dir.path().display(),
    );
    let answer = run(Command::new("zsh").args(["-f", "-c", &ask]));
    assert!(answer.starts_with("_latchkey\n"), "{answer}");
    assert!(answer.contains("_latchkey_commands: function"), "{answer}");
}
