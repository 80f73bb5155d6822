//! The token embeddings and the projection to the vocabulary, reduced to the tokens seen in training.

use super::graph_builder::{GraphBuilder, GraphValue};
use crate::host_tensor::HostTensor;
use crate::tokens::TokenSet;

/// Logit of a token that was never seen: a search cannot choose it, and it adds nothing to a softmax.
const UNSEEN_LOGIT: f32 = -1e30;

/// Returns the embeddings `[batch, length, width]` of `tokens` `[batch, length]`.
///
/// With a set, the table has its tokens and one row of zeros for all others. Tokens are looked up in two steps: first
/// their row, then its embedding. This is exact.
pub(super) fn look_up(
    builder: &mut GraphBuilder,
    table: &HostTensor,
    trained: Option<&TokenSet>,
    tokens: &GraphValue,
) -> GraphValue {
    let Some(trained) = trained else {
        let table = builder.f32s(&table.shape, &table.values);
        return builder.gather(&table, 0, tokens);
    };
    let width = table.shape[1];
    let mut kept = vec![0.0; width];
    for token in trained.tokens() {
        kept.extend_from_slice(&table.values[token * width..][..width]);
    }
    let rows_of_tokens = builder.i32s(&trained.positions());
    let rows = builder.gather(&rows_of_tokens, 0, tokens);
    let kept = builder.f32s(&[kept.len() / width, width], &kept);
    builder.gather(&kept, 0, &rows)
}

/// Returns the logits `[batch, length, vocabulary]` of states `[batch, length, width]` by a projection
/// `[width, vocabulary]`.
///
/// With a set, the projection has the columns of its tokens, and the logits of all others are [`UNSEEN_LOGIT`].
pub(super) fn logits(
    builder: &mut GraphBuilder,
    projection: &HostTensor,
    trained: Option<&TokenSet>,
    states: &GraphValue,
) -> GraphValue {
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
    let never = builder.f32(UNSEEN_LOGIT);
    let known = builder.node("Pad", &[&known, &before, &never], &[]);
    let positions = builder.i32s(&trained.positions());
    builder.gather(&known, -1, &positions)
}
