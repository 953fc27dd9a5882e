//! `/api/v1/vantage`: what a vantage point sees, in short, for other vantage points.
//!
//! Times are ages in seconds at the moment of the answer, so that two clocks need not agree. Fields are added, never renamed;
//! words are those of the glossary, and one that is not known means unknown.
//!
//! The same form is written by the one that is asked and read by the one that asks.

use serde::{Deserialize, Serialize};

/// Where it is.
pub const PATH: &str = "/api/v1/vantage";

/// What a vantage point sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VantageForm {
    /// When the picture was taken, by its own clock.
    pub at: f64,
    /// Who says so.
    pub vantage: String,
    /// The watched cloud it stands on; null on neutral ground.
    pub provider: Option<String>,
    /// Its share of the services, `2/5`; null if it watches all.
    pub shard: Option<String>,
    /// It sees nothing over any network.
    pub offline: bool,
    /// The services it watches.
    pub services: Vec<SeenServiceForm>,
    /// The clouds' own endpoints of the data plane.
    pub canaries: Vec<SeenCanaryForm>,
}

/// What it sees of something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SaidForm {
    /// `good`, `bad` or `unknown`; unknown also while a failure is not confirmed.
    pub said: String,
    /// For how long it has been in this state.
    pub age_s: f64,
    /// How long ago the last look began, of the check that was looked at longest ago; null before all were.
    pub looked_s: Option<f64>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenServiceForm {
    /// Its name.
    pub service: String,
    /// Whether some side can serve.
    pub any: SaidForm,
    /// What a fresh client of its public name gets; null if it has none.
    pub entry: Option<SaidForm>,
    /// One per provider.
    pub sides: Vec<SeenSideForm>,
}

/// A service on one provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenSideForm {
    /// The provider.
    pub provider: String,
    /// What is seen of it.
    #[serde(flatten)]
    pub seen: SaidForm,
}

/// A cloud's own endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenCanaryForm {
    /// The provider.
    pub provider: String,
    /// The region; empty if none was given.
    pub region: String,
    /// What is seen of it.
    #[serde(flatten)]
    pub seen: SaidForm,
}
