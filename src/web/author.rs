//! Under whose name a change stands that comes over the network.
//!
//! The gate knows who asks, and says it with the request; what the request itself says of that is kept beside it, as in "deploy,
//! for ann". Over the local socket nobody is known, and the request is believed.
//!
//! It does not decide who may change anything.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::convert::Infallible;
use std::sync::Arc;

/// Who asks, if that is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Author(Option<Arc<str>>);

impl Author {
    pub(super) fn new(name: &Arc<str>) -> Self {
        Self(Some(Arc::clone(name)))
    }

    /// The name under a change that says to be made by `said`.
    pub(super) fn signs(&self, said: String) -> String {
        match &self.0 {
            None => said,
            Some(name) if said.is_empty() || *said == **name => name.to_string(),
            Some(name) => format!("{name}, for {said}"),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Author {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_known_stands_under_it_and_nobody_can_sign_as_another() {
        let known = Author::new(&"deploy".into());
        for (said, signed) in [("", "deploy"), ("deploy", "deploy"), ("ann", "deploy, for ann")] {
            assert_eq!(known.signs(said.to_owned()), signed);
        }
        assert_eq!(Author::default().signs("ann".to_owned()), "ann");
    }
}
