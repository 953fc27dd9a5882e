//! Files that TLS tables name, read again when they change: roots to trust, and our own certificate with its key.
//!
//! Each set of files is kept once for all runtimes, with what was made of it. [`Files::look`] compares the files' facts
//! (which file, when written, how long), and what has changed and can be used is what the next handshake uses. What
//! cannot be used, as when it is half written, is logged, and the last good version stays.
//!
//! It does not decide when to look: the daemon does, away from the runtimes that probe.

use super::trust::Trust;
use crate::file::{Facts, facts, read_bounded};
use crate::model::{Action, PemFile};
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, SignatureScheme};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

/// The bytes of some files, in their order.
type Contents = Vec<Arc<[u8]>>;

/// All files that TLS tables name.
#[derive(Default)]
pub(super) struct Files {
    roots: Mutex<Vec<Weak<Followed<Trust>>>>,
    identities: Mutex<Vec<Weak<Followed<CertifiedKey>>>>,
}

impl Files {
    /// The roots in `file`, as it is and as it will be.
    pub(super) fn roots(
        &self,
        file: &PemFile,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<Followed<Trust>>, String> {
        follow(&self.roots, vec![file.clone()], provider)
    }

    /// The identity in these files, as they are and as they will be.
    pub(super) fn identity(
        &self,
        (chain, key): &(PemFile, PemFile),
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<Followed<CertifiedKey>>, String> {
        follow(&self.identities, vec![chain.clone(), key.clone()], provider)
    }

    /// Looks whether files have changed, and reads those that have.
    pub(super) fn look(&self, provider: &Arc<CryptoProvider>) {
        look(&self.roots, provider);
        look(&self.identities, provider);
    }
}

/// What was made of the same files before, or is made of them now.
fn follow<T: Made>(
    list: &Mutex<Vec<Weak<Followed<T>>>>,
    files: Vec<PemFile>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<Followed<T>>, String> {
    let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
    list.retain(|known| known.strong_count() > 0);
    let known = list.iter().filter_map(Weak::upgrade).find(|known| known.files == files);
    if let Some(known) = known {
        return Ok(known);
    }
    let contents: Vec<_> = files.iter().map(|file| Arc::clone(&file.bytes)).collect();
    let made = T::of(&contents, provider)?;
    // The files' facts are not known yet: they were read when the configuration was, so the first look compares contents.
    let seen = Mutex::new(Seen { facts: Vec::new(), contents });
    let followed = Arc::new(Followed { files, seen, now: RwLock::new(Arc::new(made)) });
    list.push(Arc::downgrade(&followed));
    Ok(followed)
}

fn look<T: Made>(list: &Mutex<Vec<Weak<Followed<T>>>>, provider: &Arc<CryptoProvider>) {
    // Probers that are being built need not wait for the disk.
    let known: Vec<_> = {
        let list = list.lock().unwrap_or_else(PoisonError::into_inner);
        list.iter().filter_map(Weak::upgrade).collect()
    };
    for followed in known {
        followed.look(provider);
    }
}

/// Something made of the contents of files.
pub(super) trait Made: Sized {
    /// Makes it; an error says why that cannot be.
    fn of(contents: &[Arc<[u8]>], provider: &Arc<CryptoProvider>) -> Result<Self, String>;
}

impl Made for Trust {
    fn of(contents: &[Arc<[u8]>], provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        Self::of_pem(&contents.concat(), provider)
    }
}

impl Made for CertifiedKey {
    fn of(contents: &[Arc<[u8]>], provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        let [chain, key] = contents else {
            unreachable!("an identity is two files");
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = chain.map_err(|_| "the certificate is not well-formed PEM".to_owned())?;
        if chain.is_empty() {
            return Err("there is no certificate in it".to_owned());
        }
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| "there is no private key in it".to_owned())?;
        Self::from_der(chain, key, provider).map_err(|error| match error {
            Error::InconsistentKeys(_) => "the key is not that of the certificate".to_owned(),
            error => error.to_string(),
        })
    }
}

/// Files, and what was made of their last good version.
pub(super) struct Followed<T> {
    files: Vec<PemFile>,
    seen: Mutex<Seen>,
    now: RwLock<Arc<T>>,
}

/// What the files were when they were last looked at.
struct Seen {
    /// Empty before the first look.
    facts: Vec<Option<Facts>>,
    /// Of the last good version.
    contents: Contents,
}

impl<T: Made> Followed<T> {
    /// What was made of the last good version.
    pub(super) fn now(&self) -> Arc<T> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn look(&self, provider: &Arc<CryptoProvider>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let facts: Vec<_> = self.files.iter().map(|file| facts(&file.path)).collect();
        if facts == seen.facts {
            return;
        }
        // Facts before contents: what is written in between is seen as a change the next time.
        seen.facts = facts;
        match self.read(&seen.contents, provider) {
            Ok(None) => {}
            Ok(Some((contents, made))) => {
                seen.contents = contents;
                *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(made);
                tracing::info!(
                    action = Action::TlsFilesChanged.as_str(),
                    "probes use what is now in {}",
                    self.names()
                );
            }
            Err(why) => tracing::error!(
                action = Action::TlsFilesRefused.as_str(),
                error = why,
                "what is now in {} cannot be used; probes go on with what was there before",
                self.names()
            ),
        }
    }

    /// The contents and what is made of them; nothing if they are what they were.
    fn read(
        &self,
        before: &[Arc<[u8]>],
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<(Contents, T)>, String> {
        let read = |file: &PemFile| read_bounded(&file.path).map(Arc::from);
        let contents: Contents = self.files.iter().map(read).collect::<Result<_, _>>()?;
        if contents == before {
            return Ok(None);
        }
        let made = T::of(&contents, provider)?;
        Ok(Some((contents, made)))
    }

    fn names(&self) -> String {
        let names = self.files.iter().map(|file| format!("`{}`", file.path.display()));
        names.collect::<Vec<_>>().join(" and ")
    }
}

/// Presents the identity that is in the files now to servers that ask for one.
pub(super) struct Presenter(pub(super) Arc<Followed<CertifiedKey>>);

impl std::fmt::Debug for Presenter {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Presenter({})", self.0.names())
    }
}

impl ResolvesClientCert for Presenter {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.now())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
