//! Modules of the `http` prober, and `tls_config`, which all share.
//!
//! Each key of the module is looked at once; what is not listed here is said to have no equal.
//!
//! It judges no value: the configuration's reader does.

use super::draft::{Draft, list, literal, quoted};
use super::yaml::Yaml;

pub(super) fn http(draft: &mut Draft, table: &Yaml) {
    draft.set("http", "url", quoted("{url}"));
    for (key, value) in table.map().unwrap_or_default() {
        let texts = value.texts();
        match key.as_str() {
            "valid_status_codes" => status(draft, &texts),
            "valid_http_versions" => versions(draft, &texts),
            "method" => draft.set("http", "method", quoted(&value.text())),
            "headers" => headers(draft, value),
            "body" => draft.set("http", "body", literal(&value.text())),
            "body_file" => draft.set("http", "body_file", quoted(&value.text())),
            "body_size_limit" => body_limit(draft, value),
            "no_follow_redirects" if value.is_true() => draft.set("http", "redirects", "false"),
            "follow_redirects" if !value.is_true() => draft.set("http", "redirects", "false"),
            "fail_if_ssl" if value.is_true() => draft.set("http", "encrypted", "false"),
            "fail_if_not_ssl" if value.is_true() => draft.set("http", "encrypted", "true"),
            // What they say when they are not what is asked about above is so anyway; families are looked at together.
            "enable_http2" if !value.is_true() => {
                draft.lost(key, value, "`versions` says which are spoken");
            }
            "enable_http2"
            | "no_follow_redirects"
            | "follow_redirects"
            | "fail_if_ssl"
            | "fail_if_not_ssl"
            | "preferred_ip_protocol"
            | "ip_protocol_fallback" => {}
            "fail_if_body_matches_regexp" => {
                draft.set("http", "body_lacks", list(&texts, literal));
            }
            "fail_if_body_not_matches_regexp" => {
                draft.set("http", "body_matches", list(&texts, literal));
            }
            "fail_if_header_matches" => rules(draft, "headers_lack", value),
            "fail_if_header_not_matches" => rules(draft, "headers_match", value),
            "compression" => decompress(draft, &value.text()),
            "basic_auth" => basic(draft, value),
            "bearer_token_file" => bearer(draft, &value.text()),
            "authorization" => authorization(draft, value),
            "proxy_url" => {
                draft.set("http", "proxy", literal(&value.text()));
            }
            "skip_resolve_phase_with_proxy" => {
                draft.lost(key, value, "see `proxy` in the README for who resolves the name");
            }
            "tls_config" => tls(draft, value),
            _ => draft.lost(key, value, "there is nothing like it"),
        }
    }
    ip(draft, table);
}

fn status(draft: &mut Draft, codes: &[String]) {
    if !codes.is_empty() {
        draft.set("http", "status", list(codes, ToOwned::to_owned));
    }
}

fn decompress(draft: &mut Draft, coding: &str) {
    if !coding.is_empty() {
        draft.set("http", "decompress", list(&[coding.to_owned()], quoted));
    }
}

/// Which family of addresses; shared by all probers.
pub(super) fn ip(draft: &mut Draft, table: &Yaml) {
    let preferred = table.get("preferred_ip_protocol").map(Yaml::text).unwrap_or_default();
    let falls_back = table.get("ip_protocol_fallback").is_none_or(Yaml::is_true);
    match (preferred.as_str(), falls_back) {
        ("ip4", false) => draft.set("", "ip", quoted("4")),
        ("ip6" | "", false) => draft.set("", "ip", quoted("6")),
        ("ip6", true) => draft.comment("", "`preferred_ip_protocol: ip6`: here IPv4 goes first"),
        _ => {}
    }
}

fn versions(draft: &mut Draft, texts: &[String]) {
    let short: Vec<_> = texts
        .iter()
        .map(|text| text.trim_start_matches("HTTP/").trim_end_matches(".0"))
        // `HTTP/1.0` is the one whose zero is said.
        .map(|text| if text == "1" { "1.0".to_owned() } else { text.to_owned() })
        .collect();
    if !short.is_empty() {
        draft.set("http", "versions", list(&short, quoted));
    }
}

