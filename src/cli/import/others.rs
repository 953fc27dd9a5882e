//! Modules of the probers `tcp`, `dns`, `icmp` and `grpc`.
//!
//! A dialogue looks at lines there and at what has come here, so its patterns get the flags that make `^` and `$` mean lines.
//! The words that ask for TLS are part of `starttls` here.
//!
//! It judges no value: the configuration's reader does.

use super::draft::{Draft, list, literal, quoted};
use super::http::{ip, tls};
use super::yaml::Yaml;

const NOT_BOUND: &str = "the source address is chosen by the system";

pub(super) fn tcp(draft: &mut Draft, table: &Yaml) {
    draft.set("tcp", "address", quoted("{address}"));
    let mut steps = Vec::new();
    for (key, value) in table.map().unwrap_or_default() {
        match key.as_str() {
            "query_response" => steps = dialogue(draft, value),
            "source_ip_address" => draft.lost(key, value, NOT_BOUND),
            "tls" | "tls_config" | "preferred_ip_protocol" | "ip_protocol_fallback" => {}
            _ => draft.lost(key, value, "there is nothing like it"),
        }
    }
    if !steps.is_empty() {
        draft.set("tcp", "dialogue", format!("[\n    {},\n]", steps.join(",\n    ")));
    }
    let upgrades = steps.iter().any(|step| step.contains("starttls"));
    if table.get("tls").is_some_and(Yaml::is_true) || upgrades {
        with_tls(draft, table.get("tls_config"));
    }
    ip(draft, table);
}

/// The table that asks for TLS, if only by being there.
fn with_tls(draft: &mut Draft, config: Option<&Yaml>) {
    if config.is_none_or(|config| config.get("ca_file").is_none()) {
        draft.comment("tls", "TLS with the system's roots");
    }
    if let Some(config) = config {
        tls(draft, config);
    }
}

fn dialogue(draft: &mut Draft, value: &Yaml) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    // The words of the last `send`, for `starttls`.
    let mut sent: Option<(usize, String)> = None;
    for step in value.list() {
        let text = |key: &str| step.get(key).map(Yaml::text).filter(|text| !text.is_empty());
        if let Some(pattern) = text("expect") {
            steps.push(format!("{{ expect = {} }}", literal(&format!("(?mR){pattern}"))));
        }
        if let Some(words) = text("send") {
            // There a capture is `${1}`, and a line feed is added to whatever is sent.
            let words = captures(&words);
            sent = Some((steps.len(), words.clone()));
            steps.push(format!("{{ send = {} }}", quoted(&format!("{words}\n"))));
        }
        if step.get("starttls").is_some_and(Yaml::is_true) {
            match sent.take().and_then(|(at, words)| Some((at, protocol(&words)?))) {
                Some((at, protocol)) => {
                    steps.truncate(at);
                    steps.push(format!("{{ starttls = \"{protocol}\" }}"));
                }
                None => draft.lost(
                    "starttls",
                    step,
                    "the words before it are of no protocol known here",
                ),
            }
        }
        for (key, value) in step.map().unwrap_or_default() {
            match key.as_str() {
                "expect" | "send" | "starttls" => {}
                "labels" => draft.lost(key, value, "what a pattern caught becomes no metric here"),
                "expect_bytes" => {
                    draft.lost(key, value, "`expect_hex` wants bytes, and nothing before them");
                }
                _ => draft.lost(key, value, "there is nothing like it"),
            }
        }
    }
    steps
}

/// `${1}` as it is written here; other braces are themselves.
fn captures(words: &str) -> String {
    let mut out = String::new();
    let mut rest = words;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        match after.split_once('}') {
            Some((name, after))
                if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                out.extend(["{", name, "}"]);
                rest = after;
            }
            _ => {
                out.push_str("${");
                rest = after;
            }
        }
    }
    out + rest
}

fn protocol(words: &str) -> Option<&'static str> {
    let words = words.trim().to_ascii_uppercase();
    match words.as_str() {
        "STARTTLS" => Some("smtp"),
        "STLS" => Some("pop3"),
        words if words.ends_with(" STARTTLS") => Some("imap"),
        _ => None,
    }
}

