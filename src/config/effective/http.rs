//! What an HTTP probe asks beyond a plain GET, and its rules, as they were built.
//!
//! Only what somebody gave is written: each of these is absent by default.
//!
//! It shows no secret.

use super::place_of;
use super::spec::Rows;
use crate::config::raw::{RawAuth, RawHttp};
use crate::model::{Auth, HeaderRule, HttpSpec, JsonWanted, Missing};

impl Rows<'_, '_> {
    pub(super) fn http_auth(&mut self, is: &HttpSpec, said: &RawHttp) {
        let place = place_of(said.auth.as_ref());
        match is.auth.as_deref() {
            None => {}
            Some(Auth::Basic { user, .. }) => {
                self.set("http.auth.basic", format!("{user}, [secret]"), place);
            }
            Some(Auth::Bearer(_)) => self.set("http.auth.bearer", "[secret]", place),
        }
        let (Some(is), Some(RawAuth::OAuth2(said))) =
            (&is.oauth2, said.auth.as_ref().map(|auth| &auth.value))
        else {
            return;
        };
        let place = Some(said.token_url.place);
        self.set("http.auth.oauth2.token_url", &is.token_url, place);
        let place = Some(said.client_id.place);
        self.set("http.auth.oauth2.client_id", &is.client_id, place);
        let place = Some(said.client_secret.place);
        self.set("http.auth.oauth2.client_secret", "[secret]", place);
        if let Some(given) = &said.scopes {
            self.set("http.auth.oauth2.scopes", is.scopes.join(", "), Some(given.place));
        }
        for ((name, value), (key, _)) in is.params.iter().zip(&said.params) {
            self.set(&format!("http.auth.oauth2.params.{name}"), value, Some(key.place));
        }
        let place = place_of(said.client_auth.as_ref());
        self.set("http.auth.oauth2.client_auth", is.client_auth, place);
    }

    pub(super) fn http_rules(&mut self, is: &HttpSpec, said: &RawHttp) {
        let rules = &said.rules;
        if let Some(given) = &rules.headers_match {
            let shown = header_rules(&is.headers_match, Missing::Fail);
            self.set("http.headers_match", shown, Some(given.place));
        }
        if let Some(given) = &rules.headers_lack {
            let shown = header_rules(&is.headers_lack, Missing::Ok);
            self.set("http.headers_lack", shown, Some(given.place));
        }
        if let Some(given) = &rules.json {
            let shown = is.json.iter().map(|rule| match &rule.wanted {
                JsonWanted::Equals(value) => format!("{} equals {value}", rule.path),
                JsonWanted::Matches(pattern) => format!("{} matches '{pattern}'", rule.path),
                JsonWanted::Exists(true) => format!("{} exists", rule.path),
                JsonWanted::Exists(false) => format!("{} is absent", rule.path),
            });
            self.set("http.json", shown.collect::<Vec<_>>().join(", "), Some(given.place));
        }
    }

    pub(super) fn http_way(&mut self, is: &HttpSpec, said: &RawHttp) {
        let way = &said.way;
        if let (Some(versions), Some(given)) = (is.versions, &way.versions) {
            let shown: Vec<_> = versions.iter().map(crate::model::HttpVersion::as_str).collect();
            self.set("http.versions", shown.join(", "), Some(given.place));
        }
        if let (Some(encrypted), Some(given)) = (is.encrypted, &way.encrypted) {
            self.set("http.encrypted", encrypted, Some(given.place));
        }
        if let Some(given) = &way.decompress {
            self.set("http.decompress", &is.decompress, Some(given.place));
        }
        if let Some(given) = &way.cookies {
            self.set("http.cookies", is.cookies, Some(given.place));
        }
        if let (Some(proxy), Some(given)) = (&is.proxy, &way.proxy) {
            self.set("http.proxy", proxy, Some(given.place));
        }
    }
}

fn header_rules(rules: &[HeaderRule], default: Missing) -> String {
    let shown = rules.iter().map(|rule| {
        let missing = match rule.missing {
            missing if missing == default => String::new(),
            missing => format!(" (missing: {missing})"),
        };
        format!("{} '{}'{missing}", rule.name, rule.pattern)
    });
    shown.collect::<Vec<_>>().join(", ")
}
