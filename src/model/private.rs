//! Header fields whose values are for nobody else.
//!
//! Stories have them by name only, the veil masks what they say, and on the way to another host they stay behind.
//!
//! Whether a value was given by reference is known elsewhere, and makes any field a secret.

use http::HeaderName;

/// Fields that hold secrets by their nature. Names of fields are in lower case.
const SECRET_FIELDS: [&str; 9] = [
    "authorization",
    "proxy-authorization",
    "authentication-info",
    "proxy-authentication-info",
    "cookie",
    "set-cookie",
    "set-cookie2",
    "x-api-key",
    "x-auth-token",
];

/// Words in the name of a field that most likely holds one.
const SECRET_WORDS: [&str; 6] = ["token", "secret", "session", "csrf", "api-key", "apikey"];

/// Whether this field holds a secret by its nature.
pub(super) fn is_listed(name: &HeaderName) -> bool {
    SECRET_FIELDS.contains(&name.as_str())
}

/// The same, or its name says that it may.
pub(super) fn is_secret(name: &HeaderName) -> bool {
    is_listed(name) || SECRET_WORDS.iter().any(|word| name.as_str().contains(word))
}
