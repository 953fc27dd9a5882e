//! `[listener]`: what the network's listener presents, and who may use it.
//!
//! People by name and the hash of a password, programs by a token; both by name in `writes` if they may also change something.
//! Writing for whoever comes along is no configuration that can be used.
//!
//! It does not know what can be written.

use super::check_name;
use super::demand::{RawDemand, read_demand};
use crate::config::decode::{Context, Section, section};
use crate::config::problem::{Kind, Problem, closest};
use crate::config::secret::{Pem, pair, pem_of, read_secret};
use crate::config::source::{At, Place};
use crate::config::tree::{Node, Value};
use crate::model::TlsFiles;
use crate::model::{
    CALLERS_AT_MOST, Caller, Listener, PasswordHash, Proof, Secret, TOKEN_AT_LEAST,
};
use std::net::SocketAddr;

const A_HASH: &str = "what `nephoscope hash-password` prints: `$argon2id$v=19$m=…,t=…,p=…$…$…`";

/// `[listener]`.
#[derive(Debug, Default)]
pub(in crate::config) struct RawListener {
    /// What it presents.
    pub(in crate::config) tls: Option<At<TlsFiles>>,
    /// Who may use it, people first.
    pub(in crate::config) callers: Vec<At<Caller>>,
    /// What may be probed on demand.
    pub(in crate::config) demand: RawDemand,
}

impl RawListener {
    /// What the daemon is told.
    pub(in crate::config) fn value(&self) -> Listener {
        Listener {
            tls: self.tls.as_ref().map(|tls| tls.value.clone()),
            callers: self.callers.iter().map(|caller| caller.value.clone()).collect(),
            demand: self.demand.value(),
        }
    }
}

pub(super) fn read_listener(top: &Section<'_>, listen: Option<&At<SocketAddr>>) -> RawListener {
    top.table("listener", |table| read(table, listen)).map(|found| found.value).unwrap_or_default()
}

fn read(table: &Section<'_>, listen: Option<&At<SocketAddr>>) -> RawListener {
    let users = table.list(
        "users",
        "a list of tables: `{ name = …, password_hash = … }`",
        |context, node, path| {
            section(context, node, node.place, path.to_owned(), read_user).flatten()
        },
    );
    let tokens = table.list(
        "tokens",
        "a list of tables: `{ name = …, token = … }`",
        |context, node, path| {
            section(context, node, node.place, path.to_owned(), read_token).flatten()
        },
    );
    let mut callers: Vec<At<Caller>> = Vec::new();
    for (key, found) in [("users", users), ("tokens", tokens)] {
        for caller in found.into_iter().flat_map(|found| found.value) {
            add(table, key, caller, &mut callers);
        }
    }
    let named = table.has("users") || table.has("tokens");
    for name in table.strings("writes").into_iter().flat_map(|found| found.value) {
        let known = callers.iter_mut().find(|caller| *caller.value.name == *name.value);
        match known {
            Some(caller) => caller.value.writes = true,
            None if named => unknown(table, &name, &callers),
            None => {
                open_writes(table, listen);
                break;
            }
        }
    }
    if !table.has("tls") {
        warn(table, listen);
    }
    let tls = table.table("tls", read_tls);
    let tls = tls.and_then(|found| found.value.map(|files| At::new(files, found.place)));
    let demand = table.table("probe", read_demand).map(|found| found.value).unwrap_or_default();
    RawListener { tls, callers, demand }
}

fn read_tls(table: &Section<'_>) -> Option<TlsFiles> {
    for key in ["cert", "key"] {
        if !table.has(key) {
            table.missing(key, "`tls = { cert = \"listener.pem\", key = \"listener.key\" }`");
        }
    }
    let cert = pem_of(table, "cert", Pem::Certificates);
    let key = pem_of(table, "key", Pem::PrivateKey);
    let (cert, key) = (cert?, key?);
    if let Err(why) = pair(&cert.value.bytes, &key.value.bytes) {
        let said = format!("`{}` cannot be used", key.value.path.display());
        let problem = Problem::new(Kind::BadPem, table.path_of("key"), key.place, said)
            .label(why)
            .also(cert.place, "the certificate is this");
        table.report(problem.expected("the key that the certificate was made for"));
        return None;
    }
    Some(TlsFiles { cert: cert.value.path, key: key.value.path })
}

fn read_user(table: &Section<'_>) -> Option<At<Caller>> {
    let name = read_name(table);
    if !table.has("password_hash") {
        table.missing("password_hash", A_HASH);
    }
    let node = table.get("password_hash")?;
    let hash = read_hash(table.context, node, &table.path_of("password_hash"));
    let (name, hash) = (name?, hash?);
    let caller =
        Caller { name: name.value.as_str().into(), proof: Proof::Password(hash), writes: false };
    Some(At::new(caller, name.place))
}

