//! Replaces products with weights by products of 8-bit integers.
//!
//! `x · W` with one scale for each row of `x` and each column of `W`: `x ≈ diag(r) · (Q - 128)`, `W ≈ P · diag(c)`, so
//! `x · W ≈ diag(r) · ((Q - 128) · P) · diag(c)`, and the inner product is exact in 32-bit integers. The scale of a row
//! depends only on that row, so an epoch's embedding does not depend on the rest of its batch.

use std::collections::BTreeMap;

use super::graph_builder::{GraphBuilder, GraphValue, NodeAttribute};
use super::messages::{GraphProto, NodeProto, TensorProto, data_type};

/// Minimum number of rows of a weight: for a shorter product, quantising the input costs more than it saves.
const MIN_ROWS: i64 = 64;
/// Largest integer of an input, on both sides of [`ZERO`].
const MAX_INPUT: f32 = 127.0;
/// Integer zero point of an input: current processors have no fast product for signed inputs.
const ZERO: u8 = 128;
/// Largest integer of a weight.
///
/// With 7 bits, two products of 8 and 7 bits fit into the 16 bits in which processors without VNNI accumulate them, so
/// the sum is the same everywhere.
const MAX_WEIGHT: f32 = 63.0;
/// Minimum scale of a row, so that a row of zeros can be divided by it.
const MIN_SCALE: f32 = 1e-30;

/// Replaces every product with a two-axis weight by an integer product.
pub(super) fn quantize_products(mut graph: GraphProto) -> GraphProto {
    let nodes = std::mem::take(&mut graph.node);
    let weight_of =
        |node: &NodeProto| node.input.get(1).filter(|_| node.op_type == "MatMul").cloned();
    let factors: Vec<String> = nodes.iter().filter_map(weight_of).collect();
    let (weights, others) = std::mem::take(&mut graph.initializer)
        .into_iter()
        .partition(|tensor| is_weight(tensor) && factors.contains(&tensor.name));
    graph.initializer = others;
    let weights: BTreeMap<String, TensorProto> =
        Vec::into_iter(weights).map(|tensor: TensorProto| (tensor.name.clone(), tensor)).collect();
    let mut rewriter =
        Int8Rewriter { builder: GraphBuilder::continuing(graph, "int8_"), rows: BTreeMap::new() };
    for node in nodes {
        match weight_of(&node).and_then(|name| weights.get(&name)) {
            Some(weight) => rewriter.product(&node, weight),
            None => rewriter.builder.push(node),
        }
    }
    rewriter.builder.into_graph()
}

fn is_weight(tensor: &TensorProto) -> bool {
    tensor.data_type == data_type::F32 && matches!(tensor.dims[..], [rows, _] if rows >= MIN_ROWS)
}

struct Int8Rewriter {
    builder: GraphBuilder,
    /// Inputs that are already quantised, by name: several weights share one.
    rows: BTreeMap<String, QuantizedRows>,
}

/// A quantised input.
#[derive(Clone)]
struct QuantizedRows {
    /// `[rows, width] u8`.
    integers: GraphValue,
    /// `[rows, 1]`.
    scales: GraphValue,
    /// Lengths of all axes of the input but the last.
    shape: GraphValue,
}

impl Int8Rewriter {
    /// Replaces a product by an integer product.
    fn product(&mut self, node: &NodeProto, weight: &TensorProto) {
        let [width, columns] = [weight.dims[0], weight.dims[1]];
        let rows = self.rows(&node.input[0], width);
        let (integers, scales) = quantize_columns(weight);
        let builder = &mut self.builder;
        let shape = [width as usize, columns as usize];
        let integers = builder.constant(&shape, data_type::I8, integers);
        let scales = builder.f32s(&[columns as usize], &scales);
        let (one, zero) = (builder.f32(1.0), builder.constant(&[], data_type::U8, vec![ZERO]));
        let inputs = [&rows.integers, &integers, &one, &scales, &zero];
        let product = builder.runtime_node("MatMulIntegerToFloat", &inputs);
        let product = builder.mul(&product, &rows.scales);
        let columns = builder.i64s(&[columns]);
        let shape = builder.concat(&[&rows.shape, &columns], 0);
        builder.node("Reshape", &[&product, &shape], &[]);
        builder.rename_last(&node.output[0]);
    }

    /// Quantises an input whose last axis has `width` elements, or returns it if it is already quantised.
    fn rows(&mut self, input: &str, width: i64) -> QuantizedRows {
        if let Some(rows) = self.rows.get(input) {
            return rows.clone();
        }
        let builder = &mut self.builder;
        let full_name = GraphValue(input.to_owned());
        let shape = [NodeAttribute::Int("start", 0), NodeAttribute::Int("end", -1)];
        let shape = builder.node("Shape", &[&full_name], &shape);
        let flat = builder.reshape(&full_name, &[-1, width]);
        let sizes = builder.node("Abs", &[&flat], &[]);
        let last = [NodeAttribute::Ints("axes", &[-1]), NodeAttribute::Int("keepdims", 0)];
        let largest = builder.node("ReduceMax", &[&sizes], &last);
        let (unit, least) = (builder.f32(1.0 / MAX_INPUT), builder.f32(MIN_SCALE));
        let scales = builder.mul(&largest, &unit);
        let scales = builder.node("Max", &[&scales, &least], &[]);
        let n = builder.node("Shape", &[&scales], &[]);
        let zero = builder.constant(&[1], data_type::U8, vec![ZERO]);
        let zeros = builder.node("Expand", &[&zero, &n], &[]);
        let by_row = [NodeAttribute::Int("axis", 0)];
        let integers = builder.node("QuantizeLinear", &[&flat, &scales, &zeros], &by_row);
        let axis = builder.i64s(&[1]);
        let scales = builder.node("Unsqueeze", &[&scales, &axis], &[]);
        let rows = QuantizedRows { integers, scales, shape };
        self.rows.insert(input.to_owned(), rows.clone());
        rows
    }
}

/// Returns a weight `[width, columns]` as integers, and the scale of each column.
fn quantize_columns(weight: &TensorProto) -> (Vec<u8>, Vec<f32>) {
    let columns = weight.dims[1] as usize;
    let values: Vec<f32> =
        weight.raw_data.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect();
    let mut scales = vec![0.0f32; columns];
    for row in values.chunks_exact(columns) {
        for (scale, value) in scales.iter_mut().zip(row) {
            *scale = scale.max(value.abs() / MAX_WEIGHT);
        }
    }
    // The scale of a column of zeros does not matter.
    for scale in scales.iter_mut().filter(|scale| **scale == 0.0) {
        *scale = 1.0;
    }
    let integer = |(i, value): (usize, &f32)| {
        let integer = (value / scales[i % columns]).round_ties_even();
        integer.clamp(-MAX_WEIGHT, MAX_WEIGHT) as i8 as u8
    };
    (values.iter().enumerate().map(integer).collect(), scales)
}
