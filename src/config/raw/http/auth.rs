//! `auth`: who asks, and what proves it.
//!
//! Secrets are taken by reference only. What is read here also serves receivers and peers, which know `basic` and
//! `bearer`; `oauth2` is for HTTP probes.
//!
//! It asks nobody for a token.

use crate::config::decode::{Section, read_template};
use crate::config::secret::read_secret;
use crate::config::source::At;
use crate::config::template::Template;
use crate::model::{Auth, ClientAuth, Secret};

/// Credentials of an HTTP probe.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) enum RawAuth {
    /// That are sent as they are.
    Plain(Auth),
    /// For which a token is to be had.
    OAuth2(Box<RawOAuth2>),
}

/// `auth.oauth2`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) struct RawOAuth2 {
    pub(in crate::config) token_url: Template,
    pub(in crate::config) client_id: At<String>,
    pub(in crate::config) client_secret: At<Secret>,
    pub(in crate::config) scopes: Option<At<Vec<At<String>>>>,
    pub(in crate::config) params: Vec<(At<String>, Template)>,
    pub(in crate::config) client_auth: Option<At<ClientAuth>>,
}

const AN_OAUTH2: &str = "`oauth2 = { token_url = …, client_id = …, client_secret = { … } }`";

/// The credentials of a probe.
pub(super) fn read_probe_auth(table: &Section<'_>) -> Option<RawAuth> {
    let oauth2 = table.table("oauth2", read_oauth2);
    if oauth2.is_none() {
        return read_plain(table, &[]).map(RawAuth::Plain);
    }
    table.exclusive(&["basic", "bearer", "oauth2"]);
    let _ = (table.get("basic"), table.get("bearer"));
    oauth2?.value.map(|oauth2| RawAuth::OAuth2(Box::new(oauth2)))
}

/// Credentials that are sent as they are.
pub(in crate::config::raw) fn read_auth(table: &Section<'_>) -> Option<Auth> {
    read_plain(table, &["oauth2"])
}

fn read_plain(table: &Section<'_>, unsupported: &[&'static str]) -> Option<Auth> {
    table.exclusive(&["basic", "bearer", "oauth2"]);
    table.unsupported(unsupported, "`basic` and `bearer` are built here");
    let basic = table.table("basic", |basic| {
        let user = basic.string("user");
        let password = secret(basic, "password");
        for (key, expected) in
            [("user", "`user = \"…\"`"), ("password", "`password = { file = \"…\" }`")]
        {
            if !basic.has(key) {
                basic.missing(key, expected);
            }
        }
        Some(Auth::Basic { user: user?.value, password: password?.value })
    });
    let bearer = secret(table, "bearer");
    if !["basic", "bearer", "oauth2"].iter().any(|way| table.has(way)) {
        table.missing("basic", "`basic = { user = …, password = … }` or `bearer = { … }`");
    }
    basic.and_then(|found| found.value).or(bearer.map(|token| Auth::Bearer(token.value)))
}

fn read_oauth2(table: &Section<'_>) -> Option<RawOAuth2> {
    for key in ["token_url", "client_id", "client_secret"] {
        if !table.has(key) {
            table.missing(key, AN_OAUTH2);
        }
    }
    let token_url = table.template("token_url");
    let client_id = table.string("client_id");
    let client_secret = secret(table, "client_secret");
    let scopes = table.strings("scopes");
    let client_auth = table.word("client_auth", ClientAuth::ALL, ClientAuth::as_str);
    let params = table.table("params", |params| {
        let read = |(key, node): &(At<String>, _)| {
            let value = read_template(params.context, node, &params.path_of(&key.value))?;
            Some((key.clone(), value))
        };
        params.names().filter_map(read).collect()
    });
    Some(RawOAuth2 {
        token_url: token_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        scopes,
        params: params.map_or_else(Vec::new, |params| params.value),
        client_auth,
    })
}

fn secret(table: &Section<'_>, key: &'static str) -> Option<At<Secret>> {
    table.get(key).and_then(|node| read_secret(table.context, node, &table.path_of(key)))
}
