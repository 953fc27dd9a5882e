//! Small files that others write: their bytes, and what tells one version from another.
//!
//! A file is read only if it is a regular one (opening a pipe would wait for its writer) and to a bound; what went wrong is one
//! sentence with the path. Links are followed, so that it does not matter how a file was replaced.
//!
//! It keeps nothing, and does not know what is in a file.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// No secret, body, list or certificate is larger; bytes.
const MAX_FILE: u64 = 4 << 20;

/// The bytes of the regular file at `path`, at most 4 MiB, or one sentence on why they cannot be had.
pub fn read_bounded(path: &Path) -> Result<Vec<u8>, String> {
    let said = |error: &std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("`{}` does not exist", path.display()),
        std::io::ErrorKind::PermissionDenied => format!("`{}` may not be read", path.display()),
        _ => format!("`{}`: {error}", path.display()),
    };
    if !std::fs::metadata(path).map_err(|error| said(&error))?.is_file() {
        return Err(format!("`{}` is not a regular file", path.display()));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| said(&error))?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| said(&error))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("`{}` is larger than 4 MiB", path.display()));
    }
    Ok(bytes)
}

/// What tells one version of a file from another: which file it is, when it was written and changed, how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    inode: u64,
    written: (i64, i64),
    changed: (i64, i64),
    size: u64,
}

/// The facts of the file at `path`; `None` if there is none.
pub fn facts(path: &Path) -> Option<Facts> {
    let seen = std::fs::metadata(path).ok()?;
    Some(Facts {
        inode: seen.ino(),
        written: (seen.mtime(), seen.mtime_nsec()),
        changed: (seen.ctime(), seen.ctime_nsec()),
        size: seen.size(),
    })
}
