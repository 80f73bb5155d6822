//! Weights kept as 16-bit floats and widened where they are used.

use std::collections::BTreeMap;

use half::{bf16, f16};

use super::builder::{Attribute, Builder, Value};
use super::precision::Precision;
use super::proto::{GraphProto, TensorProto, data_type};

/// Fewest numbers of a weight for which it is worth while.
const LEAST: usize = 1024;

/// Keeps the factors of matrix products and the tables as 16-bit floats.
///
/// A weight is widened when the graph is loaded; a table stays narrow, and the rows that are read of it are widened.
pub(super) fn kept(mut graph: GraphProto, precision: Precision) -> Result<GraphProto, String> {
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
        let is_large = tensor.dims.len() > 1 && tensor.raw_data.len() >= LEAST * size_of::<f32>();
        if is_large && tensor.data_type == data_type::F32 && used.contains(&tensor.name.as_str()) {
            narrow(tensor, precision)?;
        }
    }
    let is_narrow = |tensor: &&TensorProto| tensor.data_type == data_type_of(precision);
    let narrow: Vec<String> =
        graph.initializer.iter().filter(is_narrow).map(|tensor| tensor.name.clone()).collect();
    let mut widened: BTreeMap<String, Value> = BTreeMap::new();
    let mut builder = Builder::over(graph, "wide_");
    for mut node in nodes {
        if node.op_type == "Gather" && narrow.contains(&node.input[0]) {
            let output = std::mem::take(&mut node.output[0]);
            let rows = Value(format!("{output}:narrow"));
            rows.0.clone_into(&mut node.output[0]);
            builder.push(node);
            widen(&mut builder, &rows);
            builder.name_last(&output);
            continue;
        }
        for input in node.input.iter_mut().filter(|input| narrow.contains(*input)) {
            let wide = widened
                .entry(input.clone())
                .or_insert_with(|| widen(&mut builder, &Value(input.clone())));
            wide.0.clone_into(input);
        }
        builder.push(node);
    }
    Ok(builder.into_graph())
}

fn widen(builder: &mut Builder, narrow: &Value) -> Value {
    builder.node("Cast", &[narrow], &[Attribute::Int("to", data_type::F32.into())])
}

fn narrow(tensor: &mut TensorProto, precision: Precision) -> Result<(), String> {
    let words = tensor.raw_data.as_chunks::<4>().0;
    let mut narrow = Vec::with_capacity(words.len() * 2);
    for value in words.iter().map(|word| f32::from_le_bytes(*word)) {
        let (bits, back) = match precision {
            Precision::Bf16 => (bf16::from_f32(value).to_bits(), bf16::from_f32(value).to_f32()),
            Precision::Fp32 | Precision::Fp16 | Precision::Int8 => {
                (f16::from_f32(value).to_bits(), f16::from_f32(value).to_f32())
            }
        };
        if !back.is_finite() {
            return Err(format!("a weight is {value}, beyond the range of {precision}"));
        }
        narrow.extend_from_slice(&bits.to_le_bytes());
    }
    tensor.raw_data = narrow;
    tensor.data_type = data_type_of(precision);
    Ok(())
}

fn data_type_of(precision: Precision) -> i32 {
    match precision {
        Precision::Bf16 => data_type::BF16,
        Precision::Fp32 | Precision::Fp16 | Precision::Int8 => data_type::F16,
    }
}