/// A hash that stands in the file, or in another one by reference.
fn read_hash(context: Context<'_>, node: &Node, path: &str) -> Option<PasswordHash> {
    let text = if let Value::Text(text) = &node.value {
        // It may be a password by mistake.
        context.sources.mask(node.place);
        Secret::new(text)
    } else {
        read_secret(context, node, path)?.value
    };
    match PasswordHash::read(text.reveal()) {
        Ok(hash) => Some(hash),
        Err(why) => {
            let said = "not the hash of a password";
            let problem = Problem::new(Kind::BadPasswordHash, path, node.place, said).label(why);
            let hint = "`nephoscope hash-password` reads a password and prints its hash";
            context.sink.report(problem.expected(A_HASH).hint(hint));
            None
        }
    }
}

fn read_token(table: &Section<'_>) -> Option<At<Caller>> {
    let name = read_name(table);
    if !table.has("token") {
        table.missing("token", "`token = { file = \"…\" }`");
    }
    let node = table.get("token")?;
    let path = table.path_of("token");
    let token = read_secret(table.context, node, &path)?;
    let text = token.value.reveal();
    let fault = if text.len() < TOKEN_AT_LEAST {
        Some(format!("it is shorter than {TOKEN_AT_LEAST} characters"))
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Some("a header cannot carry it".to_owned())
    } else {
        None
    };
    if let Some(why) = fault {
        let said = "the token cannot be used";
        let problem = Problem::new(Kind::BadToken, path, node.place, said).label(why);
        let hint = "`openssl rand -hex 32` makes a good one";
        let expected =
            format!("at least {TOKEN_AT_LEAST} letters, digits and signs without spaces");
        table.report(problem.expected(expected).hint(hint));
        return None;
    }
    let name = name?;
    let caller = Caller {
        name: name.value.as_str().into(),
        proof: Proof::Token(token.value),
        writes: false,
    };
    Some(At::new(caller, name.place))
}

fn read_name(table: &Section<'_>) -> Option<At<String>> {
    let name = table.string("name");
    match &name {
        Some(name) => check_name(table.context, name, &table.path_of("name"), "a user or token"),
        None if !table.has("name") => table.missing("name", "`name = \"prometheus\"`"),
        None => {}
    }
    name
}

/// Takes one more, under a name that no other has.
fn add(table: &Section<'_>, key: &'static str, caller: At<Caller>, known: &mut Vec<At<Caller>>) {
    let name = &caller.value.name;
    if let Some(first) = known.iter().find(|other| other.value.name == *name) {
        let said = format!("two that may use the listener are called `{name}`");
        let problem = Problem::new(Kind::DuplicateCaller, table.path_of(key), caller.place, said)
            .label("also given here")
            .also(first.place, "first given here");
        table.report(problem.hint("users and tokens share their names; give each its own"));
    } else if known.len() == CALLERS_AT_MOST {
        let said = format!("more than {CALLERS_AT_MOST} users and tokens");
        let problem = Problem::new(Kind::OutOfRange, table.path_of(key), caller.place, said);
        let expected = format!("at most {CALLERS_AT_MOST}");
        table.report(problem.label("is one too many").expected(expected));
    } else {
        known.push(caller);
    }
}

fn unknown(table: &Section<'_>, name: &At<String>, callers: &[At<Caller>]) {
    let said = format!("no user or token is called `{}`", name.value);
    let problem = Problem::new(Kind::UnknownCaller, table.path_of("writes"), name.place, said);
    let guess = closest(&name.value, callers.iter().map(|caller| &*caller.value.name));
    table.report(match guess {
        Some(guess) => problem.hint(format!("did you mean `{guess}`?")),
        None => problem.expected("a name from `users` or `tokens`"),
    });
}

fn open_writes(table: &Section<'_>, listen: Option<&At<SocketAddr>>) {
    let who =
        if exposed(listen).is_some() { "whoever reaches" } else { "every user of this host at" };
    let said = format!("{who} the listener could change what is reported");
    let place = table.key_place("writes");
    let problem = Problem::new(Kind::OpenWrites, table.path_of("writes"), place, said)
        .label("neither `users` nor `tokens` says who that is")
        .expected("names of `users` or `tokens`, each with a proof")
        .hint("without `writes`, maintenance and drills are announced over the local socket");
    table.report(problem);
}

/// Where the listener can be reached from another host, if it can.
fn exposed(listen: Option<&At<SocketAddr>>) -> Option<Place> {
    listen.filter(|listen| !listen.value.ip().is_loopback()).map(|listen| listen.place)
}

/// Warns of credentials in the clear.
fn warn(table: &Section<'_>, listen: Option<&At<SocketAddr>>) {
    let Some(listen) = exposed(listen) else { return };
    let Some(key) = ["users", "tokens"].into_iter().find(|key| table.has(key)) else { return };
    let said = "credentials travel in the clear";
    let problem = Problem::new(Kind::PlainAuth, table.path_of(key), table.key_place(key), said)
        .label("sent without TLS")
        .also(listen, "other hosts reach it here");
    table.report(problem.hint("give the listener a certificate (`tls`), or let it listen on loopback behind a proxy that does TLS"));
}
