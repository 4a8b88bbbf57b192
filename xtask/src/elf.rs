//! What can be seen of a built program without running it: whether it needs a loader, and which glibc. For `dist.rs`.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};

/// A version such as 2.36, so that 2.9 is lower than 2.36.
pub(crate) type Version = (u32, u32);

/// Whether it runs without a loader and shared libraries. Fails for what is no 64-bit little-endian ELF.
pub(crate) fn is_static(program: &[u8]) -> Result<bool> {
    /// A program header that names the loader.
    const INTERPRETER: u64 = 3;
    if program.get(..6) != Some(b"\x7fELF\x02\x01") {
        bail!("this is no 64-bit ELF program");
    }
    let number = |at: usize, size: usize| -> Result<u64> {
        let bytes = program.get(at..at + size).context("the program ends in its own header")?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    };
    let start = usize::try_from(number(0x20, 8)?)?;
    let (size, count) = (usize::try_from(number(0x36, 2)?)?, usize::try_from(number(0x38, 2)?)?);
    for index in 0..count {
        if number(start + index * size, 4)? == INTERPRETER {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The newest glibc whose symbols it asks for.
pub(crate) fn glibc(program: &[u8]) -> Option<Version> {
    // The names stand in the table of dynamic strings, each ended by a zero.
    const MARK: &[u8] = b"GLIBC_";
    let names = program.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    let versions: BTreeSet<Version> = names
        .filter_map(|(at, _)| {
            let name = program[at + MARK.len()..].split(|byte| *byte == 0).next()?;
            let (major, minor) =
                std::str::from_utf8(name.get(..name.len().min(16))?).ok()?.split_once('.')?;
            // 2.2.5 counts as 2.2.
            let minor = minor.split('.').next()?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        })
        .collect();
    versions.last().copied()
}

#[cfg(test)]
mod tests {
    use super::{glibc, is_static};

    #[test]
    fn the_newest_version_counts_as_a_number() {
        assert_eq!(glibc(b"..\0GLIBC_2.2.5\0GLIBC_2.36\0GLIBC_2.9\0GLIBC_PRIVATE\0"), Some((2, 36)));
        assert_eq!(glibc(b"nothing"), None);
    }

    #[test]
    fn a_shell_of_this_machine_is_read() {
        let shell = std::fs::read("/bin/sh").unwrap();
        assert!(!is_static(&shell).unwrap(), "a shell needs its loader");
        assert!(glibc(&shell).is_some());
    }

    #[test]
    fn what_is_cut_off_or_no_program_is_an_error() {
        assert!(is_static(b"#!/bin/sh\n").is_err());
        assert!(is_static(b"\x7fELF\x02\x01").is_err());
    }
}
