//! The attention pools at the end of the signal tower's graph.

use super::graph_builder::GraphValue;
use super::signal_tower::{SignalGraph, full_name};
use super::weight_algebra::{dot, transposed};
use crate::error::Result;
use crate::kernels::Projection;

/// The poolers with learned queries: for the embedding, and for the caption decoder's memory.
const POOLERS: [&str; 2] = ["contrastive_pooler", "decoder_pooler"];

/// The results of the attention pools.
pub(super) struct PooledTokens {
    /// The input of the final projection, `[batch, width]`.
    pub(super) token: GraphValue,
    /// The memory of the caption decoder, `[batch, decoder_tokens, width]`.
    pub(super) memory: GraphValue,
    /// The weight of each patch in the embedding, `[batch, channels, patches]`; the weights of an epoch sum to 1.
    ///
    /// The weights of the memory tokens times those of the patches in each of them, both averaged over the heads.
    pub(super) attention: GraphValue,
}

impl SignalGraph<'_> {
    /// Runs the three attention pools over the tokens `[batch, channels, patches, width]`.
    pub(super) fn pooled(&mut self, tokens: &GraphValue) -> Result<PooledTokens> {
        let width = self.config.transformer_width;
        let n_tokens = (self.config.input_channels * self.config.patches()) as i64;
        let tokens = self.layers.builder.reshape(tokens, &[-1, n_tokens, width as i64]);
        let [(global, _), (memory, of_patches)] = if self.is_folded {
            self.folded_poolers(&tokens)?
        } else {
            self.plain_poolers(&tokens)?
        };
        let name = "attn_pool";
        let (token, of_memory) = self.attend(&global, &memory, name)?;
        let builder = &mut self.layers.builder;
        builder.probe(&global, "sig.contrastive_token");
        builder.probe(&memory, "sig.decoder_tokens");
        builder.probe(&memory, "signal_decoder_memory");
        builder.probe(&token, "sig.attn_pool");
        let token = builder.reshape(&token, &[-1, width as i64]);
        let attention = self.patch_weights(&of_memory, &of_patches);
        Ok(PooledTokens { token, memory, attention })
    }

    /// Attends from the learned queries of both poolers to the tokens `[batch, tokens, width]`, with the key projection
    /// folded into the queries and the value projection applied to the sums. Returns `[batch, queries, width]` and the
    /// attention weights `[batch, heads, queries, tokens]` of each pooler.
    fn folded_poolers(&mut self, tokens: &GraphValue) -> Result<[(GraphValue, GraphValue); 2]> {
        let (width, heads) = (self.config.transformer_width, self.config.transformer_heads);
        let queries = [1, self.config.decoder_tokens];
        let n_tokens = (self.config.input_channels * self.config.patches()) as i64;
        // Both poolers' queries at once: the tokens are read once.
        let mut folded = Vec::new();
        for name in POOLERS {
            folded.extend(self.folded_queries(name)?);
        }
        let columns = folded.len() / width;
        let folded = transposed(&folded, columns, width);
        let builder = &mut self.layers.builder;
        let folded = builder.f32s(&[width, columns], &folded);
        let scores = builder.matmul(tokens, &folded);
        let scores = builder.transpose(&scores, &[0, 2, 1]);
        let attention_weights = builder.softmax(&scores);
        let sums = builder.matmul(&attention_weights, tokens);
        let rows = queries.map(|queries| heads * queries);
        let attention_weights: [GraphValue; 2] = builder.split(&attention_weights, 1, rows);
        let sums: [GraphValue; 2] = builder.split(&sums, 1, rows);
        let shape = queries.map(|queries| [-1, heads as i64, queries as i64, n_tokens]);
        let attention_weights = [0, 1].map(|i| builder.reshape(&attention_weights[i], &shape[i]));
        let [of_global, of_memory] = attention_weights;
        let global = self.pooler_output(&sums[0], POOLERS[0], queries[0])?;
        let memory = self.pooler_output(&sums[1], POOLERS[1], queries[1])?;
        Ok([(global, of_global), (memory, of_memory)])
    }

    /// Does the same with keys and values of all tokens.
    fn plain_poolers(&mut self, tokens: &GraphValue) -> Result<[(GraphValue, GraphValue); 2]> {
        let [global, memory] = POOLERS;
        let mut attend = |name: &str| {
            let queries = self.layers.constant(&full_name(&format!("{name}.query_tokens")))?;
            self.attend(&queries, tokens, &format!("{name}.attn"))
        };
        Ok([attend(global)?, attend(memory)?])
    }

    /// Attends from rows `[batch, rows, width]` to tokens `[batch, tokens, width]`. Returns `[batch, rows, width]` and
    /// the attention weights `[batch, heads, rows, tokens]`.
    fn attend(
        &mut self,
        rows: &GraphValue,
        tokens: &GraphValue,
        name: &str,
    ) -> Result<(GraphValue, GraphValue)> {
        let (name, heads) = (full_name(name), self.config.transformer_heads);
        let queries = self.layers.heads(rows, &name, Projection::Query, heads)?;
        let keys = self.layers.heads(tokens, &name, Projection::Key, heads)?;
        let values = self.layers.heads(tokens, &name, Projection::Value, heads)?;
        let attention_weights = self.layers.attention_weights(&queries, &keys, None);
        Ok((self.layers.weighted_values(&attention_weights, &values, &name)?, attention_weights))
    }

    /// Multiplies the weights of memory tokens `[batch, heads, 1, queries]` by those of the patches in each of them
    /// `[batch, heads, queries, channels · patches]`, both averaged over the heads.
    fn patch_weights(&mut self, of_memory: &GraphValue, of_patches: &GraphValue) -> GraphValue {
        let (channels, patches) = (self.config.input_channels as i64, self.config.patches() as i64);
        let builder = &mut self.layers.builder;
        let of_memory = builder.mean(of_memory, 1);
        let of_patches = builder.mean(of_patches, 1);
        let attention_weights = builder.matmul(&of_memory, &of_patches);
        builder.reshape(&attention_weights, &[-1, channels, patches])
    }

    /// Returns a pooler's queries after its key projection, scaled, `[heads · queries, width]`.
    ///
    /// The key bias shifts all scores of a query equally and cancels in the softmax.
    fn folded_queries(&self, name: &str) -> Result<Vec<f32>> {
        let (width, heads) = (self.config.transformer_width, self.config.transformer_heads);
        let head_dim = self.config.head_dim();
        let tokens = self.weight(&format!("{name}.query_tokens"))?;
        let packed = self.weight(&format!("{name}.attn.in_proj_weight"))?;
        let bias = self.weight(&format!("{name}.attn.in_proj_bias"))?;
        let (query_weight, rest) = packed.values.split_at(width * width);
        let scale = (head_dim as f64).powf(-0.5);
        let mut folded = Vec::with_capacity(heads * tokens.values.len());
        for head in 0..heads {
            for token in tokens.values.chunks_exact(width) {
                let mut sum = vec![0.0f64; width];
                for row in head * head_dim..(head + 1) * head_dim {
                    let weight = &query_weight[row * width..][..width];
                    let query = dot(weight, token) + f64::from(bias.values[row]);
                    let key = &rest[row * width..][..width];
                    sum.iter_mut().zip(key).for_each(|(sum, key)| *sum += query * f64::from(*key));
                }
                folded.extend(sum.into_iter().map(|value| (value * scale) as f32));
            }
        }
        Ok(folded)
    }

    /// Projects weighted sums of tokens, `[batch, heads · queries, width]`, to `[batch, queries, width]`.
    fn pooler_output(
        &mut self,
        sums: &GraphValue,
        name: &str,
        queries: usize,
    ) -> Result<GraphValue> {
        let (width, heads) = (self.config.transformer_width, self.config.transformer_heads);
        let head_dim = self.config.head_dim();
        let packed = self.weight(&format!("{name}.attn.in_proj_weight"))?;
        let bias = self.weight(&format!("{name}.attn.in_proj_bias"))?.values[2 * width..].to_vec();
        let values: Vec<f32> = packed.values[2 * width * width..]
            .chunks_exact(head_dim * width)
            .flat_map(|head| transposed(head, head_dim, width))
            .collect();
        let builder = &mut self.layers.builder;
        let sums = builder.reshape(sums, &[-1, heads as i64, queries as i64, width as i64]);
        let values = builder.f32s(&[heads, width, head_dim], &values);
        let weighted_values = builder.matmul(&sums, &values);
        let weighted_values = builder.transpose(&weighted_values, &[0, 2, 1, 3]);
        let weighted_values =
            builder.reshape(&weighted_values, &[-1, queries as i64, width as i64]);
        let bias = builder.f32s(&[width], &bias);
        let weighted_values = builder.add(&weighted_values, &bias);
        self.linear(&weighted_values, &format!("{name}.attn.out_proj"))
    }
}
