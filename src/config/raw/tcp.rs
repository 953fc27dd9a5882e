//! `[probe.NAME.tcp]`: a connection and the dialogue on it.
//!
//! A step says one thing: expect, send, or ask for TLS. TLS is asked for once.
//!
//! It does not fill in placeholders.

use super::probe::read_pattern;
use super::{RawStep, RawTcp};
use crate::config::decode::{Section, bad_word, section};
use crate::config::problem::{Kind, Problem};
use crate::config::source::At;
use crate::model::StartTls;

pub(super) fn read_tcp(table: &Section<'_>) -> Option<RawTcp> {
    let address = table.template("address");
    if !table.has("address") {
        table.missing("address", "`address = \"{host}:443\"`");
    }
    let dialogue = table.list("dialogue", "a list of steps", |context, node, path| {
        section(context, node, node.place, path.to_owned(), read_step).flatten()
    });
    if let Some(dialogue) = &dialogue {
        second_starttls(table, &dialogue.value);
    }
    Some(RawTcp { address: address?, dialogue })
}

fn second_starttls(table: &Section<'_>, steps: &[RawStep]) {
    let mut places = steps.iter().filter_map(|step| match step {
        RawStep::StartTls(words) => Some(words.place),
        _ => None,
    });
    let Some(first) = places.next() else { return };
    for again in places {
        let said = "TLS is already there";
        let problem =
            Problem::new(Kind::StarttlsMeaningless, table.path_of("dialogue"), again, said)
                .label("asked for again here")
                .also(first, "TLS starts here")
                .hint("leave out the second `starttls`");
        table.report(problem);
    }
}

/// Protocols whose words for TLS are not built yet.
const LATER_STARTTLS: [&str; 7] = ["imap", "pop3", "ftp", "ldap", "postgres", "mysql", "xmpp"];

fn read_step(step: &Section<'_>) -> Option<RawStep> {
    step.exclusive(&["expect", "send", "starttls"]);
    let expect = step
        .get("expect")
        .and_then(|node| read_pattern(step.context, node, &step.path_of("expect")));
    let send = step.template("send");
    let within = step.duration("within");
    let starttls = step.string("starttls");
    let ways = ["expect", "send", "starttls"];
    let given = ways.iter().filter(|way| step.has(way)).count();
    if given == 0 || (step.has("within") && !step.has("expect")) {
        let said = if given == 0 {
            "a step that neither says nor expects anything"
        } else {
            "`within` without `expect`"
        };
        let problem = Problem::new(Kind::BadStep, step.path.clone(), step.place, said)
            .expected("`{ expect = …, within = … }`, `{ send = … }` or `{ starttls = … }`");
        step.report(problem);
    }
    if given != 1 {
        return None;
    }
    if let Some(words) = starttls {
        return read_starttls(step, &words).map(RawStep::StartTls);
    }
    match (expect, send) {
        (Some(pattern), _) => Some(RawStep::Expect { pattern, within }),
        (None, send) => send.map(RawStep::Send),
    }
}

fn read_starttls(step: &Section<'_>, words: &At<String>) -> Option<At<StartTls>> {
    let path = step.path_of("starttls");
    if let Some(known) = StartTls::from_word(&words.value) {
        return Some(At::new(known, words.place));
    }
    if LATER_STARTTLS.contains(&&*words.value) {
        let said = format!("`starttls = \"{}\"` is not supported yet", words.value);
        let problem = Problem::new(Kind::NotSupported, path, words.place, said);
        step.report(problem.hint("`smtp` is built so far"));
    } else {
        bad_word(step.context, words, &path, &["smtp"]);
    }
    None
}
