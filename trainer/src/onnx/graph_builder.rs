//! Builds a graph node by node.

use std::path::Path;

use nocturne_psg::edf::durable;
use prost::Message;

use super::messages::{
    AttributeProto, DimensionProto, DimensionValue, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto, attribute_type, data_type,
};
use crate::error::{Error, Result};

/// Version of the operator set.
const OPSET: i64 = 17;
/// Version of the file format.
const IR_VERSION: i64 = 8;

/// Domain of the operators that only ONNX Runtime implements.
pub(super) const RUNTIME_DOMAIN: &str = "com.microsoft";

/// Options of writing a graph. The result is the same except for rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraphOptions {
    /// Whether constant subexpressions are computed in advance: the convolution of a patch with the projection after
    /// it, and the poolers' queries with the key projection.
    pub folded: bool,
    /// Whether intermediate results become outputs, under the names listed at [`probe`](super::probe::probe).
    pub probed: bool,
}

impl Default for GraphOptions {
    /// As in bundles: folded, and not probed.
    fn default() -> Self {
        Self { folded: true, probed: false }
    }
}

/// A finished ONNX model.
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxModel(pub(super) ModelProto);

impl OnnxModel {
    /// Reads a file written by this package.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Parse`], and [`Error::Format`] for graphs of other producers: they may contain fields
    /// that would be lost.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io(path, "read"))?;
        let model = ModelProto::decode(bytes.as_slice()).map_err(Error::parse(path))?;
        if model.producer_name != env!("CARGO_PKG_NAME") {
            let problem = format!(
                "its producer is `{}`; expected `{}`",
                model.producer_name,
                env!("CARGO_PKG_NAME")
            );
            return Err(Error::format(path, problem));
        }
        Ok(Self(model))
    }

    /// Returns the file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }

    /// Writes the file atomically.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        durable::write(path, &self.to_bytes()).map_err(Error::io(path, "write"))
    }
}

/// A tensor in the graph.
#[derive(Debug, Clone)]
pub(super) struct GraphValue(pub(super) String);

