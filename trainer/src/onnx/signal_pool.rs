//! The attention pools at the end of the signal tower's graph.

use super::algebra::{dot, scaled, transposed};
use super::builder::Value;
use super::signal_tower::SignalGraph;
use crate::Result;

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
        let (width, heads) = (self.config.transformer_width, self.config.transformer_heads);
        let queries = [1, self.config.decoder_tokens];
        let n_tokens = (self.config.input_channels * self.config.patches()) as i64;
        let tokens = self.builder.reshape(tokens, &[-1, n_tokens, width as i64]);
        // Both poolers' queries at once: the tokens are read once.
        let mut folded = self.folded_queries("contrastive_pooler", queries[0])?;
        folded.extend(self.folded_queries("decoder_pooler", queries[1])?);
        let columns = folded.len() / width;
        let folded = transposed(&folded, columns, width);
        let folded = self.builder.f32s(&[width, columns], &folded);
        let scores = self.builder.matmul(&tokens, &folded);
        let scores = self.builder.transpose(&scores, &[0, 2, 1]);
        let weights = self.builder.softmax(&scores);
        let sums = self.builder.matmul(&weights, &tokens);
        let sums = self.builder.split(&sums, 1, queries.map(|queries| heads * queries));
        let global = self.pooler_output(&sums[0], "contrastive_pooler", queries[0])?;
        let memory = self.pooler_output(&sums[1], "decoder_pooler", queries[1])?;
        let (token, memory_shares) = self.attention_pool(&global, &memory)?;
        let shares = self.builder.split(&weights, 1, queries.map(|queries| heads * queries));
        let attention = self.patch_shares(&memory_shares, &shares[1]);
        Ok(Pooled { token, memory, attention })
    }

    /// Multiplies the shares of memory tokens `[batch, heads, 1, queries]` by those of the patches in each of them
    /// `[batch, heads · queries, channels · patches]`.
    fn patch_shares(&mut self, of_memory: &Value, of_patches: &Value) -> Value {
        let (channels, patches) = (self.config.input_channels as i64, self.config.patches() as i64);
        let (heads, queries) =
            (self.config.transformer_heads as i64, self.config.decoder_tokens as i64);
        let builder = &mut self.builder;
        let of_memory = builder.mean(of_memory, 1);
        let of_patches = builder.reshape(of_patches, &[-1, heads, queries, channels * patches]);
        let of_patches = builder.mean(&of_patches, 1);
        let shares = builder.matmul(&of_memory, &of_patches);
        builder.reshape(&shares, &[-1, channels, patches])
    }

    /// Returns a pooler's queries behind its key projection, scaled, `[heads · queries, width]`.
    ///
    /// The key bias shifts all scores of a query alike and cancels in the softmax.
    fn folded_queries(&self, name: &str, queries: usize) -> Result<Vec<f32>> {
        let (width, heads) = (self.config.transformer_width, self.config.transformer_heads);
        let head_dim = self.config.head_dim();
        let tokens = self.weight(&format!("{name}.query_tokens"))?;
        let packed = self.weight(&format!("{name}.attn.in_proj_weight"))?;
        let bias = self.weight(&format!("{name}.attn.in_proj_bias"))?;
        let (query_weight, rest) = packed.values.split_at(width * width);
        let scale = (head_dim as f64).powf(-0.5);
        let mut folded = Vec::with_capacity(heads * queries * width);
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
        let builder = &mut self.builder;
        let sums = builder.reshape(sums, &[-1, heads as i64, queries as i64, width as i64]);
        let values = builder.f32s(&[heads, width, head_dim], &values);
        let mixed = builder.matmul(&sums, &values);
        let mixed = builder.transpose(&mixed, &[0, 2, 1, 3]);
        let mixed = builder.reshape(&mixed, &[-1, queries as i64, width as i64]);
        let bias = builder.f32s(&[width], &bias);
        let mixed = builder.add(&mixed, &bias);
        self.linear(&mixed, &format!("{name}.attn.out_proj"))
    }

    /// Lets the global token `[batch, 1, width]` look at the memory, and returns `[batch, width]` and how much it
    /// looked at each memory token, `[batch, heads, 1, queries]`.
    fn attention_pool(&mut self, global: &Value, memory: &Value) -> Result<(Value, Value)> {
        let (width, heads) = (self.config.transformer_width, self.config.transformer_heads);
        let (head_dim, memory_len) = (self.config.head_dim(), self.config.decoder_tokens);
        let packed = self.weight("attn_pool.in_proj_weight")?.values.clone();
        let bias = self.weight("attn_pool.in_proj_bias")?.values.clone();
        let scale = (head_dim as f64).powf(-0.5);
        let mut project = |input: &Value, part: usize, positions: usize, order: &[i64]| {
            let factor = if part == 0 { scale } else { 1.0 };
            let weight = scaled(&packed[part * width * width..][..width * width], factor);
            let builder = &mut self.builder;
            let weight = builder.f32s(&[width, width], &transposed(&weight, width, width));
            let bias = scaled(&bias[part * width..][..width], factor);
            let bias = builder.f32s(&[width], &bias);
            let rows = builder.matmul(input, &weight);
            let rows = builder.add(&rows, &bias);
            let shape = [-1, positions as i64, heads as i64, head_dim as i64];
            let rows = builder.reshape(&rows, &shape);
            builder.transpose(&rows, order)
        };
        let queries = project(global, 0, 1, &[0, 2, 1, 3]);
        let keys = project(memory, 1, memory_len, &[0, 2, 3, 1]);
        let values = project(memory, 2, memory_len, &[0, 2, 1, 3]);
        let scores = self.builder.matmul(&queries, &keys);
        let weights = self.builder.softmax(&scores);
        let mixed = self.builder.matmul(&weights, &values);
        let mixed = self.builder.reshape(&mixed, &[-1, width as i64]);
        Ok((self.linear(&mixed, "attn_pool.out_proj")?, weights))
    }
}
