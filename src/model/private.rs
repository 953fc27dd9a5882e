//! Header fields whose values are for nobody else.
//!
//! In the file they are given by reference; stories have them by name only, the veil masks what they say, and on the way to
//! another host they stay behind.
//!
//! Whether a value was given by reference is known elsewhere, and makes any field a secret.

use http::HeaderName;

/// Fields of requests that hold credentials. Names of fields are in lower case.
const CREDENTIALS: [&str; 5] =
    ["authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"];

/// Fields of answers that hold secrets by their nature.
const OF_ANSWERS: [&str; 4] =
    ["authentication-info", "proxy-authentication-info", "set-cookie", "set-cookie2"];

/// Words in the name of a field that most likely holds one.
const SECRET_WORDS: [&str; 6] = ["token", "secret", "session", "csrf", "api-key", "apikey"];

/// Whether this field of a request holds credentials, and so is no text of the file.
pub fn is_credential(name: &HeaderName) -> bool {
    CREDENTIALS.contains(&name.as_str())
}

/// Whether this field holds a secret by its nature.
pub fn holds_secret(name: &HeaderName) -> bool {
    is_credential(name) || OF_ANSWERS.contains(&name.as_str())
}

/// The same, or its name says that it may.
pub fn may_hold_secret(name: &HeaderName) -> bool {
    holds_secret(name) || SECRET_WORDS.iter().any(|word| name.as_str().contains(word))
}
