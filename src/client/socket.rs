//! Where the daemon's local socket is: the same rule for the daemon that makes it and the command that looks for it.
//!
//! [`candidates`] is a pure function of a [`Place`]; [`Place::of_process`] is the one door to the environment. The daemon
//! takes the first candidate whose folder it may write to, a command tries all that exist.
//!
//! It makes no socket and connects to none.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The socket's name in a folder of its own.
const NAME: &str = "nephoscope.sock";

/// What decides where the socket is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// `--socket`: then there, and nowhere else.
    pub named: Option<PathBuf>,
    /// `$RUNTIME_DIRECTORY`, as systemd sets it: absolute folders, separated by colons.
    pub runtime_directory: Option<OsString>,
    /// `$XDG_RUNTIME_DIR`.
    pub user_runtime: Option<OsString>,
    /// The folder for temporary files.
    pub temporary: PathBuf,
    /// Number of the user, so that two users do not meet in the temporary folder.
    pub user: u32,
}

impl Place {
    /// What the environment of this process says.
    #[expect(clippy::disallowed_methods, reason = "the one door to these variables")]
    pub fn of_process(named: Option<PathBuf>) -> Self {
        Self {
            named,
            runtime_directory: std::env::var_os("RUNTIME_DIRECTORY"),
            user_runtime: std::env::var_os("XDG_RUNTIME_DIR"),
            temporary: std::env::temp_dir(),
            user: user(),
        }
    }
}

/// Where the socket may be, the likeliest first; never empty.
pub fn candidates(place: &Place) -> Vec<PathBuf> {
    if let Some(named) = &place.named {
        return vec![named.clone()];
    }
    let mut found = Vec::new();
    let systemd = place.runtime_directory.as_deref().map(std::env::split_paths);
    found.extend(systemd.into_iter().flatten().find(|folder| folder.is_absolute()));
    found.push("/run/nephoscope".into());
    found.extend(place.user_runtime.as_deref().map(PathBuf::from).filter(|it| it.is_absolute()));
    let mut found: Vec<_> = found.into_iter().map(|folder| folder.join(NAME)).collect();
    found.push(place.temporary.join(format!("nephoscope-{}.sock", place.user)));
    found.dedup();
    found
}

/// Where a daemon makes its socket: the first candidate whose folder exists and can be written to by this process.
pub fn to_bind(place: &Place) -> PathBuf {
    let mut all = candidates(place);
    let usable = all.iter().position(|path| path.parent().is_some_and(writable));
    let last = all.len() - 1;
    all.swap_remove(usable.unwrap_or(last))
}

/// Whether this process may make a file in `folder`, found out by doing it: permission bits do not tell the whole truth.
fn writable(folder: &Path) -> bool {
    let trial = folder.join(format!(".nephoscope-{}", std::process::id()));
    let made = std::fs::File::create_new(&trial).is_ok();
    made && std::fs::remove_file(&trial).is_ok()
}

/// Number of the user this process runs as, read from the owner of its own entry under `/proc`; 0 where there is none.
fn user() -> u32 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").map_or(0, |own| own.uid())
}

#[cfg(test)]
mod tests {
    use super::{Place, candidates};
    use std::path::PathBuf;

    fn place() -> Place {
        Place { temporary: "/tmp".into(), user: 1000, ..Place::default() }
    }

    #[test]
    fn a_named_socket_is_the_only_candidate() {
        let place = Place {
            named: Some("/srv/n.sock".into()),
            runtime_directory: Some("/run/x".into()),
            ..place()
        };
        assert_eq!(candidates(&place), [PathBuf::from("/srv/n.sock")]);
    }

    #[test]
    fn the_service_folder_comes_before_the_user_s_and_the_temporary_one() {
        let place = Place {
            runtime_directory: Some("/run/neph:/run/other".into()),
            user_runtime: Some("/run/user/1000".into()),
            ..place()
        };
        let expected = [
            "/run/neph/nephoscope.sock",
            "/run/nephoscope/nephoscope.sock",
            "/run/user/1000/nephoscope.sock",
            "/tmp/nephoscope-1000.sock",
        ];
        assert_eq!(candidates(&place), expected.map(PathBuf::from));
    }

    #[test]
    fn relative_folders_from_the_environment_are_not_followed() {
        let place = Place {
            runtime_directory: Some("run".into()),
            user_runtime: Some("".into()),
            ..place()
        };
        let expected = ["/run/nephoscope/nephoscope.sock", "/tmp/nephoscope-1000.sock"];
        assert_eq!(candidates(&place), expected.map(PathBuf::from));
    }
}
