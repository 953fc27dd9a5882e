//! How promises stand, as a table below that of states.
//!
//! The words are those of the page; only promises are shown, each in the scope it was made for.
//!
//! It asks nobody.

use crate::cli::render::{FAINT, Paper, tame};
use crate::web::api::SloForm;
use crate::web::reading::promise::{
    availability, ends, firing, left, promised, seen, state, status,
};
use std::fmt::Write as _;

const INFALLIBLE: &str = "writing to a string cannot fail";

/// One line for each promise; nothing if there is none.
pub(super) fn table(slos: &[SloForm], paper: Paper) -> String {
    let mut out = String::new();
    if slos.is_empty() {
        return out;
    }
    let cells = |form: &SloForm| {
        let service = tame(&form.standing.service);
        [service, tame(&promised(form)), status(form).to_owned(), availability(form)]
    };
    let rows: Vec<_> = slos.iter().map(cells).collect();
    let names = ["SERVICE", "PROMISE", "STATUS", "SO FAR"];
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0).max(names[column].len())
    };
    let [service, promise, word, share] = [0, 1, 2, 3].map(width);
    // The sign before the word of a status.
    let word = word + 2;
    let [first, second, third, fourth] = names;
    writeln!(
        out,
        "\n{FAINT}{first:<service$}  {second:<promise$}  {third:<word$}  {fourth:>share$}  BUDGET{FAINT:#}"
    )
    .expect(INFALLIBLE);
    for (row, form) in rows.iter().zip(slos) {
        let [name, promised, status, so_far] = row;
        let (sign, style) = paper.state(state(form));
        let status = format!("{sign} {status}");
        writeln!(
            out,
            "{name:<service$}  {promised:<promise$}  {style}{status:<word$}{style:#}  {so_far:>share$}  {}",
            budget(form)
        )
        .expect(INFALLIBLE);
    }
    out
}

/// `21m36s of 43m12s left, only 38 % seen; page_fast fires`.
fn budget(form: &SloForm) -> String {
    let left = left(form).or_else(|| Some("all of it is maintenance".to_owned()));
    let parts: Vec<_> = [left, seen(form), ends(form)].into_iter().flatten().collect();
    let mut text = parts.join(", ");
    for tier in firing(form) {
        let verb = if form.standing.suppressed { "is kept silent" } else { "fires" };
        write!(text, "; {} {verb}", tame(tier)).expect(INFALLIBLE);
    }
    text
}
