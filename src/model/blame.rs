//! Whose outage it is, as one word.
//!
//! A blame is an attribute of an outage that may be revised while more is seen; it never names the outage.
//!
//! How it is found is decided in `blame`.

use super::words::words;

words! {
    /// Whose outage it is.
    Blame {
        /// A dependency that the failing services share is bad.
        Shared = "shared",
        /// The sides can serve, and the public name does not lead to them.
        Entry = "entry",
        /// The name servers of the target give no answer.
        Dns = "dns",
        /// The cloud itself, as its canary and several services on it say.
        Provider = "provider",
        /// The cloud, or the road from here to it: no other vantage point could tell.
        ProviderOrPath = "provider_or_path",
        /// The road from here: other vantage points see it good.
        Path = "path",
        /// The service itself: bad on every cloud, and the clouds are well.
        Application = "application",
        /// Nothing more than this service on this cloud.
        Endpoint = "endpoint",
    }
}

words! {
    /// What a judgement of blame rests on.
    Witness {
        /// A shared dependency.
        Dependency = "dependency",
        /// Whether only resolving names fails.
        Names = "names",
        /// The same service on another cloud.
        Side = "side",
        /// The cloud's own endpoint that serves users.
        Canary = "canary",
        /// The cloud's own endpoint that manages resources; it never decides.
        CanaryControl = "canary_control",
        /// The cloud's own endpoint at its edge; it never decides.
        CanaryEdge = "canary_edge",
        /// The services in the same region of the cloud.
        Services = "services",
        /// Another vantage point.
        Vantage = "vantage",
        /// Another vantage point on a cloud that fails; it never decides.
        VantageInside = "vantage_inside",
        /// Another vantage point's look at the cloud's own endpoint.
        VantageCanary = "vantage_canary",
    }
}
