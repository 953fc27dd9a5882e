//! Numbers that look random and are not: stable hashes of names, and named streams from one seed.
//!
//! A hash is the same on every machine, in every release and after every restart, because phases of checks hang on it. A
//! stream gives the same numbers for the same seed and name, because a failed simulation must be replayable.
//!
//! Nothing here is fit for secrets, and nothing asks the system for entropy.

/// A stable 64-bit hash of a name (FNV-1a, then the finalizer of `MurmurHash3` so that low bits are as good as high ones).
pub fn stable_hash(name: &str) -> u64 {
    stable_hash_of(name.as_bytes())
}

/// As [`stable_hash`], of any bytes.
pub fn stable_hash_of(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    mix(hash)
}

/// A stream of numbers from a seed and a name (`SplitMix64`, Steele et al. 2014).
#[derive(Clone, Debug)]
pub struct Stream(u64);

impl Stream {
    /// The stream called `name` of `seed`.
    pub fn new(seed: u64, name: &str) -> Self {
        Self(seed ^ stable_hash(name))
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 to `bound - 1`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next_u64() % bound }
    }

    /// True in `parts` of a thousand draws.
    pub fn chance(&mut self, parts: u64) -> bool {
        self.below(1_000) < parts
    }
}

fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    value = (value ^ (value >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_hashes_the_same_for_ever() {
        assert_eq!(stable_hash("shop/aws/web"), 0x2589_55bd_bef8_1aa6);
    }

    #[test]
    fn streams_differ_by_name_and_repeat_by_seed() {
        let draw = |seed, name| Stream::new(seed, name).next_u64();
        assert_eq!(draw(7, "net"), draw(7, "net"));
        assert_ne!(draw(7, "net"), draw(7, "clock"));
        assert_ne!(draw(7, "net"), draw(8, "net"));
    }
}
