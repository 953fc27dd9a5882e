//! What a probe sends and nobody else may read, taken out of what its run says.
//!
//! A far side may repeat what it was sent: an echo in a body, a header, a sentence of an error. So the texts of a result go
//! through the [`Veil`] of their spec before anybody gets them: passwords, tokens and keys become [`MASK`], as they were sent,
//! in base64 (RFC 7617), and as JSON, forms and pages write them. A beginning that was cut off is masked too.
//!
//! What the far side makes of a secret (a digest, another coding) is not known here.

use crate::model::{Auth, EnvValue, HttpSpec, ProbeKind, ProbeResult, Spec};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderName, HeaderValue};
use std::fmt::Write as _;
use url::form_urlencoded::{byte_serialize, parse};

/// What stands in the place of a secret.
const MASK: &str = "(not shown)";

/// Characters of a secret's beginning that may be seen when the rest was cut off.
const BEGINNING: usize = 8;

/// Fields of a header whose values are secrets by their nature.
const BY_NATURE: [HeaderName; 4] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    HeaderName::from_static("x-api-key"),
];

/// The secrets of one probe; most have none.
#[derive(Default)]
pub(super) struct Veil {
    /// In all the forms in which they may come back, the longest first, each once.
    secrets: Box<[Box<str>]>,
}

impl Veil {
    /// The secrets of `spec`.
    pub(super) fn of(spec: &Spec) -> Self {
        let mut found = Found::default();
        match &spec.kind {
            ProbeKind::Http(http) => found.http(http),
            ProbeKind::Exec(exec) => {
                for (_, value) in &exec.env {
                    if let EnvValue::Secret(secret) = value {
                        found.add(secret.reveal());
                    }
                }
            }
            ProbeKind::Tcp(_) | ProbeKind::Dns(_) | ProbeKind::Icmp(_) | ProbeKind::Grpc(_) => {}
        }
        found.veil()
    }

    /// Masks what is in `result`; `token` is the value of a header that this run was given for its credentials.
    pub(super) fn cover(&self, result: &mut ProbeResult, token: Option<&HeaderValue>) {
        self.cover_with(result);
        if let Some(token) = token {
            let mut found = Found::default();
            found.value(token);
            found.veil().cover_with(result);
        }
    }

    fn cover_with(&self, result: &mut ProbeResult) {
        if self.secrets.is_empty() {
            return;
        }
        if let Some(masked) = self.masked(&result.said) {
            result.said = masked;
        }
        if let Some(masked) = result.facts.heard.as_deref().and_then(|text| self.masked(text)) {
            result.facts.heard = Some(masked.into());
        }
        for hop in &mut result.hops {
            if let Some(masked) = self.masked(&hop.target) {
                hop.target = masked;
            }
        }
    }

    /// `text` without the secrets, if there was one in it.
    fn masked(&self, text: &str) -> Option<String> {
        let mut masked = None;
        // What is there as a whole first: the beginning of one may be that of another.
        for telling in [whole, beginning] {
            for secret in &self.secrets {
                let before = masked.as_deref().unwrap_or(text);
                if let Some(after) = without(before, secret, telling(secret)) {
                    masked = Some(after);
                }
            }
        }
        masked
    }
}

fn whole(secret: &str) -> &str {
    secret
}

/// As much of `secret` as tells it from other texts.
fn beginning(secret: &str) -> &str {
    secret.char_indices().nth(BEGINNING).map_or(secret, |(end, _)| &secret[..end])
}

/// `text` with [`MASK`] wherever `telling`, which is how `secret` begins, stands, and as far as it goes on like `secret`.
fn without(text: &str, secret: &str, telling: &str) -> Option<String> {
    let mut at = text.find(telling)?;
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    loop {
        out.push_str(&rest[..at]);
        out.push_str(MASK);
        let found = rest[at..].chars().zip(secret.chars());
        let same = found.take_while(|(one, other)| one == other);
        rest = &rest[at + same.map(|(one, _)| one.len_utf8()).sum::<usize>()..];
        match rest.find(telling) {
            Some(next) => at = next,
            None => return Some(out + rest),
        }
    }
}

/// Secrets being collected.
#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn http(&mut self, http: &HttpSpec) {
        match http.auth.as_deref() {
            Some(Auth::Basic { user, password }) => self.pair(user, password.reveal()),
            Some(Auth::Bearer(token)) => self.add(token.reveal()),
            None => {}
        }
        if let Some(password) = http.url.password() {
            // As it stands in the URL, and as it is sent.
            self.add(password);
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
            if value.is_sensitive() || BY_NATURE.contains(name) {
                self.value(value);
            }
            if *name == header::COOKIE {
                self.cookies(value);
            }
        }
    }

    /// Name and password, also as they are sent together.
    fn pair(&mut self, user: &str, password: &str) {
        self.add(password);
        if !password.is_empty() {
            self.0.push(STANDARD.encode(format!("{user}:{password}")));
        }
    }

    /// The value of a header: what comes after the name of a scheme, if there is one.
    fn value(&mut self, value: &HeaderValue) {
        let Ok(text) = value.to_str() else { return };
        let text = text.trim();
        let is_scheme = |word: &str| word.chars().all(|each| each.is_ascii_alphabetic());
        let secret = match text.split_once(' ') {
            Some((scheme, rest)) if is_scheme(scheme) => rest.trim(),
            _ => text,
        };
        self.add(secret);
        let pair = STANDARD.decode(secret).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some((_, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) {
            self.add(password);
        }
    }

    fn cookies(&mut self, value: &HeaderValue) {
        for cookie in value.to_str().unwrap_or_default().split(';') {
            self.add(cookie.split_once('=').map_or("", |(_, value)| value.trim()));
        }
    }

    fn add(&mut self, secret: &str) {
        let quoted = serde_json::to_string(secret).unwrap_or_default();
        let forms = [
            secret.to_owned(),
            quoted.trim_matches('"').to_owned(),
            quoted.trim_matches('"').replace('/', "\\/"),
            byte_serialize(secret.as_bytes()).collect(),
            percent(secret),
            page(secret),
        ];
        self.0.extend(forms);
    }

    fn veil(mut self) -> Veil {
        self.0.retain(|secret| !secret.is_empty());
        self.0.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then(one.cmp(other)));
        self.0.dedup();
        Veil { secrets: self.0.into_iter().map(String::into_boxed_str).collect() }
    }
}

