//! Derives seeds from a seed.

/// Returns a seed for the `number`-th use of `seed`, distinct from those of other numbers and seeds (`SplitMix64`).
pub(crate) const fn derive_seed(seed: u64, number: u64) -> u64 {
    let mut x = seed ^ number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
