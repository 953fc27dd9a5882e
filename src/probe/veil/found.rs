//! What of a spec is a secret.
//!
//! Credentials, header fields that are secret by name or were given by reference, cookies, and what is sent in dialogues and
//! bodies. What is so short that it stands in any text by chance is left out.
//!
//! It looks at no text of a far side.

use super::forms;
use crate::model::{Auth, HttpSpec, Said, Step, holds_secret, may_hold_secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderValue};
use url::form_urlencoded::{byte_serialize, parse};

/// Characters that a secret has at least.
pub(super) const LEAST: usize = 4;

/// The same of what may be none: cookies, fields with a word for secrets in their name, words after a command that logs in.
const LEAST_OF_WORDS: usize = 6;

/// The same of what is sent as a whole: a step of a dialogue, a body.
const LEAST_SENT: usize = 8;

/// Bytes of a body that are looked for; no story holds as many.
const BODY: usize = 8 * 1024;

/// Commands after which credentials come.
const LOGINS: [&str; 4] = ["AUTH", "AUTHENTICATE", "LOGIN", "PASS"];

/// Secrets being collected, in all their forms.
#[derive(Default)]
pub(super) struct Found(Vec<String>);

impl Found {
    pub(super) fn http(&mut self, http: &HttpSpec) {
        match http.auth.as_deref() {
            Some(Auth::Basic { user, password }) => self.pair(user, password.reveal()),
            Some(Auth::Bearer(token)) => self.add(token.reveal(), LEAST),
            None => {}
        }
        if let Some(password) = http.url.password() {
            // As it stands in the URL, and as it is sent.
            self.add(password, LEAST);
            let plain = decoded(password);
            self.pair(&decoded(http.url.username()), &plain);
        }
        if let Some(oauth2) = http.oauth2.as_deref() {
            let secret = oauth2.client_secret.reveal();
            self.pair(&oauth2.client_id, secret);
            let coded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            self.pair(&coded(&oauth2.client_id), &coded(secret));
        }
        for (name, value) in &http.headers {
            if value.is_sensitive() || holds_secret(name) {
                self.value(value, LEAST);
            } else if may_hold_secret(name) {
                self.value(value, LEAST_OF_WORDS);
            }
            if *name == header::COOKIE {
                self.cookies(value);
            }
        }
    }

    /// What is sent in a dialogue.
    pub(super) fn dialogue(&mut self, steps: &[Step]) {
        for step in steps {
            let Step::Send(parts) = step else { continue };
            for part in parts {
                let Said::Bytes(bytes) = part else { continue };
                let Ok(text) = std::str::from_utf8(bytes) else { continue };
                // What stands between groups that are said again is no whole, and may be any word.
                if parts.len() == 1 {
                    self.add(text.trim_matches(['\r', '\n']), LEAST_SENT);
                }
                let is_login =
                    |word: &&str| LOGINS.iter().any(|each| each.eq_ignore_ascii_case(word));
                let words = text.split_ascii_whitespace().skip_while(|word| !is_login(word));
                for word in words.skip(1) {
                    self.add(word.trim_matches('"'), LEAST_OF_WORDS);
                }
            }
        }
    }

    /// What is sent with a request.
    pub(super) fn body(&mut self, body: &Bytes) {
        let bytes = &body[..body.len().min(BODY)];
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        };
        self.add(text.trim_matches(['\r', '\n']), LEAST_SENT);
    }

    /// Name and password, also as they are sent together.
    fn pair(&mut self, user: &str, password: &str) {
        self.add(password, LEAST);
        if !password.is_empty() {
            self.0.push(STANDARD.encode(format!("{user}:{password}")));
        }
    }

    /// The value of a header: what comes after the name of a scheme, if there is one.
    pub(super) fn value(&mut self, value: &HeaderValue, least: usize) {
        let Ok(text) = value.to_str() else { return };
        let text = text.trim();
        let is_scheme = |word: &str| word.chars().all(|each| each.is_ascii_alphabetic());
        let secret = match text.split_once(' ') {
            Some((scheme, rest)) if is_scheme(scheme) => rest.trim(),
            _ => text,
        };
        self.add(secret, least);
        let pair = STANDARD.decode(secret).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some((_, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) {
            self.add(password, least);
        }
    }

    fn cookies(&mut self, value: &HeaderValue) {
        for cookie in value.to_str().unwrap_or_default().split(';') {
            let value = cookie.split_once('=').map_or("", |(_, value)| value.trim());
            self.add(value, LEAST_OF_WORDS);
        }
    }

    /// `secret` in all its forms, if it has so many characters.
    pub(super) fn add(&mut self, secret: &str, least: usize) {
        if secret.chars().nth(least - 1).is_some() {
            forms::of(secret, &mut self.0);
        }
    }

    /// What was found, each form once.
    pub(super) fn forms(mut self) -> Box<[Box<str>]> {
        self.0.sort_unstable();
        self.0.dedup();
        self.0.into_iter().map(String::into_boxed_str).collect()
    }
}

/// What a percent-coded text of a URL means.
fn decoded(text: &str) -> String {
    let as_form = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    parse(as_form.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}
