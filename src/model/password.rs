//! Hashes of passwords: argon2id in the form `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, which other programs write too.
//!
//! A hash says itself what comparing with it costs; one that costs too much is none that can be used here.
//!
//! Comparing takes tens of milliseconds of a processor on purpose: whoever calls it sees to it that nothing waits behind it.

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _};
use std::fmt;
use std::sync::Arc;

/// Memory that comparing may take at most, in KiB.
const MEMORY_AT_MOST: u32 = 64 * 1024;
/// Passes over it at most.
const PASSES_AT_MOST: u32 = 10;
/// Lanes at most; they are gone through one after the other.
const LANES_AT_MOST: u32 = 4;
/// Bytes of the salt of a new hash.
const SALT: usize = 16;

/// The hash of a password that can be compared with at a bounded cost. Printing it does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Arc<phc::PasswordHash>);

impl PasswordHash {
    /// Reads the text of a hash; one phrase on what is wrong with it, which does not repeat it.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        let hash =
            phc::PasswordHash::new(text).map_err(|_| "it does not have the form of a hash")?;
        if Algorithm::try_from(hash.algorithm.as_str()) != Ok(Algorithm::Argon2id) {
            return Err("its method is not `argon2id`");
        }
        let params = Params::try_from(&hash).map_err(|_| "its parameters make no sense")?;
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err("its salt or the hash itself is missing");
        }
        if params.m_cost() > MEMORY_AT_MOST
            || params.t_cost() > PASSES_AT_MOST
            || params.p_cost() > LANES_AT_MOST
        {
            return Err("comparing with it costs more than `m=65536,t=10,p=4`");
        }
        Ok(Self(Arc::new(hash)))
    }

    /// The text of a new hash of `password`, with a salt of its own, at the cost that argon2's makers recommend.
    pub fn make(password: &[u8]) -> Result<String, String> {
        let mut salt = [0; SALT];
        aws_lc_rs::rand::fill(&mut salt)
            .map_err(|_| "the system gives no random bytes".to_owned())?;
        let made: phc::PasswordHash = Argon2::default()
            .hash_password_with_salt(password, &salt)
            .map_err(|error| error.to_string())?;
        Ok(made.to_string())
    }

    /// Whether it is the hash of `password`. Takes as long as the hash asks for.
    pub fn is_of(&self, password: &[u8]) -> bool {
        Argon2::default().verify_password(password, &*self.0).is_ok()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[hash]")
    }
}

#[cfg(test)]
mod tests {
    use super::PasswordHash;

    /// The hash of `hunter2` at the least cost, so that tests are quick.
    const CHEAP: &str = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$";

    #[test]
    fn a_new_hash_is_of_its_password_and_of_no_other() {
        let text = PasswordHash::make(b"hunter2").unwrap();
        assert_ne!(text, PasswordHash::make(b"hunter2").unwrap(), "each has a salt of its own");
        let hash = PasswordHash::read(&text).unwrap();
        assert!(hash.is_of(b"hunter2"));
        assert!(!hash.is_of(b"hunter3") && !hash.is_of(b""));
        assert_eq!(format!("{hash:?}"), "[hash]");
    }

    #[test]
    fn what_is_no_hash_or_costs_too_much_is_refused() {
        let costly = |cost: &str| {
            format!(
                "$argon2id$v=19${cost}$c29tZXNhbHRzb21lc2FsdA$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A"
            )
        };
        assert!(PasswordHash::read(&costly("m=65536,t=10,p=4")).is_ok());
        for cost in ["m=65537,t=3,p=1", "m=8,t=11,p=1", "m=64,t=1,p=5", "m=0,t=1,p=1"] {
            assert!(PasswordHash::read(&costly(cost)).is_err(), "{cost}");
        }
        for text in
            ["hunter2", "", CHEAP, "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC"]
        {
            assert!(PasswordHash::read(text).is_err(), "{text}");
        }
        let other = costly("m=8,t=1,p=1").replace("argon2id", "argon2i");
        assert_eq!(PasswordHash::read(&other), Err("its method is not `argon2id`"));
    }
}
