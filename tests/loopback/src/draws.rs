//! Random times from a seed: the same seed, the same times.

use std::time::Duration;

/// A stream of random numbers (SplitMix64: one step is one number, and any seed will do).
#[derive(Clone, Debug, Default)]
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A time from zero up to, but not including, `longest`.
    pub(crate) fn up_to(&mut self, longest: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        longest.mul_f64((bits >> 11) as f64 / (1_u64 << 53) as f64)
    }
}
