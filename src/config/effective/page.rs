//! A page of keys, values and origins in columns.
//!
//! Columns are as wide as the widest entry of their block, up to a limit beyond which a value simply pushes its origin
//! to the right.
//!
//! It does not know what the values mean.

use crate::config::source::{At, Place, Sources};
use std::fmt::{Display, Write as _};

/// Values longer than this do not widen the column; characters.
const WIDEST: usize = 44;

/// A list as one value.
pub(super) fn words<T: Display>(list: &[At<T>]) -> String {
    list.iter().map(|each| each.value.to_string()).collect::<Vec<_>>().join(", ")
}

/// The text as far as it is written.
pub(super) struct Page<'a> {
    sources: &'a Sources,
    text: String,
    block: Vec<(String, String, String)>,
}

impl<'a> Page<'a> {
    pub(super) fn new(sources: &'a Sources) -> Self {
        Self { sources, text: String::new(), block: Vec::new() }
    }

    /// Starts a block.
    pub(super) fn heading(&mut self, heading: &str) {
        self.flush();
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(heading);
        self.text.push('\n');
    }

    /// One value: `table` said it at `place`, or nobody did.
    pub(super) fn set(
        &mut self,
        key: &str,
        value: impl Display,
        table: &str,
        place: Option<Place>,
    ) {
        let origin = match place {
            None => "default".to_owned(),
            Some(place) => format!("{table} ({})", self.sources.file_and_line(place)),
        };
        let value = value.to_string().replace(char::is_control, " ");
        self.block.push((key.to_owned(), value, origin));
    }

    pub(super) fn into_text(mut self) -> String {
        self.flush();
        self.text
    }

    fn flush(&mut self) {
        let width = |of: fn(&(String, String, String)) -> &str, most: usize| {
            self.block
                .iter()
                .map(|row| of(row).chars().count())
                .filter(|width| *width <= most)
                .max()
        };
        let keys = width(|row| &row.0, usize::MAX).unwrap_or(0);
        let values = width(|row| &row.1, WIDEST).unwrap_or(0);
        for (key, value, origin) in self.block.drain(..) {
            writeln!(self.text, "  {key:keys$}  {value:values$}  {origin}")
                .expect("writing to a string cannot fail");
        }
    }
}
