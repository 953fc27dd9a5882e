//! Secrets and files: what the configuration names and does not hold.
//!
//! A secret is `{ env = "X" }`, `{ file = "…" }` or `{ credential = "…" }` (a file of that name in the folder that the
//! service manager names in `CREDENTIALS_DIRECTORY`). One written as text is an error, and hidden from the excerpt of
//! that error. Relative paths start at the folder of the file that says them. Only regular files are read, and only up
//! to a limit. Which were read is noted beside the sources, with a digest, so that a change of one can be told.
//!
//! It never puts what it read into a message.

use super::decode::{Context, Section, section, wrong_type};
use super::problem::{Kind, Problem};
use super::source::{At, Place};
use super::tree::{Node, Value};
use crate::file::read_bounded;
use crate::model::{PemFile, Secret};
use crate::seed::stable_hash_of;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};

const A_SECRET: &str = "`{ env = \"NAME\" }`, `{ file = \"path\" }` or `{ credential = \"name\" }`";

/// Reads a secret by reference.
pub(super) fn read_secret(context: Context<'_>, node: &Node, path: &str) -> Option<At<Secret>> {
    if let Value::Text(_) = node.value {
        context.sources.mask(node.place);
        let said = "a secret does not belong into this file";
        let problem = Problem::new(Kind::PlainSecret, path, node.place, said)
            .label("written as text")
            .expected(A_SECRET)
            .hint("`{ file = \"…\" }` reads it from a file that only the daemon may read");
        context.sink.report(problem);
        return None;
    }
    if !matches!(node.value, Value::Table(_)) {
        wrong_type(context, node, path, A_SECRET, None);
        return None;
    }
    section(context, node, node.place, path.to_owned(), |table| {
        let ways = ["env", "file", "credential"];
        table.exclusive(&ways);
        let [by_env, by_file, by_credential] = ways.map(|way| table.string(way));
        if !ways.iter().any(|way| table.has(way)) {
            table.missing("env", A_SECRET);
        }
        let found = if let Some(name) = by_env {
            from_environment(&name.value).map_err(|why| (name, why))
        } else if let Some(name) = by_file {
            from_file(context, &beside(context, &name)).map_err(|why| (name, why))
        } else {
            let name = by_credential?;
            from_credential(context, &name.value).map_err(|why| (name, why))
        };
        match found {
            Ok(secret) => Some(At::new(secret, node.place)),
            Err((name, why)) => {
                let said = format!("the secret `{}` could not be had", name.value);
                let problem = Problem::new(Kind::SecretMissing, path, name.place, said).label(why);
                context.sink.report(problem);
                None
            }
        }
    })
    .flatten()
}

fn from_environment(name: &str) -> Result<Secret, String> {
    let text = environment(name).ok_or_else(|| format!("`{name}` is not in the environment"))?;
    not_empty(&text)
}

fn from_credential(context: Context<'_>, name: &str) -> Result<Secret, String> {
    if name.contains('/') || name == ".." {
        return Err("a credential is a name, not a path".to_owned());
    }
    let folder = environment("CREDENTIALS_DIRECTORY").ok_or_else(|| {
        "`CREDENTIALS_DIRECTORY` is not set: the service manager gives no credentials".to_owned()
    })?;
    from_file(context, &Path::new(&folder).join(name))
}

fn from_file(context: Context<'_>, path: &Path) -> Result<Secret, String> {
    let bytes = read_noted(context, path)?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    not_empty(text.trim_end_matches(['\n', '\r']))
}

fn not_empty(text: &str) -> Result<Secret, String> {
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(Secret::new(text)) }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one door through which secrets come from the environment"
)]
fn environment(name: &str) -> Option<String> {
    // A name with `=` or NUL in it cannot be in the environment, and asking for it may panic.
    if name.is_empty() || name.contains(['=', '\0']) {
        return None;
    }
    std::env::var(name).ok()
}

/// The path that a value names, relative to the file that says it.
pub(super) fn beside(context: Context<'_>, path: &At<String>) -> PathBuf {
    context.sources.get(path.place.file).folder().join(&path.value)
}

