//! The attention pools at the end of the signal tower's graph.

use super::algebra::{dot, transposed};
use super::builder::Value;
use super::layers::Part;
use super::signal_tower::{SignalGraph, whole};
use crate::Result;

/// The poolers with learned queries: of the embedding, and of the caption decoder's memory.
const POOLERS: [&str; 2] = ["contrastive_pooler", "decoder_pooler"];

/// What the attention pools make of all tokens.
pub(super) struct Pooled {
    /// What the embedding is projected from, `[batch, width]`.
    pub(super) token: Value,
    /// What the caption decoder looks at, `[batch, decoder_tokens, width]`.
    pub(super) memory: Value,
    /// The share of each patch in the embedding, `[batch, channels, patches]`: it adds up to 1 for each epoch.
    ///
    /// The shares of the memory tokens times those of the patches in each of them, both means over the heads.
    pub(super) attention: Value,
}

impl SignalGraph<'_> {
    /// Runs the three attention pools over the tokens `[batch, channels, patches, width]`.
    pub(super) fn pooled(&mut self, tokens: &Value) -> Result<Pooled> {
        let width = self.config.transformer_width;
        let n_tokens = (self.config.input_channels * self.config.patches()) as i64;
        let tokens = self.layers.builder.reshape(tokens, &[-1, n_tokens, width as i64]);
        let [(global, _), (memory, of_patches)] = if self.is_folded {
            self.folded_poolers(&tokens)?
        } else {
            self.plain_poolers(&tokens)?
        };
        let name = "attn_pool";
        let (token, of_memory) = self.look(&global, &memory, name)?;
        let builder = &mut self.layers.builder;
        builder.probe(&global, "sig.contrastive_token");
        builder.probe(&memory, "sig.decoder_tokens");
        builder.probe(&memory, "signal_decoder_memory");
        builder.probe(&token, "sig.attn_pool");
        let token = builder.reshape(&token, &[-1, width as i64]);
        let attention = self.patch_shares(&of_memory, &of_patches);
        Ok(Pooled { token, memory, attention })
    }

    /// Lets the learned queries of both poolers look at the tokens `[batch, tokens, width]`, the projection of the keys
    /// applied to the queries and that of the values to the sums, and returns `[batch, queries, width]` and the shares
    /// `[batch, heads, queries, tokens]` of each.
    fn folded_poolers(&mut self, tokens: &Value) -> Result<[(Value, Value); 2]> {
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
        let shares = builder.softmax(&scores);
        let sums = builder.matmul(&shares, tokens);
        let rows = queries.map(|queries| heads * queries);
        let shares: [Value; 2] = builder.split(&shares, 1, rows);
        let sums: [Value; 2] = builder.split(&sums, 1, rows);
        let shape = queries.map(|queries| [-1, heads as i64, queries as i64, n_tokens]);
        let shares = [0, 1].map(|i| builder.reshape(&shares[i], &shape[i]));
        let [of_global, of_memory] = shares;
        let global = self.pooler_output(&sums[0], POOLERS[0], queries[0])?;
        let memory = self.pooler_output(&sums[1], POOLERS[1], queries[1])?;
        Ok([(global, of_global), (memory, of_memory)])
    }

    /// Does the same with keys and values of all tokens.
    fn plain_poolers(&mut self, tokens: &Value) -> Result<[(Value, Value); 2]> {
        let [global, memory] = POOLERS;
        let mut look = |name: &str| {
            let queries = self.layers.constant(&whole(&format!("{name}.query_tokens")))?;
            self.look(&queries, tokens, &format!("{name}.attn"))
        };
        Ok([look(global)?, look(memory)?])
    }

    /// Lets rows `[batch, rows, width]` look at tokens `[batch, tokens, width]`, and returns `[batch, rows, width]` and
    /// how much each head of each row looked at each token, `[batch, heads, rows, tokens]`.
    fn look(&mut self, rows: &Value, tokens: &Value, name: &str) -> Result<(Value, Value)> {
        let (name, heads) = (whole(name), self.config.transformer_heads);
        let queries = self.layers.heads(rows, &name, Part::Query, heads)?;
        let keys = self.layers.heads(tokens, &name, Part::Key, heads)?;
        let values = self.layers.heads(tokens, &name, Part::Value, heads)?;
        let shares = self.layers.shares(&queries, &keys, None);
        Ok((self.layers.mixed(&shares, &values, &name)?, shares))
    }

    /// Multiplies the shares of memory tokens `[batch, heads, 1, queries]` by those of the patches in each of them
    /// `[batch, heads, queries, channels · patches]`, each the mean over its heads.
    fn patch_shares(&mut self, of_memory: &Value, of_patches: &Value) -> Value {
        let (channels, patches) = (self.config.input_channels as i64, self.config.patches() as i64);
        let builder = &mut self.layers.builder;
        let of_memory = builder.mean(of_memory, 1);
        let of_patches = builder.mean(of_patches, 1);
        let shares = builder.matmul(&of_memory, &of_patches);
        builder.reshape(&shares, &[-1, channels, patches])
    }

    /// Returns a pooler's queries behind its key projection, scaled, `[heads · queries, width]`.
    ///
    /// The key bias shifts all scores of a query alike and cancels in the softmax.
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
    fn pooler_output(&mut self, sums: &Value, name: &str, queries: usize) -> Result<Value> {
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
        let mixed = builder.matmul(&sums, &values);
        let mixed = builder.transpose(&mixed, &[0, 2, 1, 3]);
        let mixed = builder.reshape(&mixed, &[-1, queries as i64, width as i64]);
        let bias = builder.f32s(&[width], &bias);
        let mixed = builder.add(&mixed, &bias);
        self.linear(&mixed, &format!("{name}.attn.out_proj"))
    }
}
