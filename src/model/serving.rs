//! What gRPC's health service says of a service, in its own words.
//!
//! In the order of the numbers that its protocol gives them, from 0.
//!
//! What else may come is no word of this set.

use super::words::words;

words! {
    /// `grpc.health.v1.HealthCheckResponse.ServingStatus`.
    ServingStatus {
        /// The server does not know.
        Unknown = "UNKNOWN",
        /// It serves.
        Serving = "SERVING",
        /// It does not serve.
        NotServing = "NOT_SERVING",
        /// There is no such service; only a watch says so.
        ServiceUnknown = "SERVICE_UNKNOWN",
    }
}

impl ServingStatus {
    /// The one with this number.
    pub fn numbered(number: i32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}
