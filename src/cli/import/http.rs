//! Modules of the `http` prober, and `tls_config`, which all share.
//!
//! Each key of the module is looked at once; what is not listed here is said to have no equal.
//!
//! It judges no value: the configuration's reader does.

use super::draft::{Draft, is_secret, list, literal, plain, quoted, without_users};
use super::yaml::Yaml;

pub(super) fn http(draft: &mut Draft, table: &Yaml) {
    draft.set("http", "url", quoted("{url}"));
    for (key, value) in table.map().unwrap_or_default() {
        let texts = value.texts();
        match key.as_str() {
            "valid_status_codes" => status(draft, &texts),
            "valid_http_versions" => versions(draft, &texts),
            "method" => draft.set("http", "method", quoted(&value.text())),
            "accept_any_response" if value.is_true() => {
                draft.set("http", "status", list(&["100-599".to_owned()], quoted));
            }
            "headers" => headers(draft, value, table.get("compression").is_some_and(is_asked_for)),
            "body" => draft.set("http", "body", literal(&value.text())),
            "body_file" => draft.set("http", "body_file", quoted(&value.text())),
            "body_size_limit" => body_limit(draft, value),
            "no_follow_redirects" if value.is_true() => draft.set("http", "redirects", "false"),
            "follow_redirects" if !value.is_true() => draft.set("http", "redirects", "false"),
            "fail_if_ssl" if value.is_true() => draft.set("http", "encrypted", "false"),
            "fail_if_not_ssl" if value.is_true() => draft.set("http", "encrypted", "true"),
            // What they say when they are not what is asked about above is so anyway; families are looked at together.
            "enable_http2" if !value.is_true() && table.get("valid_http_versions").is_none() => {
                draft.set("http", "versions", list(&["1.0".to_owned(), "1.1".to_owned()], quoted));
            }
            "enable_http3" | "use_http3" if !value.is_true() => {}
            "enable_http3" | "use_http3" => draft.lost(key, value, "HTTP/3 is not spoken here"),
            "enable_http2"
            | "accept_any_response"
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
            "bearer_token_file" => bearer(draft, Some(value.text())),
            "bearer_token" => bearer(draft, None),
            "authorization" => authorization(draft, value),
            "oauth2" => oauth2(draft, value),
            "http_headers" => more_headers(draft, value),
            "proxy_url" => proxy(draft, value),
            "proxy_connect_header" => {
                draft.lost(key, value, "no headers of one's own are given to proxies here");
            }
            "fail_if_body_json_matches_cel" | "fail_if_body_json_not_matches_cel" => {
                draft.lost(key, value, "write `json` rules (RFC 9535 paths) instead");
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
    if !codes.is_empty() && !draft.has("http", "status") {
        draft.set("http", "status", list(codes, ToOwned::to_owned));
    }
}

fn decompress(draft: &mut Draft, coding: &str) {
    if !coding.is_empty() {
        draft.set("http", "decompress", list(&[coding.to_owned()], quoted));
    }
}

/// Whether `decompress` knows this coding, and so asks for it.
fn is_asked_for(coding: &Yaml) -> bool {
    matches!(coding.text().as_str(), "gzip" | "deflate")
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

fn headers(draft: &mut Draft, value: &Yaml, decompresses: bool) {
    for (name, value) in value.map().unwrap_or_default() {
        if decompresses && name.eq_ignore_ascii_case("accept-encoding") {
            draft.comment("http", "`decompress` asks for its coding, so no header does");
            continue;
        }
        header(draft, name, Some(value.text()), None);
    }
}

/// One header; without a text it is a secret, and perhaps in a file already.
fn header(draft: &mut Draft, name: &str, text: Option<String>, file: Option<String>) {
    const HEADERS: &str = "http.headers";
    let name = name.to_ascii_lowercase();
    if draft.has(HEADERS, &name) {
        draft.comment(HEADERS, format!("`{name}` is there twice"));
        return;
    }
    match text {
        Some(text) if !is_secret(&name) => draft.set(HEADERS, &name, literal(&text)),
        _ => {
            let what = plain(&name);
            let value = draft.secret(HEADERS, &what, file);
            draft.set(HEADERS, &name, value);
        }
    }
}

/// `http_headers`: values, secrets and files with either.
fn more_headers(draft: &mut Draft, value: &Yaml) {
    for (name, said) in value.map().unwrap_or_default() {
        let first = |key: &str| said.get(key).and_then(|list| list.list().first()).map(Yaml::text);
        let (text, secret, file) = (first("values"), first("secrets"), first("files"));
        let count: usize =
            said.map().unwrap_or_default().iter().map(|(_, list)| list.list().len()).sum();
        if count > 1 {
            draft.comment(
                "http",
                format!("`{name}` has {count} values there, of which one is sent here"),
            );
        }
        match (text, secret, file) {
            (None, None, None) => draft.lost("http_headers", value, "it says no value"),
            (Some(text), ..) => header(draft, name, Some(text), None),
            (None, _, file) => header(draft, name, None, file),
        }
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
    let text = |key: &str| value.get(key).map(Yaml::text);
    if let Some(file) = text("username_file") {
        draft.comment("http", format!("the user is in `{file}`: write it into `user`"));
    }
    let password = draft.secret("http", "password", text("password_file"));
    let user = quoted(&text("username").unwrap_or_else(|| "user".to_owned()));
    draft.set("http", "auth", format!("{{ basic = {{ user = {user}, password = {password} }} }}"));
}

fn bearer(draft: &mut Draft, file: Option<String>) {
    let token = draft.secret("http", "token", file);
    draft.set("http", "auth", format!("{{ bearer = {token} }}"));
}

fn authorization(draft: &mut Draft, value: &Yaml) {
    let kind = value.get("type").map_or_else(|| "Bearer".to_owned(), Yaml::text);
    if kind.eq_ignore_ascii_case("bearer") {
        bearer(draft, value.get("credentials_file").map(Yaml::text));
        return;
    }
    draft.comment("http", format!("`authorization` is of the type `{kind}`: the file has it and the credentials, as they are sent"));
    header(draft, "authorization", None, None);
}

fn oauth2(draft: &mut Draft, value: &Yaml) {
    let text = |key: &str| value.get(key).map(Yaml::text);
    let mut said = Vec::new();
    for key in ["token_url", "client_id"] {
        said.extend(text(key).map(|text| format!("{key} = {}", literal(&text))));
    }
    let secret = draft.secret("http", "client_secret", text("client_secret_file"));
    said.push(format!("client_secret = {secret}"));
    let mut params = Vec::new();
    for (key, value) in value.map().unwrap_or_default() {
        match key.as_str() {
            "token_url" | "client_id" | "client_secret" | "client_secret_file" => {}
            "scopes" => said.push(format!("scopes = {}", list(&value.texts(), quoted))),
            "endpoint_params" => {
                for (name, value) in value.map().unwrap_or_default() {
                    if is_secret(name) {
                        draft.lost(name, value, "a secret cannot be one of `params`");
                    } else if name != "grant_type" || value.text() != "client_credentials" {
                        params.push(format!("{} = {}", quoted(name), literal(&value.text())));
                    }
                }
            }
            "tls_config" => {
                draft.lost(key, value, "the roots of the probe hold for the token's server too");
            }
            _ => draft.lost(key, value, "there is nothing like it in `oauth2`"),
        }
    }
    if !params.is_empty() {
        said.push(format!("params = {{ {} }}", params.join(", ")));
    }
    draft.set("http", "auth", format!("{{ oauth2 = {{ {} }} }}", said.join(", ")));
}

fn proxy(draft: &mut Draft, value: &Yaml) {
    let url = value.text();
    if without_users(&url) == url {
        draft.set("http", "proxy", literal(&url));
    } else {
        let shown = Yaml::Text(without_users(&url));
        draft.lost("proxy_url", &shown, "no credentials are given to proxies here");
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
            "ca" | "cert" | "key" => {
                let why = format!("write it into a file, and its path into `{key}`");
                draft.lost(
                    &format!("{key} (in the text)"),
                    &Yaml::Text("(not shown)".into()),
                    &why,
                );
            }
            _ => draft.lost(key, value, "there is nothing like it"),
        }
    }
}
