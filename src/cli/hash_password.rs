//! `nephoscope hash-password`: a password on stdin to the hash that the configuration holds.
//!
//! Reads one line of bounded length, so that nothing secret stands in the arguments or in the shell's history.
//!
//! It does not judge how good the password is.

use super::{FINE, USAGE, complain};
use crate::model::PasswordHash;
use anyhow::Context as _;
use std::io::{Read as _, Write as _};

/// Bytes of a password at most; what the listener takes, with room for the user's name.
const LONGEST: u64 = 512;

pub(super) fn run() -> anyhow::Result<u8> {
    let mut said = Vec::new();
    let read = std::io::stdin().lock().take(LONGEST + 2).read_to_end(&mut said);
    read.context("cannot read the password from stdin")?;
    let line = said.strip_suffix(b"\n").unwrap_or(&said);
    let password = line.strip_suffix(b"\r").unwrap_or(line);
    if password.is_empty() || password.contains(&b'\n') || password.len() as u64 > LONGEST {
        complain(&format!(
            "the password has to be one line of 1 to {LONGEST} bytes on stdin; try `printf %s \"$PASSWORD\" | nephoscope hash-password`"
        ));
        return Ok(USAGE);
    }
    let hash = PasswordHash::make(password).map_err(anyhow::Error::msg)?;
    writeln!(anstream::stdout().lock(), "{hash}").context("cannot write to stdout")?;
    Ok(FINE)
}
