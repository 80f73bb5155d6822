//! Arithmetic on vectors, without any knowledge of files or recordings.
//!
//! From the ground up: [`kernel`] multiplies 8-bit codes with the best instructions of the processor, `int8_codes` and
//! `four_bit_codes` quantise vectors and bound the error of their scores, `half` converts from and to half precision
//! and computes every cosine of this crate, `kmeans` finds centroids, `score_table` scores all epochs of a recording, `top_k` selects the best scores, and `parallel`
//! splits work among threads.

pub(crate) mod four_bit_codes;
mod half;
mod int8_codes;
pub(crate) mod kernel;
pub(crate) mod kmeans;
pub(crate) mod parallel;
mod score_table;
mod top_k;

pub(crate) use half::{NoDirection, cosine, extend_with_half, f32_from_half, rounded_to_half};
pub(crate) use int8_codes::{Int8Codes, SharedBytes};
pub use score_table::ScoreTable;
pub(crate) use top_k::{RowId, ScoredRow, TopK};
