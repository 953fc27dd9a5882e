//! Rules on values in the JSON of a body.
//!
//! The body is read into a tree whose memory is counted while it grows: a body that is small as text can be large as a
//! tree, and a probe may hold no more than its `body_limit` and a little. Depth is bounded by `serde_json` (128), the cost of
//! a path by the configuration. Objects keep the last of several values of one name.
//!
//! It reads nothing from the network.

use crate::model::{HttpSpec, JsonRule, JsonScalar, JsonWanted, Reason};
use crate::net::Failure;
use crate::probe::expect::excerpt;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

/// Bytes that a tree may need beside what `body_limit` leaves; the rest of half a mebibyte is the connection's.
const HEADROOM: u64 = 192 * 1024;
/// Bytes of an element in a list, whose room grows by doubling and is copied when it does.
const ELEMENT: u64 = 3 * size_of::<Value>() as u64;
/// Bytes of a name with its value in an object, whose nodes may be half empty.
const ENTRY: u64 = 2 * (size_of::<Value>() + size_of::<String>()) as u64 + 16;
/// Bytes of an object with a single name: a whole node.
const OBJECT: u64 = 12 * (size_of::<Value>() + size_of::<String>()) as u64;
/// Bytes that the allocator may add to a text.
const TEXT: u64 = 16;

/// Judges the body by every rule of `spec.json`; the first that fails is named.
pub(super) fn judge(spec: &HttpSpec, body: &[u8]) -> Result<(), Failure> {
    if spec.json.is_empty() {
        return Ok(());
    }
    let tree = read(body, spec.body_limit)?;
    spec.json.iter().try_for_each(|rule| one(rule, &tree))
}

fn read(body: &[u8], limit: u64) -> Result<Value, Failure> {
    let held = body.len() as u64 + scratch(body);
    // Before it is read: what undoing escapes needs is taken before any value is counted.
    let left = (limit + HEADROOM).checked_sub(held).ok_or_else(|| Error::custom(TOO_LARGE));
    let tree = left.and_then(|left| {
        let left = Cell::new(left);
        let mut reader = serde_json::Deserializer::from_slice(body);
        let tree = Tree(&left).deserialize(&mut reader)?;
        reader.end().map(|()| tree)
    });
    tree.map_err(|error: serde_json::Error| {
        let said = if error.to_string().starts_with(TOO_LARGE) {
            format!(
                "the JSON of the body ({} bytes) has too many values to look into within `body_limit` ({limit} bytes)",
                body.len()
            )
        } else {
            format!("the body is not JSON: {error} (`json`)")
        };
        Failure::bad(Reason::Json, said)
    })
}

/// Bytes that the reader needs to undo the escapes of the longest text that has any; its room grows by doubling.
fn scratch(body: &[u8]) -> u64 {
    let (mut longest, mut length, mut escapes, mut inside) = (0, 0, false, false);
    let mut rest = body.iter();
    while let Some(each) = rest.next() {
        match each {
            b'"' if inside => {
                longest = longest.max(if escapes { length } else { 0 });
                inside = false;
            }
            b'"' => (length, escapes, inside) = (0, false, true),
            b'\\' if inside => {
                escapes = true;
                length += 2;
                rest.next();
            }
            _ => length += 1,
        }
    }
    if inside && escapes {
        // Without an end it is undone as far as it goes.
        longest = longest.max(length);
    }
    2 * longest
}

fn one(rule: &JsonRule, tree: &Value) -> Result<(), Failure> {
    let found = rule.path.compiled().query(tree).all();
    let failed =
        |said: String| Err(Failure::bad(Reason::Json, format!("`{}` {said} (`json`)", rule.path)));
    match (&rule.wanted, found.first()) {
        (JsonWanted::Exists(false), Some(first)) => {
            failed(format!("is in the body, as {}, and must not be", shown(first)))
        }
        (JsonWanted::Exists(false), None) | (JsonWanted::Exists(true), Some(_)) => Ok(()),
        (_, None) => failed("leads to nothing in the body".to_owned()),
        (JsonWanted::Equals(wanted), _) => match found.iter().find(|each| !equal(wanted, each)) {
            Some(other) => failed(format!("is {}, expected {wanted}", shown(other))),
            None => Ok(()),
        },
        (JsonWanted::Matches(pattern), _) => {
            let unlike =
                |each: &&&Value| !text(each).is_some_and(|text| pattern.is_match(text.as_bytes()));
            match found.iter().find(unlike) {
                Some(other) => {
                    failed(format!("is {}, which does not match `{pattern}`", shown(other)))
                }
                None => Ok(()),
            }
        }
    }
}

