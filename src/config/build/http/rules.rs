//! Rules on an HTTP answer: patterns compiled, texts filled in.
//!
//! What is the same for all endpoints was compiled when the file was read; here comes what has placeholders.
//!
//! It judges nothing.

use crate::config::build::{Builder, Job};
use crate::config::raw::{RawJsonWanted, RawRules};
use crate::config::template::Position;
use crate::model::{HeaderRule, JsonRule, JsonScalar, JsonWanted, Missing};

impl Builder<'_> {
    /// `headers_match`, where a missing field fails unless the rule says otherwise, or `headers_lack`, where it does not.
    pub(super) fn header_rules(
        &mut self,
        job: &mut Job<'_, '_>,
        wanted: bool,
        raw: &RawRules,
    ) -> Option<Box<[HeaderRule]>> {
        let (key, list, default) = if wanted {
            ("http.headers_match", &raw.headers_match, Missing::Fail)
        } else {
            ("http.headers_lack", &raw.headers_lack, Missing::Ok)
        };
        let raw = list.as_ref().map_or(&[][..], |list| &list.value);
        let rules = raw.iter().enumerate().map(|(index, rule)| {
            let key = format!("{key}[{index}].matches");
            Some(HeaderRule {
                name: rule.name.clone(),
                pattern: self.pattern(job, &key, &rule.matches)?,
                missing: rule.missing.unwrap_or(default),
            })
        });
        rules.collect()
    }

    /// Rules on values in JSON.
    pub(super) fn json_rules(
        &mut self,
        job: &mut Job<'_, '_>,
        raw: &RawRules,
    ) -> Option<Box<[JsonRule]>> {
        let raw = raw.json.as_ref().map_or(&[][..], |list| &list.value);
        let rules = raw.iter().enumerate().map(|(index, rule)| {
            let wanted = match &rule.wanted {
                RawJsonWanted::Scalar(value) => JsonWanted::Equals(value.clone()),
                RawJsonWanted::Text(template) => {
                    let key = format!("http.json[{index}].equals");
                    let text = job.fill(&key, template, Position::Plain)?;
                    JsonWanted::Equals(JsonScalar::Text(text))
                }
                RawJsonWanted::Matches(template) => {
                    let key = format!("http.json[{index}].matches");
                    JsonWanted::Matches(self.pattern(job, &key, template)?)
                }
                RawJsonWanted::Exists(wanted) => JsonWanted::Exists(*wanted),
            };
            Some(JsonRule { path: rule.path.clone(), wanted })
        });
        rules.collect()
    }
}
