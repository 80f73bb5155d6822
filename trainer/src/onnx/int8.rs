//! Products with weights as products of 8-bit integers.
//!
//! `x · W` with one scale for each row of `x` and each column of `W`:
//! `x ≈ diag(r) · (Q - 128)`, `W ≈ P · diag(c)`, so `x · W ≈ diag(r) · ((Q - 128) · P) · diag(c)`,
//! and the inner product is exact in 32-bit integers. A row's scale is that of its largest number: what an epoch's
//! embedding is does not depend on what else is in its batch.

use std::collections::BTreeMap;

use super::builder::{Attribute, Builder, Value};
use super::proto::{GraphProto, NodeProto, TensorProto, data_type};

/// Fewest rows of a weight for which it is worth while: a shorter product costs less than making integers of its input.
const LEAST_ROWS: i64 = 64;
/// Largest integer of an input, on both sides of [`ZERO`].
const INPUT_LARGEST: f32 = 127.0;
/// Integer that stands for 0 in an input: signed inputs have no fast product on processors of today.
const ZERO: u8 = 128;
/// Largest integer of a weight.
///
/// With 7 bits, two products of 8 bits by 7 fit into 16 bits, into which processors without VNNI add them up:
/// the same sum everywhere.
const WEIGHT_LARGEST: f32 = 63.0;
/// Least scale of a row, so that a row of zeros can be divided by it.
const LEAST_SCALE: f32 = 1e-30;

/// Makes every product with a weight of two axes a product of integers.
pub(super) fn multiplied(mut graph: GraphProto) -> GraphProto {
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
    let mut rewriter = Rewriter { builder: Builder::over(graph, "int8_"), rows: BTreeMap::new() };
    for node in nodes {
        match weight_of(&node).and_then(|name| weights.get(&name)) {
            Some(weight) => rewriter.product(&node, weight),
            None => rewriter.builder.push(node),
        }
    }
    rewriter.builder.into_graph()
}

fn is_weight(tensor: &TensorProto) -> bool {
    tensor.data_type == data_type::F32 && matches!(tensor.dims[..], [rows, _] if rows >= LEAST_ROWS)
}

struct Rewriter {
    builder: Builder,
    /// Inputs that were made integers already, by name: several weights share one.
    rows: BTreeMap<String, Rows>,
}

/// An input as integers.
#[derive(Clone)]
struct Rows {
    /// `[rows, width] u8`.
    integers: Value,
    /// `[rows, 1]`.
    scales: Value,
    /// Lengths of all axes of the input but the last.
    shape: Value,
}

impl Rewriter {
    /// Puts the product of integers into the place of a product.
    fn product(&mut self, node: &NodeProto, weight: &TensorProto) {
        let [width, columns] = [weight.dims[0], weight.dims[1]];
        let rows = self.rows(&node.input[0], width);
        let (integers, scales) = integers_of_columns(weight);
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
        builder.name_last(&node.output[0]);
    }

    /// Makes integers of an input whose last axis has `width` numbers, or returns those that were made before.
    fn rows(&mut self, input: &str, width: i64) -> Rows {
        if let Some(rows) = self.rows.get(input) {
            return rows.clone();
        }
        let builder = &mut self.builder;
        let whole = Value(input.to_owned());
        let shape = [Attribute::Int("start", 0), Attribute::Int("end", -1)];
        let shape = builder.node("Shape", &[&whole], &shape);
        let flat = builder.reshape(&whole, &[-1, width]);
        let sizes = builder.node("Abs", &[&flat], &[]);
        let last = [Attribute::Ints("axes", &[-1]), Attribute::Int("keepdims", 0)];
        let largest = builder.node("ReduceMax", &[&sizes], &last);
        let (unit, least) = (builder.f32(1.0 / INPUT_LARGEST), builder.f32(LEAST_SCALE));
        let scales = builder.mul(&largest, &unit);
        let scales = builder.node("Max", &[&scales, &least], &[]);
        let n = builder.node("Shape", &[&scales], &[]);
        let zero = builder.constant(&[1], data_type::U8, vec![ZERO]);
        let zeros = builder.node("Expand", &[&zero, &n], &[]);
        let by_row = [Attribute::Int("axis", 0)];
        let integers = builder.node("QuantizeLinear", &[&flat, &scales, &zeros], &by_row);
        let axis = builder.i64s(&[1]);
        let scales = builder.node("Unsqueeze", &[&scales, &axis], &[]);
        let rows = Rows { integers, scales, shape };
        self.rows.insert(input.to_owned(), rows.clone());
        rows
    }
}

/// Returns a weight `[width, columns]` as integers, and the scale of each column.
fn integers_of_columns(weight: &TensorProto) -> (Vec<u8>, Vec<f32>) {
    let columns = weight.dims[1] as usize;
    let values: Vec<f32> =
        weight.raw_data.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect();
    let mut scales = vec![0.0f32; columns];
    for row in values.chunks_exact(columns) {
        for (scale, value) in scales.iter_mut().zip(row) {
            *scale = scale.max(value.abs() / WEIGHT_LARGEST);
        }
    }
    // A column of zeros has any scale.
    for scale in scales.iter_mut().filter(|scale| **scale == 0.0) {
        *scale = 1.0;
    }
    let integer = |(i, value): (usize, &f32)| {
        let integer = (value / scales[i % columns]).round_ties_even();
        integer.clamp(-WEIGHT_LARGEST, WEIGHT_LARGEST) as i8 as u8
    };
    (values.iter().enumerate().map(integer).collect(), scales)
}
