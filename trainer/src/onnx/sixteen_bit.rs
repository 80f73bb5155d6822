//! Stores weights as 16-bit floats and widens them where they are used.

use std::collections::BTreeMap;

use half::{bf16, f16};

use super::graph_builder::{GraphBuilder, GraphValue, NodeAttribute};
use super::messages::{GraphProto, TensorProto, data_type};
use super::precision::GraphPrecision;

/// Minimum number of elements of a weight that is stored in 16 bits.
const MIN_ELEMENTS: usize = 1024;

/// Stores the factors of matrix products and the embedding tables as 16-bit floats.
///
/// A weight is widened when the graph is loaded; a table stays narrow, and only the rows read from it are widened.
pub(super) fn store_narrow(
    mut graph: GraphProto,
    precision: GraphPrecision,
) -> Result<GraphProto, String> {
    let nodes = std::mem::take(&mut graph.node);
    let used: Vec<&str> = nodes
        .iter()
        .filter_map(|node| match node.op_type.as_str() {
            "MatMul" => node.input.get(1),
            "Gather" => node.input.first(),
            _ => None,
        })
        .map(String::as_str)
        .collect();
    for tensor in &mut graph.initializer {
        let is_large =
            tensor.dims.len() > 1 && tensor.raw_data.len() >= MIN_ELEMENTS * size_of::<f32>();
        if is_large && tensor.data_type == data_type::F32 && used.contains(&tensor.name.as_str()) {
            narrow(tensor, precision)?;
        }
    }
    let is_narrow = |tensor: &&TensorProto| tensor.data_type == data_type_of(precision);
    let narrow: Vec<String> =
        graph.initializer.iter().filter(is_narrow).map(|tensor| tensor.name.clone()).collect();
    let mut widened: BTreeMap<String, GraphValue> = BTreeMap::new();
    let mut builder = GraphBuilder::continuing(graph, "wide_");
    for mut node in nodes {
        if node.op_type == "Gather" && narrow.contains(&node.input[0]) {
            let output = std::mem::take(&mut node.output[0]);
            let rows = GraphValue(format!("{output}:narrow"));
            rows.0.clone_into(&mut node.output[0]);
            builder.push(node);
            widen(&mut builder, &rows);
            builder.rename_last(&output);
            continue;
        }
        for input in node.input.iter_mut().filter(|input| narrow.contains(*input)) {
            let wide = widened
                .entry(input.clone())
                .or_insert_with(|| widen(&mut builder, &GraphValue(input.clone())));
            wide.0.clone_into(input);
        }
        builder.push(node);
    }
    Ok(builder.into_graph())
}

fn widen(builder: &mut GraphBuilder, narrow: &GraphValue) -> GraphValue {
    builder.node("Cast", &[narrow], &[NodeAttribute::Int("to", data_type::F32.into())])
}

fn narrow(tensor: &mut TensorProto, precision: GraphPrecision) -> Result<(), String> {
    let words = tensor.raw_data.as_chunks::<4>().0;
    let mut narrow = Vec::with_capacity(words.len() * 2);
    for value in words.iter().map(|word| f32::from_le_bytes(*word)) {
        let (bits, back) = match precision {
            GraphPrecision::Bf16 => {
                (bf16::from_f32(value).to_bits(), bf16::from_f32(value).to_f32())
            }
            GraphPrecision::Fp32 | GraphPrecision::Fp16 | GraphPrecision::Int8 => {
                (f16::from_f32(value).to_bits(), f16::from_f32(value).to_f32())
            }
        };
        if !back.is_finite() {
            return Err(format!("a weight is {value}, outside the range of {precision}"));
        }
        narrow.extend_from_slice(&bits.to_le_bytes());
    }
    tensor.raw_data = narrow;
    tensor.data_type = data_type_of(precision);
    Ok(())
}

fn data_type_of(precision: GraphPrecision) -> i32 {
    match precision {
        GraphPrecision::Bf16 => data_type::BF16,
        GraphPrecision::Fp32 | GraphPrecision::Fp16 | GraphPrecision::Int8 => data_type::F16,
    }
}