/// What a percent-coded text of a URL means.
fn decoded(text: &str) -> String {
    let as_form = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    parse(as_form.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}

/// Percent-coded but for letters, digits and what RFC 3986 calls unreserved.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

/// As a page of HTML has it.
fn page(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::{Auth, HeaderValue, HttpSpec, MASK, Spec, Veil, header};
    use crate::model::{EnvValue, ExecSpec, IpChoice, Pick, ProbeKind, Secret};
    use base64::Engine as _;

    fn of(kind: ProbeKind) -> Veil {
        let (ip, pick) = (IpChoice::Any, Pick::First);
        Veil::of(&Spec { ip, pick, slow_after: None, max_latency: None, kind })
    }

    fn http(url: &str, change: impl FnOnce(&mut HttpSpec)) -> Veil {
        let mut http = HttpSpec::get(url.parse().unwrap());
        change(&mut http);
        of(ProbeKind::Http(Box::new(http)))
    }

    #[track_caller]
    fn assert_masked(veil: &Veil, text: &str, expected: &str) {
        assert_eq!(veil.masked(text).as_deref(), Some(expected), "of `{text}`");
    }

    #[test]
    fn a_password_is_masked_in_every_form_in_which_it_may_come_back() {
        let password = "p\"a/ss&wörd";
        let veil = http("http://a.example/", |http| {
            let password = Secret::new(password);
            http.auth = Some(Box::new(Auth::Basic { user: "ann".into(), password }));
        });
        let coded = super::STANDARD.encode(format!("ann:{password}"));
        assert_masked(&veil, &format!("basic {coded}!"), &format!("basic {MASK}!"));
        for form in [
            password,
            "p\\\"a/ss&wörd",
            "p\\\"a\\/ss&wörd",
            "p%22a%2Fss%26w%C3%B6rd",
            "p&quot;a/ss&amp;wörd",
        ] {
            assert_masked(&veil, &format!("<{form}>"), &format!("<{MASK}>"));
        }
        assert_eq!(veil.masked("the user is ann"), None);
    }

    #[test]
    fn a_secret_that_was_cut_off_is_masked_as_far_as_it_goes() {
        let veil = http("http://a.example/", |http| {
            http.auth = Some(Box::new(Auth::Bearer(Secret::new("token-of-ann-4711"))));
        });
        assert_masked(&veil, "is `token-of-ann…`", &format!("is `{MASK}…`"));
        assert_masked(&veil, "token-of-", MASK);
        assert_masked(&veil, "token-of-bob", &format!("{MASK}bob"));
        assert_masked(&veil, "token-of-ann-4711token-of-ann-4711", &format!("{MASK}{MASK}"));
        assert_eq!(veil.masked("token-o"), None, "so much says little");
    }

    #[test]
    fn headers_urls_cookies_and_the_environment_have_secrets() {
        let named = |name: &'static str, value: &'static str, hidden| {
            http("http://a.example/", |http| {
                let mut value = HeaderValue::from_static(value);
                value.set_sensitive(hidden);
                http.headers.push((header::HeaderName::from_static(name), value));
            })
        };
        let key = named("x-key", "Key hunter2", true);
        assert_masked(&key, "key hunter2", &format!("key {MASK}"));
        assert!(named("x-key", "Key hunter2", false).masked("hunter2").is_none());
        let basic = named("authorization", "Basic YW5uOmh1bnRlcjI=", false);
        assert_masked(&basic, "ann, hunter2", &format!("ann, {MASK}"));
        let cookies = named("cookie", "lang=en-GB; session=4711", false);
        assert_masked(&cookies, "session 4711", &format!("session {MASK}"));
        let url = http("http://ann:hunter%202+@a.example/", |_| {});
        assert_masked(&url, "hunter 2+", MASK);
        assert_masked(&url, "hunter%202+", MASK);
        assert_masked(&url, &super::STANDARD.encode("ann:hunter 2+"), MASK);
        let env = vec![
            ("KEY".to_owned(), EnvValue::Secret(Secret::new("hunter2"))),
            ("LANG".to_owned(), EnvValue::Text("de_AT".to_owned())),
        ];
        let program = ExecSpec { program: "/bin/true".into(), arguments: Vec::new(), env };
        let program = of(ProbeKind::Exec(Box::new(program)));
        assert_masked(&program, "de_AT hunter2", &format!("de_AT {MASK}"));
    }
}