fn equal(wanted: &JsonScalar, value: &Value) -> bool {
    match (wanted, value) {
        (JsonScalar::Text(wanted), Value::String(text)) => wanted == text,
        (JsonScalar::Bool(wanted), Value::Bool(value)) => wanted == value,
        (JsonScalar::Integer(wanted), Value::Number(number)) =>
        {
            #[expect(
                clippy::cast_precision_loss,
                reason = "as JSON compares a float with a number"
            )]
            match number.as_i64() {
                Some(number) => number == *wanted,
                None => number.is_f64() && number.as_f64() == Some(*wanted as f64),
            }
        }
        (JsonScalar::Float(wanted), Value::Number(number)) => number.as_f64() == Some(*wanted),
        _ => false,
    }
}

/// What a pattern is tried on; a list or an object is no text.
fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Array(_) | Value::Object(_) => None,
        scalar => Some(Cow::Owned(scalar.to_string())),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::Object(object) => format!("an object of {}", object.len()),
        Value::String(text) => format!("\"{}\"", excerpt(text.as_bytes())),
        scalar => scalar.to_string(),
    }
}

const TOO_LARGE: &str = "too many values";

/// Reads one value as long as there is room left.
struct Tree<'r>(&'r Cell<u64>);

impl Tree<'_> {
    fn take<E: Error>(&self, bytes: u64) -> Result<(), E> {
        let left = self.0.get().checked_sub(bytes).ok_or_else(|| E::custom(TOO_LARGE))?;
        self.0.set(left);
        Ok(())
    }

    fn text<E: Error>(&self, text: &str) -> Result<String, E> {
        self.take(text.len() as u64 + TEXT)?;
        Ok(text.to_owned())
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value of JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.text(text).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(Tree(self.0))? {
            self.take(ELEMENT)?;
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        self.take(OBJECT)?;
        while let Some(name) = entries.next_key_seed(Name(&self))? {
            self.take(ENTRY)?;
            object.insert(name, entries.next_value_seed(Tree(self.0))?);
        }
        Ok(Value::Object(object))
    }
}

/// Reads the name of an entry.
struct Name<'t, 'r>(&'t Tree<'r>);

impl<'de> DeserializeSeed<'de> for Name<'_, '_> {
    type Value = String;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<String, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_, '_> {
    type Value = String;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a name")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        self.0.text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_what_the_text_says() {
        let text =
            r#"{"a": [1, -2, 3.5, true, null, "x"], "b": {"c": {}}, "a b": 18446744073709551615}"#;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(read(text.as_bytes(), 1024).unwrap(), expected);
    }

    #[test]
    fn a_tree_that_grows_too_large_is_given_up() {
        let many = |element: &str, count: usize| format!("[{}1]", element.repeat(count));
        for (element, count) in [("0,", 20_000), ("{},", 2_000), ("[],", 10_000)] {
            let body = many(element, count);
            let failure = read(body.as_bytes(), body.len() as u64).unwrap_err();
            assert!(failure.said.contains("too many values"), "{}", failure.said);
            assert!(read(body.as_bytes(), 4 << 20).is_ok(), "{element}");
        }
    }

    #[test]
    fn a_long_text_with_escapes_counts_twice_more() {
        assert_eq!(scratch(br#"{"a": "plain", "b": "\"\n12", "c": 1}"#), 12);
        assert_eq!(scratch(br#"["short", "\nnever ended"#), 2 * 13);
        assert_eq!(scratch(br#""never ended, nor escaped"#), 0);
        let body = format!("\"\\n{}\"", "x".repeat(200_000));
        assert!(read(body.as_bytes(), 200_010).is_err());
        assert!(read(body.as_bytes(), 1 << 20).is_ok());
        // What has no end is undone until it is missed.
        let body = format!("\"\\n{}", "x".repeat(200_000));
        let failure = read(body.as_bytes(), 200_010).unwrap_err();
        assert!(failure.said.contains("too many values"), "{}", failure.said);
        let failure = read(body.as_bytes(), 1 << 20).unwrap_err();
        assert!(failure.said.contains("EOF while parsing a string"), "{}", failure.said);
    }

    #[test]
    fn nesting_without_end_and_words_of_the_library_are_only_json() {
        let deep = "[".repeat(100_000);
        assert!(read(deep.as_bytes(), 1 << 20).unwrap_err().said.contains("recursion limit"));
        let raw = r#"{"$serde_json::private::RawValue": "[[["}"#;
        assert!(read(raw.as_bytes(), 1 << 20).unwrap().is_object());
    }

    #[test]
    fn a_number_is_equal_however_it_is_written() {
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert!(equal(&JsonScalar::Integer(1), &value("1.0")));
        assert!(equal(&JsonScalar::Float(1.0), &value("1")));
        assert!(!equal(&JsonScalar::Integer(1), &value("\"1\"")));
        assert!(!equal(&JsonScalar::Integer(-1), &value("18446744073709551615")));
        assert!(!equal(&JsonScalar::Text("1".into()), &value("1")));
    }
}