/// Length of an axis of an input or output.
#[derive(Debug, Clone, Copy)]
pub(super) enum Dim {
    /// A constant length.
    Fixed(usize),
    /// A length known only at run time, with this name.
    Named(&'static str),
}

/// Element type of an input.
#[derive(Debug, Clone, Copy)]
pub(super) enum InputType {
    F32,
    I64,
}

/// An attribute of a node.
#[derive(Debug, Clone, Copy)]
pub(super) enum NodeAttribute<'a> {
    Float(&'static str, f32),
    Int(&'static str, i64),
    Ints(&'static str, &'a [i64]),
}

/// A graph under construction.
#[derive(Debug, Default)]
pub(super) struct GraphBuilder {
    graph: GraphProto,
    /// Output tensors and their names.
    outputs: Vec<(GraphValue, String)>,
    is_probed: bool,
    /// Prefix of the names of new nodes and constants.
    scope: &'static str,
}

impl GraphBuilder {
    pub(super) fn new(options: GraphOptions) -> Self {
        Self { is_probed: options.probed, ..Self::default() }
    }

    /// Continues a graph; the names of new nodes and constants start with `scope`.
    pub(super) fn continuing(graph: GraphProto, scope: &'static str) -> Self {
        Self { graph, scope, ..Self::default() }
    }

    /// Returns the graph without adding outputs.
    pub(super) fn into_graph(self) -> GraphProto {
        self.graph
    }

    /// Adds a node of another graph.
    pub(super) fn push(&mut self, node: NodeProto) {
        self.graph.node.push(node);
    }

    /// Renames the first output of the last node.
    pub(super) fn rename_last(&mut self, name: &str) {
        let output = self.graph.node.last_mut().and_then(|node| node.output.first_mut());
        name.clone_into(output.expect("a node was added before, and every node has an output"));
    }

    /// Returns whether intermediate results become outputs.
    pub(super) const fn is_probed(&self) -> bool {
        self.is_probed
    }

    /// Adds an input.
    pub(super) fn input(&mut self, name: &str, numbers: InputType, dims: &[Dim]) -> GraphValue {
        self.graph.input.push(value_info(name, numbers, Some(dims)));
        GraphValue(name.to_owned())
    }

    /// Adds a constant of 32-bit floats.
    pub(super) fn f32s(&mut self, shape: &[usize], values: &[f32]) -> GraphValue {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(shape, data_type::F32, bytes)
    }

    /// Adds a single number.
    pub(super) fn f32(&mut self, value: f32) -> GraphValue {
        self.f32s(&[], &[value])
    }

    /// Adds a vector of 64-bit integers: a shape, axes, or the bounds of a slice.
    pub(super) fn i64s(&mut self, values: &[i64]) -> GraphValue {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(&[values.len()], data_type::I64, bytes)
    }

    /// Adds a single 64-bit integer.
    pub(super) fn i64(&mut self, value: i64) -> GraphValue {
        self.constant(&[], data_type::I64, value.to_le_bytes().to_vec())
    }

    /// Adds a vector of 32-bit integers.
    pub(super) fn i32s(&mut self, values: &[i32]) -> GraphValue {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(&[values.len()], data_type::I32, bytes)
    }

    /// Adds an operation with one output.
    pub(super) fn node(
        &mut self,
        op_type: &str,
        inputs: &[&GraphValue],
        attributes: &[NodeAttribute<'_>],
    ) -> GraphValue {
        let [output] = self.node_of(op_type, inputs, attributes);
        output
    }

    /// Adds an operation with several outputs.
    pub(super) fn node_of<const N: usize>(
        &mut self,
        op_type: &str,
        inputs: &[&GraphValue],
        attributes: &[NodeAttribute<'_>],
    ) -> [GraphValue; N] {
        let name = format!("{}{op_type}_{}", self.scope, self.graph.node.len());
        let outputs: [GraphValue; N] =
            std::array::from_fn(|output| GraphValue(format!("{name}:{output}")));
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|input| input.0.clone()).collect(),
            output: outputs.iter().map(|output| output.0.clone()).collect(),
            name,
            op_type: op_type.to_owned(),
            attribute: attributes.iter().map(attribute).collect(),
            domain: String::new(),
        });
        outputs
    }

    /// Adds an operation that only ONNX Runtime implements.
    pub(super) fn runtime_node(&mut self, op_type: &str, inputs: &[&GraphValue]) -> GraphValue {
        let output = self.node(op_type, inputs, &[]);
        let node = self.graph.node.last_mut().expect("a node was added");
        RUNTIME_DOMAIN.clone_into(&mut node.domain);
        output
    }

    /// Makes the tensor an output of the graph with a given name.
    pub(super) fn output(&mut self, value: &GraphValue, name: &str, dims: &[Dim]) {
        self.add_output(value, name, Some(dims));
    }

    /// Makes an intermediate result an output if the graph is probed.
    pub(super) fn probe(&mut self, value: &GraphValue, name: &str) {
        if self.is_probed {
            self.add_output(value, name, None);
        }
    }

    fn add_output(&mut self, value: &GraphValue, name: &str, dims: Option<&[Dim]>) {
        let is_output = self.outputs.iter().any(|(other, _)| other.0 == value.0);
        // A tensor has only one name.
        let value = if is_output { self.node("Identity", &[value], &[]) } else { value.clone() };
        self.graph.output.push(value_info(name, InputType::F32, dims));
        self.outputs.push((value, name.to_owned()));
    }

    /// Finishes the graph, and stores facts in the model's metadata.
    pub(super) fn finish(mut self, name: &str, facts: &[(&str, String)]) -> OnnxModel {
        for (value, output) in std::mem::take(&mut self.outputs) {
            self.rename(&value, &output);
        }
        name.clone_into(&mut self.graph.name);
        let facts = facts.iter().map(|(key, value)| StringStringEntryProto {
            key: (*key).to_owned(),
            value: value.clone(),
        });
        OnnxModel(ModelProto {
            ir_version: IR_VERSION,
            producer_name: env!("CARGO_PKG_NAME").to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            metadata_props: facts.collect(),
            graph: Some(self.graph),
        })
    }

    /// Renames a node's output everywhere.
    fn rename(&mut self, value: &GraphValue, name: &str) {
        for node in &mut self.graph.node {
            for other in node.input.iter_mut().chain(&mut node.output) {
                if *other == value.0 {
                    name.clone_into(other);
                }
            }
        }
    }

    /// Adds a constant of one of the types in [`data_type`], or returns an equal one: blocks share their angles and
    /// shapes.
    pub(super) fn constant(
        &mut self,
        shape: &[usize],
        data_type: i32,
        raw_data: Vec<u8>,
    ) -> GraphValue {
        let dims: Vec<i64> = shape.iter().map(|length| *length as i64).collect();
        let is_same = |other: &&TensorProto| {
            (other.data_type, &other.dims, &other.raw_data) == (data_type, &dims, &raw_data)
        };
        if let Some(same) = self.graph.initializer.iter().find(is_same) {
            return GraphValue(same.name.clone());
        }
        let name = format!("{}constant_{}", self.scope, self.graph.initializer.len());
        let tensor = TensorProto { dims, data_type, name: name.clone(), raw_data };
        self.graph.initializer.push(tensor);
        GraphValue(name)
    }
}

/// Describes an input or output; without lengths the runtime infers them.
fn value_info(name: &str, numbers: InputType, dims: Option<&[Dim]>) -> ValueInfoProto {
    let dimension = |dim: &Dim| DimensionProto {
        value: Some(match dim {
            Dim::Fixed(length) => DimensionValue::DimValue(*length as i64),
            Dim::Named(name) => DimensionValue::DimParam((*name).to_owned()),
        }),
    };
    let elem_type = match numbers {
        InputType::F32 => data_type::F32,
        InputType::I64 => data_type::I64,
    };
    let shape = dims.map(|dims| TensorShapeProto { dim: dims.iter().map(dimension).collect() });
    let r#type = Some(TypeProto { tensor_type: Some(TensorTypeProto { elem_type, shape }) });
    ValueInfoProto { name: name.to_owned(), r#type }
}

fn attribute(attribute: &NodeAttribute<'_>) -> AttributeProto {
    let empty = AttributeProto::default();
    match *attribute {
        NodeAttribute::Float(name, f) => {
            AttributeProto { name: name.to_owned(), f, r#type: attribute_type::FLOAT, ..empty }
        }
        NodeAttribute::Int(name, i) => {
            AttributeProto { name: name.to_owned(), i, r#type: attribute_type::INT, ..empty }
        }
        NodeAttribute::Ints(name, ints) => AttributeProto {
            name: name.to_owned(),
            ints: ints.to_vec(),
            r#type: attribute_type::INTS,
            ..empty
        },
    }
}
