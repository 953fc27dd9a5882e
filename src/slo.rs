//! Objectives over time: what was promised, what was kept, what is left (slo.md; S1, S5, S11, S14 to S18).
//!
//! A check has a [`spans::Timeline`] of what was not good. [`joint`] joins the lines of a service's checks into the line of a
//! scope (three-valued, maintenance laid over); everything else is sums over that line: windows, budget, burn rates, alerts.
//! All arithmetic is exact, in whole milliseconds and parts of 10^9.
//!
//! It is told the time and knows no clock, protocol, file or metric.

pub mod history;
pub mod joint;
pub mod spans;

pub mod budget;
pub mod burn;
pub mod cadence;
pub mod calendar;
pub mod exposure;
pub mod forecast;
pub mod maintenance;
pub mod quorum;
pub mod sli;
pub mod split;
pub mod standing;
pub mod what_if;
pub mod window;

#[cfg(test)]
mod worked;
