//! Why a store cannot be opened or read, one variant per thing a person or the daemon could do about it.
//!
//! [`Error::is_harmless`] parts them: without harm the daemon may go on without a store; otherwise going on would damage what is
//! there, or two daemons would write the same history, so it has to refuse to start.
//!
//! What happens to a store that fails while it is in use is the writer's matter, and no error: it is counted.

use crate::model::StoreFault;
use std::path::{Path, PathBuf};

/// Why a store cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder, or a file in it, may not be written: permissions, or a read-only file system.
    #[error("cannot write the store in `{folder}`: permission denied or read-only")]
    Unwritable {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: Cause,
    },
    /// There is no room for it.
    #[error("cannot write the store in `{folder}`: no space left")]
    Full {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: Cause,
    },
    /// There is a file, or a part of the path is one, where the folder should be.
    #[error("cannot use `{folder}` as the store: it is not a folder")]
    NotAFolder {
        /// The path.
        folder: PathBuf,
    },
    /// There is no store to read.
    #[error("there is no store in `{folder}`")]
    Absent {
        /// The folder.
        folder: PathBuf,
    },
    /// The system failed in another way.
    #[error("cannot use the store in `{folder}`")]
    Failed {
        /// The folder.
        folder: PathBuf,
        /// What the system or the database said.
        source: Cause,
    },
    /// Another daemon uses this store.
    #[error(
        "another daemon uses the store in `{folder}`; stop it, or give this one another `monitor.state`"
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// Another program holds the file.
    #[error("another program keeps `{file}` locked; end it and start again")]
    Busy {
        /// The file.
        file: PathBuf,
        /// What the database said.
        source: Cause,
    },
    /// A newer nephoscope has written it.
    #[error(
        "`{file}` has the form {found}, and this version knows forms up to {known}; run the newer nephoscope, \
         or give this one another `monitor.state`"
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// The form of the file.
        found: i64,
        /// The newest form this program knows.
        known: i64,
    },
    /// It is the database of another program.
    #[error("`{file}` is a database of another program; give nephoscope another `monitor.state`")]
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// It does not contain what was written to it.
    #[error(
        "`{file}` is damaged; put a copy of the folder in its place, or move the folder aside and start with an empty history"
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What was found.
        source: Cause,
    },
}

/// What the system, the database or a record said.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// Whether going on without a store damages nothing. If not, the daemon has to refuse to start.
    pub fn is_harmless(&self) -> bool {
        match self {
            Self::Unwritable { .. }
            | Self::Full { .. }
            | Self::NotAFolder { .. }
            | Self::Absent { .. }
            | Self::Failed { .. } => true,
            Self::InUse { .. }
            | Self::Busy { .. }
            | Self::Newer { .. }
            | Self::Foreign { .. }
            | Self::Damaged { .. } => false,
        }
    }

    /// What the system said of the folder.
    pub(super) fn of_system(folder: &Path, error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let folder = folder.to_owned();
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Self::Unwritable { folder, source: error.into() }
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                Self::Full { folder, source: error.into() }
            }
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => Self::NotAFolder { folder },
            _ => Self::Failed { folder, source: error.into() },
        }
    }

    /// What the database said of `file`.
    pub(super) fn of_database(file: &Path, fault: StoreFault, source: Cause) -> Self {
        let folder = file.parent().unwrap_or(file).to_owned();
        let file = file.to_owned();
        match fault {
            StoreFault::Full => Self::Full { folder, source },
            StoreFault::ReadOnly => Self::Unwritable { folder, source },
            StoreFault::Busy => Self::Busy { file, source },
            StoreFault::Damaged => Self::Damaged { file, source },
            StoreFault::Io | StoreFault::Other => Self::Failed { folder, source },
        }
    }
}