pub(super) fn dns(draft: &mut Draft, table: &Yaml) {
    draft.set("dns", "server", quoted("{server}"));
    if table.get("query_type").is_none() {
        draft.comment("dns", "`query_type` was ANY by default, which many servers refuse");
        draft.set("dns", "type", quoted("ANY"));
    }
    for (key, value) in table.map().unwrap_or_default() {
        match key.as_str() {
            "query_name" => draft.set("dns", "query", literal(&value.text())),
            "query_type" => draft.set("dns", "type", quoted(&value.text())),
            "query_class" if value.text() == "IN" => {}
            "query_class" => draft.set("dns", "class", quoted(&value.text())),
            "transport_protocol" => {
                let secure = table.get("dns_over_tls").is_some_and(Yaml::is_true);
                let transport = if secure { "tls".to_owned() } else { value.text() };
                draft.set("dns", "transport", quoted(&transport));
            }
            "recursion_desired" if !value.is_true() => draft.set("dns", "recursion", "false"),
            "valid_rcodes" => draft.set("dns", "rcode", list(&value.texts(), quoted)),
            "validate_answer_rrs" => records(draft, "answers", value),
            "validate_authority_rrs" => records(draft, "authority", value),
            "validate_additional_rrs" => records(draft, "additional", value),
            "source_ip_address" => draft.lost(key, value, NOT_BOUND),
            "tls_config" => tls(draft, value),
            "dns_over_tls"
            | "recursion_desired"
            | "preferred_ip_protocol"
            | "ip_protocol_fallback" => {}
            _ => draft.lost(key, value, "there is nothing like it"),
        }
    }
    ip(draft, table);
}

fn records(draft: &mut Draft, section: &str, value: &Yaml) {
    let mut rules = Vec::new();
    for (key, value) in value.map().unwrap_or_default() {
        let word = match key.as_str() {
            "fail_if_matches_regexp" => "none",
            "fail_if_not_matches_regexp" => "all",
            "fail_if_none_matches_regexp" => "any",
            "fail_if_all_match_regexp" => {
                draft.lost(key, value, "it does the contrary there: it fails when not all match");
                continue;
            }
            _ => {
                draft.lost(key, value, "there is nothing like it");
                continue;
            }
        };
        let texts = value.texts();
        if texts.iter().any(|text| text.contains(['\t']) || text.contains("\\t")) {
            draft.comment(
                "dns",
                "patterns are on a record's data here, without name, ttl, class and type",
            );
        }
        let data = |text: &str| {
            let last = text.rsplit('\t').next().unwrap_or(text);
            literal(last.rsplit("\\t").next().unwrap_or(last))
        };
        rules.push(format!("{word} = {}", list(&texts, data)));
    }
    if !rules.is_empty() {
        draft.set("dns", section, format!("{{ {} }}", rules.join(", ")));
    }
}

pub(super) fn icmp(draft: &mut Draft, table: &Yaml) {
    draft.set("icmp", "host", quoted("{host}"));
    for (key, value) in table.map().unwrap_or_default() {
        match key.as_str() {
            "ttl" => draft.set("icmp", "ttl", value.text()),
            "payload_size" => draft.set("icmp", "size", value.text()),
            "dont_fragment" if value.is_true() => draft.set("icmp", "dont_fragment", "true"),
            "source_ip_address" => draft.lost(key, value, NOT_BOUND),
            "dont_fragment" | "preferred_ip_protocol" | "ip_protocol_fallback" => {}
            _ => draft.lost(key, value, "there is nothing like it"),
        }
    }
    ip(draft, table);
}

pub(super) fn grpc(draft: &mut Draft, table: &Yaml) {
    draft.set("grpc", "address", quoted("{address}"));
    for (key, value) in table.map().unwrap_or_default() {
        match key.as_str() {
            "service" => draft.set("grpc", "service", literal(&value.text())),
            "tls" if value.is_true() => with_tls(draft, table.get("tls_config")),
            "tls" | "tls_config" | "preferred_ip_protocol" | "ip_protocol_fallback" => {}
            _ => draft.lost(key, value, "there is nothing like it"),
        }
    }
    // Not applied twice there, so it was IPv6 alone unless said otherwise; nobody means that.
    if table.get("ip_protocol_fallback").is_some() {
        ip(draft, table);
    }
}
