//! A TOML file as a tree in which every key and value knows its place.
//!
//! The tree owns its text, keeps tables in the order of the file, and comes together with every syntax error of the
//! file: reading goes on after an error with what could be understood.
//!
//! It does not know which keys exist.

use super::source::{At, Place, place};
use toml::de::{DeTable, DeValue};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

/// What TOML can say.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    /// As it was written, without underscores: exactness is the reader's to judge.
    Float(String),
    Bool(bool),
    DateTime(String),
    List(Vec<Node>),
    Table(Table),
}

impl Value {
    /// With its article, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Bool(_) => "a boolean",
            Self::DateTime(_) => "a date-time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Keys and values in the order of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) entries: Vec<(At<String>, Node)>,
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|(name, _)| name.value == key).map(|(_, node)| node)
    }

    pub(super) fn key(&self, key: &str) -> Option<&At<String>> {
        self.entries.iter().map(|(name, _)| name).find(|name| name.value == key)
    }
}

/// What TOML said against the file.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) said: String,
    pub(super) place: Place,
}

/// The tree of `text`, and every syntax error in it.
pub(super) fn parse(file: u16, text: &str) -> (Table, Vec<SyntaxError>) {
    if let Some(at) = too_deep(text) {
        let said = format!("a key has more than {MAX_DEPTH} parts");
        return (Table::default(), vec![SyntaxError { said, place: place(file, &(at..at + 1)) }]);
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    let errors = errors
        .into_iter()
        .map(|error| {
            let range = error.span().unwrap_or(0..0);
            SyntaxError { said: error.message().to_owned(), place: place(file, &range) }
        })
        .collect();
    (convert_table(file, table.get_ref()), errors)
}

/// Dotted parts of one key; nested deeper, the tree could not be walked on a small stack.
const MAX_DEPTH: usize = 32;

/// Where a key has more dotted parts than any key has, whether its parts are quoted or not.
fn too_deep(text: &str) -> Option<usize> {
    let mut dots = 0;
    let mut quote = None;
    let mut previous = ' ';
    for (at, each) in text.char_indices() {
        match each {
            // Strings of several lines are not followed: their text has no such row of dots either.
            '\n' => (quote, dots) = (None, 0),
            '"' | '\'' if quote.is_none() => quote = Some(each),
            _ if quote == Some(each) => quote = None,
            '=' | ',' | '{' | '}' | '[' | ']' if quote.is_none() => dots = 0,
            '.' if quote.is_none() => dots = if previous == '.' { 0 } else { dots + 1 },
            _ => {}
        }
        if dots > MAX_DEPTH {
            return Some(at);
        }
        previous = each;
    }
    None
}

fn convert_table(file: u16, table: &DeTable<'_>) -> Table {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| {
            let name = At::new(key.get_ref().clone().into_owned(), place(file, &key.span()));
            let value =
                Node { value: convert(file, value.get_ref()), place: place(file, &value.span()) };
            (name, value)
        })
        .collect();
    entries.sort_by_key(|(name, _)| name.place);
    Table { entries }
}

fn convert(file: u16, value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Integer(number) => {
            // Out of range of 64 bits is out of range of every key, and saturating says so there.
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            Value::Integer(parsed.unwrap_or(if number.as_str().starts_with('-') {
                i64::MIN
            } else {
                i64::MAX
            }))
        }
        DeValue::Float(number) => Value::Float(number.as_str().to_owned()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(moment) => Value::DateTime(moment.to_string()),
        DeValue::Array(list) => Value::List(
            list.iter()
                .map(|each| Node {
                    value: convert(file, each.get_ref()),
                    place: place(file, &each.span()),
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(convert_table(file, table)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_syntax_error_is_found_and_the_rest_is_still_read() {
        let (table, errors) = parse(0, "a = \nb = 2\nc = \"x\nd = 4\n");
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert!(matches!(table.get("d").unwrap().value, Value::Integer(4)));
    }

    #[test]
    fn nesting_without_end_is_an_error_and_no_crash() {
        const DEEP: usize = 100_000;
        let dotted = format!("{}a = 1", "a.".repeat(DEEP));
        let quoted = format!("x = {{ {}a = 1 }}", "\"a\".".repeat(DEEP));
        let header = format!("[{}a]", "a.".repeat(DEEP));
        let lists = format!("a = {}", "[".repeat(DEEP));
        let tables = format!("a = {}", "{a=".repeat(DEEP));
        for text in [dotted, quoted, header, lists, tables] {
            let (_, errors) = parse(0, &text);
            assert!(!errors.is_empty(), "{}", &text[..20]);
        }
    }

    #[test]
    fn tables_keep_the_order_of_the_file() {
        let (table, _) = parse(0, "[z]\n[a]\n[m.x]\n[m]\n");
        let names: Vec<_> = table.entries.iter().map(|(name, _)| name.value.as_str()).collect();
        assert_eq!(names, ["z", "a", "m"]);
    }
}
