//! The table of token vectors and the projection to the vocabulary, cut down to the tokens that were trained.

use super::builder::{Builder, Value};
use crate::{HostTensor, TokenSet};

/// Logit of a token that was never met: no search chooses it, and it adds nothing to a softmax.
const NEVER: f32 = -1e30;

/// Returns the vectors `[batch, length, width]` of `tokens` `[batch, length]`.
///
/// With a set, the table holds its tokens and one row of zeros for all others, and tokens are looked up twice:
/// first their row, then the row's vector. Nothing is rounded.
pub(super) fn look_up(
    builder: &mut Builder,
    table: &HostTensor,
    trained: Option<&TokenSet>,
    tokens: &Value,
) -> Value {
    let Some(trained) = trained else {
        let table = builder.f32s(&table.shape, &table.values);
        return builder.gather(&table, 0, tokens);
    };
    let width = table.shape[1];
    let mut kept = vec![0.0; width];
    for token in trained.tokens() {
        kept.extend_from_slice(&table.values[token * width..][..width]);
    }
    let rows_of_tokens = builder.i32s(&trained.places());
    let rows = builder.gather(&rows_of_tokens, 0, tokens);
    let kept = builder.f32s(&[kept.len() / width, width], &kept);
    builder.gather(&kept, 0, &rows)
}

/// Returns the logits `[batch, length, vocabulary]` of states `[batch, length, width]` by a projection
/// `[width, vocabulary]`.
///
/// With a set, the projection holds the columns of its tokens, and the logits of all others are [`NEVER`].
pub(super) fn logits(
    builder: &mut Builder,
    projection: &HostTensor,
    trained: Option<&TokenSet>,
    states: &Value,
) -> Value {
    let Some(trained) = trained else {
        let projection = builder.f32s(&projection.shape, &projection.values);
        return builder.matmul(states, &projection);
    };
    let [width, vocabulary_size] = [projection.shape[0], projection.shape[1]];
    let tokens: Vec<usize> = trained.tokens().collect();
    let rows = projection.values.chunks_exact(vocabulary_size);
    let kept: Vec<f32> = rows.flat_map(|row| tokens.iter().map(|token| row[*token])).collect();
    let kept = builder.f32s(&[width, tokens.len()], &kept);
    let known = builder.matmul(states, &kept);
    let before = builder.i64s(&[0, 0, 1, 0, 0, 0]);
    let never = builder.f32(NEVER);
    let known = builder.node("Pad", &[&known, &before, &never], &[]);
    let places = builder.i32s(&trained.places());
    builder.gather(&known, -1, &places)
}
