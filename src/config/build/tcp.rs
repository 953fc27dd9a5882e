//! TCP probes: from what the file says to a [`TcpSpec`].
//!
//! A `tls` table beside the `tcp` table means TLS from the first byte, unless the dialogue asks for it with `starttls`.
//!
//! It connects to nothing.

use super::{Builder, Job};
use crate::config::problem::{Kind, Problem};
use crate::config::raw::{RawStep, RawTcp};
use crate::model::{Step, TcpSpec, human_duration};

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
            dialogue.push(self.step(job, &format!("tcp.dialogue[{index}]"), step)?);
        }
        Some(TcpSpec { host, port, tls, dialogue })
    }

    fn step(&mut self, job: &mut Job<'_, '_>, key: &str, step: &RawStep) -> Option<Step> {
        match step {
            RawStep::Expect { pattern, within } => {
                if let Some(within) = within {
                    let timeout = job.timing.timeout.value;
                    if within.value >= timeout {
                        let said = format!(
                            "`within = \"{}\"` can never be passed: the timeout is `{}`",
                            human_duration(within.value),
                            human_duration(timeout)
                        );
                        let path = job.path_of(&format!("{key}.within"));
                        let problem =
                            Problem::new(Kind::StepBeyondTimeout, path, within.place, said);
                        self.context.sink.report(problem.label("the deadline strikes before"));
                    }
                }
                Some(Step::Expect {
                    pattern: self.pattern(job, &format!("{key}.expect"), pattern)?,
                    within: within.as_ref().map(|within| within.value),
                })
            }
            RawStep::Send(template) => {
                Some(Step::Send(self.payload(job, &format!("{key}.send"), template)?))
            }
            RawStep::StartTls(words) => Some(Step::StartTls(words.value)),
        }
    }
}
