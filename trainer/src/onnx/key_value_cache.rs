//! Caches of keys and values from previous decoding steps.

use super::graph_builder::{Dim, GraphBuilder, GraphValue, InputType};

/// One cache, `[2 · layers, batch, heads, past, head_dim]`: the keys of layer `i` at `2i`, its values at `2i + 1`.
pub(super) struct KeyValueCache {
    past: GraphValue,
    name: &'static str,
    heads: usize,
    head_dim: usize,
    /// The contents of each slot after this step, `[batch, heads, past + new, head_dim]`.
    grown: Vec<GraphValue>,
}

/// The dimensions of a cache.
#[derive(Debug, Clone, Copy)]
pub(super) struct CacheSizes {
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) head_dim: usize,
}

/// The names of a cache's input, of its output, and of the axis of past positions.
#[derive(Debug, Clone, Copy)]
pub(super) struct CacheNames {
    pub(super) input: &'static str,
    pub(super) output: &'static str,
    pub(super) past: &'static str,
}

impl KeyValueCache {
    /// Adds the cache to the graph's inputs.
    pub(super) fn new(builder: &mut GraphBuilder, names: CacheNames, sizes: CacheSizes) -> Self {
        let CacheSizes { layers, heads, head_dim } = sizes;
        let dims = [
            Dim::Fixed(2 * layers),
            Dim::Named("batch"),
            Dim::Fixed(heads),
            Dim::Named(names.past),
            Dim::Fixed(head_dim),
        ];
        let past = builder.input(names.input, InputType::F32, &dims);
        Self { past, name: names.output, heads, head_dim, grown: Vec::new() }
    }

    /// Returns the number of heads.
    pub(super) const fn heads(&self) -> usize {
        self.heads
    }

    /// Returns the number of cached positions before this step, as a vector of one integer.
    pub(super) fn past(&self, builder: &mut GraphBuilder) -> GraphValue {
        builder.length(&self.past, 3)
    }

    /// Appends new keys or values, `[batch, heads, new, head_dim]`, to the next slot, and returns the whole slot.
    ///
    /// Slots come in order: keys of the first layer, its values, keys of the second layer …
    pub(super) fn extend(&mut self, builder: &mut GraphBuilder, new: &GraphValue) -> GraphValue {
        let slot = builder.i64(self.grown.len() as i64);
        let past = builder.gather(&self.past, 0, &slot);
        let all = builder.concat(&[&past, new], 2);
        self.grown.push(all.clone());
        all
    }

    /// Makes the extended cache an output of the graph.
    pub(super) fn output(self, builder: &mut GraphBuilder) {
        let axis = builder.i64s(&[0]);
        let slots: Vec<GraphValue> =
            self.grown.iter().map(|slot| builder.node("Unsqueeze", &[slot, &axis], &[])).collect();
        let all = builder.concat(&slots.iter().collect::<Vec<_>>(), 0);
        let dims = [
            Dim::Fixed(slots.len()),
            Dim::Named("batch"),
            Dim::Fixed(self.heads),
            Dim::Named(self.name),
            Dim::Fixed(self.head_dim),
        ];
        builder.output(&all, self.name, &dims);
    }
}
