//! YAML as a plain value, with the order of its keys.
//!
//! Scalars keep a text, since Prometheus takes a bare number where it wants words. Size, depth and aliases are bounded.
//!
//! It does not know what keys mean.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Values at most, those that aliases repeat included.
const VALUES_AT_MOST: usize = 500_000;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Yaml {
    /// Nothing.
    Null,
    /// A scalar as it would be written.
    Text(String),
    /// `true` or `false`.
    Flag(bool),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.map()?.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) fn map(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Map(map) => Some(map),
            Self::Null => Some(&[]),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// A scalar's text; anything else on one line, for a comment.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) => text.clone(),
            Self::Flag(flag) => flag.to_string(),
            Self::List(list) => {
                format!("[{}]", list.iter().map(Self::text).collect::<Vec<_>>().join(", "))
            }
            Self::Map(map) => {
                let pairs = map.iter().map(|(key, value)| format!("{key}: {}", value.text()));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
            }
        }
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.list().iter().map(Self::text).collect()
    }

    pub(super) fn is_true(&self) -> bool {
        *self == Self::Flag(true)
    }
}

/// The value that `text` is; JSON is YAML too. An error is one sentence.
pub(super) fn read(text: &str) -> Result<Yaml, String> {
    let budget = serde_saphyr::budget! {
        max_nodes: VALUES_AT_MOST,
        max_events: 2 * VALUES_AT_MOST,
        max_documents: 1,
        max_inclusion_depth: 0,
    };
    let options = serde_saphyr::options! { budget: budget };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let place =
            error.location().map(|at| format!(" (line {}, column {})", at.line(), at.column()));
        let said = error.without_snippet().to_string();
        format!("no YAML: {}{}", said.lines().next().unwrap_or_default(), place.unwrap_or_default())
    })
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Yaml;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_none<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Yaml, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Yaml, E> {
        Ok(Yaml::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Yaml, E> {
        Ok(Yaml::Text(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Yaml, E> {
        Ok(Yaml::Text(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Yaml, E> {
        Ok(Yaml::Text(number.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Yaml, E> {
        Ok(Yaml::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Yaml, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = from.next_element()? {
            list.push(value);
        }
        Ok(Yaml::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Yaml, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = from.next_entry::<Yaml, Yaml>()? {
            map.push((key.text(), value));
        }
        Ok(Yaml::Map(map))
    }
}
