//! Numbers with their nouns, for people.
//!
//! Regular plurals only: an `s` behind the noun.
//!
//! It does not shorten large numbers.

/// `1 check`, `2 checks`, `0 checks`.
pub fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
