//! Keys and values of earlier steps: what a caption's next token looks back at.

use super::builder::{Builder, Dim, Numbers, Value};

/// One cache, `[2 · layers, batch, heads, past, head_dim]`: the keys of layer `i` at `2i`, its values at `2i + 1`.
pub(super) struct Cache {
    past: Value,
    name: &'static str,
    heads: usize,
    head_dim: usize,
    /// What each slot holds after this step, `[batch, heads, past + new, head_dim]`.
    grown: Vec<Value>,
}

/// What a cache is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) head_dim: usize,
}

/// The names of a cache: as input, as output, and of the number of positions that the input holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    pub(super) input: &'static str,
    pub(super) output: &'static str,
    pub(super) past: &'static str,
}

impl Cache {
    /// Adds the cache to the graph's inputs.
    pub(super) fn new(builder: &mut Builder, names: Names, sizes: Sizes) -> Self {
        let Sizes { layers, heads, head_dim } = sizes;
        let dims = [
            Dim::Fixed(2 * layers),
            Dim::Named("batch"),
            Dim::Fixed(heads),
            Dim::Named(names.past),
            Dim::Fixed(head_dim),
        ];
        let past = builder.input(names.input, Numbers::F32, &dims);
        Self { past, name: names.output, heads, head_dim, grown: Vec::new() }
    }

    /// Returns the number of heads that keys and values are cut into.
    pub(super) const fn heads(&self) -> usize {
        self.heads
    }

    /// Returns the number of positions that the cache held before this step, as a row of one integer.
    pub(super) fn past(&self, builder: &mut Builder) -> Value {
        builder.length(&self.past, 3)
    }

    /// Puts what is new, `[batch, heads, new, head_dim]`, behind the next slot, and returns all of it.
    ///
    /// Slots come in order: keys of the first layer, its values, keys of the second layer …
    pub(super) fn extend(&mut self, builder: &mut Builder, new: &Value) -> Value {
        let slot = builder.i64(self.grown.len() as i64);
        let past = builder.gather(&self.past, 0, &slot);
        let all = builder.concat(&[&past, new], 2);
        self.grown.push(all.clone());
        all
    }

    /// Makes the grown cache an output of the graph.
    pub(super) fn output(self, builder: &mut Builder) {
        let axis = builder.i64s(&[0]);
        let slots: Vec<Value> =
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