fn headers(draft: &mut Draft, value: &Yaml) {
    let pairs = value.map().unwrap_or_default();
    let pairs = pairs.iter().map(|(name, value)| {
        format!("{} = {}", quoted(&name.to_ascii_lowercase()), literal(&value.text()))
    });
    let pairs: Vec<_> = pairs.collect();
    if !pairs.is_empty() {
        draft.set("http", "headers", format!("{{ {} }}", pairs.join(", ")));
    }
}

fn body_limit(draft: &mut Draft, value: &Yaml) {
    let text = value.text();
    let number = text.trim_end_matches(char::is_alphabetic);
    let unit = match text[number.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => "B",
        "KB" | "KIB" => "KiB",
        "MB" | "MIB" => "MiB",
        "GB" | "GIB" => "GiB",
        _ => return draft.lost("body_size_limit", value, "the unit is not known here"),
    };
    draft.set("http", "body_limit", quoted(&format!("{number}{unit}")));
}

fn rules(draft: &mut Draft, key: &str, value: &Yaml) {
    let rules = value.list().iter().map(|rule| {
        let text = |key: &str| rule.get(key).map(Yaml::text).unwrap_or_default();
        let allowed = rule.get("allow_missing").is_some_and(Yaml::is_true);
        let missing = if allowed { "ok" } else { "fail" };
        format!(
            "{{ name = {}, matches = {}, missing = \"{missing}\" }}",
            quoted(&text("header").to_ascii_lowercase()),
            literal(&text("regexp"))
        )
    });
    let rules: Vec<_> = rules.collect();
    draft.set("http", key, format!("[{}]", rules.join(", ")));
}

fn basic(draft: &mut Draft, value: &Yaml) {
    let user = value.get("username").map(Yaml::text).unwrap_or_default();
    let file = value.get("password_file").map(Yaml::text);
    if file.is_none() {
        draft.comment("http", "the password stood in the file; write it into this one instead");
    }
    let file = file.unwrap_or_else(|| "password.secret".to_owned());
    let password = format!("{{ file = {} }}", quoted(&file));
    let user = quoted(&user);
    let auth = format!("{{ basic = {{ user = {user}, password = {password} }} }}");
    draft.set("http", "auth", auth);
}

fn bearer(draft: &mut Draft, file: &str) {
    draft.set("http", "auth", format!("{{ bearer = {{ file = {} }} }}", quoted(file)));
}

fn authorization(draft: &mut Draft, value: &Yaml) {
    let kind = value.get("type").map_or_else(|| "Bearer".to_owned(), Yaml::text);
    match value.get("credentials_file").map(Yaml::text) {
        Some(file) if kind.eq_ignore_ascii_case("bearer") => bearer(draft, &file),
        None if kind.eq_ignore_ascii_case("bearer") => {
            draft.comment("http", "the token stood in the file; write it into this one instead");
            bearer(draft, "token.secret");
        }
        _ => draft.lost(
            "authorization",
            value,
            "only `Bearer` has an equal; a header can be a secret",
        ),
    }
}

/// `tls_config`.
pub(super) fn tls(draft: &mut Draft, table: &Yaml) {
    for (key, value) in table.map().unwrap_or_default() {
        let text = quoted(&value.text());
        match key.as_str() {
            "ca_file" => draft.set("tls", "ca", text),
            "cert_file" => draft.set("tls", "cert", text),
            "key_file" => draft.set("tls", "key", text),
            "server_name" => draft.set("tls", "server_name", text),
            "insecure_skip_verify" if value.is_true() => draft.set("tls", "verify", "false"),
            "insecure_skip_verify" => {}
            "min_version" => match value.text().as_str() {
                "TLS12" => draft.set("tls", "min_version", quoted("1.2")),
                "TLS13" => draft.set("tls", "min_version", quoted("1.3")),
                _ => draft.lost(key, value, "TLS before 1.2 is not spoken here"),
            },
            _ => draft.lost(key, value, "there is nothing like it"),
        }
    }
}