/// As [`read_bounded`], and noted: another content of this file is another configuration.
fn read_noted(context: Context<'_>, path: &Path) -> Result<Vec<u8>, String> {
    let read = read_bounded(path);
    context.sources.note(path, digest(&read));
    read
}

/// A number that is another one when a file has another content, or cannot be read for another reason.
pub(super) fn digest(read: &Result<Vec<u8>, String>) -> u64 {
    match read {
        Ok(bytes) => stable_hash_of(bytes),
        Err(why) => !stable_hash_of(why.as_bytes()),
    }
}

/// Reports a file that could not be read.
pub(super) fn unreadable(section: &Section<'_>, key: &str, place: Place, why: String) {
    let said = "the file could not be read";
    let problem = Problem::new(Kind::UnreadableFile, section.path_of(key), place, said)
        .label(why)
        .hint("relative paths start at the folder of the file that says them");
    section.report(problem);
}

/// The bytes of the file that `key` names.
pub(super) fn file_of(section: &Section<'_>, key: &'static str) -> Option<(At<PathBuf>, Vec<u8>)> {
    let name = section.string(key)?;
    let path = beside(section.context, &name);
    match read_noted(section.context, &path) {
        Ok(bytes) => Some((At::new(path, name.place), bytes)),
        Err(why) => {
            unreadable(section, key, name.place, why);
            None
        }
    }
}

/// What a PEM file must hold.
#[derive(Clone, Copy)]
pub(super) enum Pem {
    Certificates,
    PrivateKey,
}

/// The PEM file that `key` names, found well-formed.
pub(super) fn pem_of(section: &Section<'_>, key: &'static str, holds: Pem) -> Option<At<PemFile>> {
    let (path, bytes) = file_of(section, key)?;
    section.context.sources.follow(&path.value);
    let fault = match holds {
        Pem::Certificates => certificate_fault(&bytes),
        Pem::PrivateKey => PrivateKeyDer::from_pem_slice(&bytes)
            .err()
            .map(|_| "it holds no private key".to_owned()),
    };
    if let Some(why) = fault {
        let said = format!("`{}` cannot be used", path.value.display());
        let problem = Problem::new(Kind::BadPem, section.path_of(key), path.place, said)
            .label(why)
            .expected(match holds {
                Pem::Certificates => "a file with `-----BEGIN CERTIFICATE-----` blocks",
                Pem::PrivateKey => "a file with a `-----BEGIN PRIVATE KEY-----` block",
            });
        section.report(problem);
        return None;
    }
    Some(At::new(PemFile { path: path.value, bytes: bytes.into() }, path.place))
}

/// The certificate and the key that these files hold, or one sentence on why they cannot be used together.
pub fn pair_of_files(cert: &Path, key: &Path) -> Result<CertifiedKey, String> {
    let cannot = |path: &Path, why: String| format!("`{}` cannot be used: {why}", path.display());
    let chain = read_bounded(cert)?;
    if let Some(why) = certificate_fault(&chain) {
        return Err(cannot(cert, why));
    }
    pair(&chain, &read_bounded(key)?).map_err(|why| cannot(key, why))
}

/// As [`pair_of_files`], of a chain that was found well-formed; the fault is the key's.
pub(super) fn pair(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
    let chain = chain.map_err(|_| "its certificate is not well-formed PEM".to_owned())?;
    let key =
        PrivateKeyDer::from_pem_slice(key).map_err(|_| "it holds no private key".to_owned())?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => "it is not the key of the certificate".to_owned(),
        _ => "it is no key that TLS can use with this certificate".to_owned(),
    })
}

fn certificate_fault(bytes: &[u8]) -> Option<String> {
    let mut count = 0;
    for block in CertificateDer::pem_slice_iter(bytes) {
        let Ok(certificate) = block else {
            return Some("it is not well-formed PEM".to_owned());
        };
        count += 1;
        if x509_parser::parse_x509_certificate(&certificate).is_err() {
            return Some(format!("its certificate number {count} cannot be read"));
        }
    }
    (count == 0).then(|| "it holds no certificate".to_owned())
}
