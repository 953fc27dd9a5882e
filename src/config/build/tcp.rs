//! TCP probes: from what the file says to a [`TcpSpec`].
//!
//! What a `send` repeats of an answer is settled here: a group that no pattern before has is an error. A `tls` table beside the `tcp` table means TLS from the first byte, unless the dialogue asks for it with `starttls`.
//!
//! It connects to nothing.

use super::{Builder, Job};
use crate::config::problem::{Kind, Problem};
use crate::config::raw::{RawStep, RawTcp};
use crate::config::source::At;
use crate::config::template::{Part, Template};
use crate::model::{Group, Pattern, Said, Step, TcpSpec, human_duration};
use std::time::Duration;

impl Builder<'_> {
    pub(super) fn tcp(&mut self, job: &mut Job<'_, '_>, raw: &RawTcp) -> Option<TcpSpec> {
        let (host, port) = job.address("tcp.address", &raw.address)?;
        let tls = match &job.plan.probe.tls {
            None => None,
            Some(tls) => Some(self.tls(job, Some(&tls.value))?),
        };
        let steps = raw.dialogue.as_ref().map_or(&[][..], |steps| &steps.value);
        let mut dialogue = Vec::with_capacity(steps.len());
        for (index, step) in steps.iter().enumerate() {
            dialogue.push(self.step(job, &format!("tcp.dialogue[{index}]"), step, &dialogue)?);
        }
        Some(TcpSpec { host, port, tls, dialogue })
    }

    fn step(
        &mut self,
        job: &mut Job<'_, '_>,
        key: &str,
        step: &RawStep,
        before: &[Step],
    ) -> Option<Step> {
        Some(match step {
            RawStep::Expect { pattern, within } => Step::Expect {
                within: self.within(job, key, within.as_ref()),
                pattern: self.pattern(job, &format!("{key}.expect"), pattern)?,
            },
            RawStep::ExpectBytes { bytes, within } => Step::ExpectBytes {
                within: self.within(job, key, within.as_ref()),
                bytes: bytes.value.clone().into(),
            },
            RawStep::Send(template) => {
                Step::Send(self.said(job, &format!("{key}.send"), template, before)?)
            }
            RawStep::SendBytes(bytes) => Step::Send(vec![Said::Bytes(bytes.value.clone().into())]),
            RawStep::StartTls(words) => Step::StartTls(words.value),
        })
    }

    fn within(
        &mut self,
        job: &Job<'_, '_>,
        key: &str,
        within: Option<&At<Duration>>,
    ) -> Option<Duration> {
        let within = within?;
        let timeout = job.timing.timeout.value;
        if within.value >= timeout {
            let said = format!(
                "`within = \"{}\"` can never be passed: the timeout is `{}`",
                human_duration(within.value),
                human_duration(timeout)
            );
            let path = job.path_of(&format!("{key}.within"));
            let problem = Problem::new(Kind::StepBeyondTimeout, path, within.place, said);
            self.context.sink.report(problem.label("the deadline strikes before"));
        }
        Some(within.value)
    }

    /// What is sent, with the groups of patterns in it.
    fn said(
        &mut self,
        job: &mut Job<'_, '_>,
        key: &str,
        template: &Template,
        before: &[Step],
    ) -> Option<Vec<Said>> {
        let named = |name: &str| named_group(before, name).is_some();
        let mut said = Vec::new();
        for part in template.parts(named) {
            said.push(match part {
                Part::Text(text) => Said::Bytes(self.payload(job, key, &text)?),
                Part::Group(name, place) => match group(before, &name) {
                    Ok(group) => Said::Group(group),
                    Err(why) => {
                        let said = format!("`{{{name}}}` stands for nothing");
                        let problem = Problem::new(Kind::BadGroup, job.path_of(key), place, said)
                            .label(why)
                            .expected("a group of the `expect` before: `{1}`, or the name of a group of any before")
                            .hint("literal braces are written `{{` and `}}`");
                        self.context.sink.report(problem);
                        return None;
                    }
                },
            });
        }
        Some(said)
    }
}

/// The group that `name` stands for: a number is that of the last pattern before, a name that of the last that has it.
fn group(before: &[Step], name: &str) -> Result<Group, String> {
    if let Some((step, group)) = named_group(before, name) {
        return Ok(Group { step, group, name: name.into() });
    }
    let (step, pattern) =
        patterns(before).next().ok_or_else(|| "no step before it expects a pattern".to_owned())?;
    let groups = pattern.captures_len() - 1;
    match name.parse::<usize>() {
        Ok(group) if group <= groups => Ok(Group { step, group, name: name.into() }),
        _ => Err(match groups {
            0 => format!("the pattern of step {} has no group", step + 1),
            1 => format!("the pattern of step {} has one group", step + 1),
            _ => format!("the pattern of step {} has {groups} groups", step + 1),
        }),
    }
}

fn named_group(before: &[Step], name: &str) -> Option<(usize, usize)> {
    patterns(before).find_map(|(step, pattern)| {
        let group = pattern.capture_names().position(|known| known == Some(name))?;
        Some((step, group))
    })
}

/// The patterns of the steps, the last first.
fn patterns(before: &[Step]) -> impl Iterator<Item = (usize, &Pattern)> {
    before.iter().enumerate().rev().filter_map(|(index, step)| match step {
        Step::Expect { pattern, .. } => Some((index, pattern)),
        _ => None,
    })
}
