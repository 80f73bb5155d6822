//! Puts a graph together node by node.

use std::path::Path;

use prost::Message;

use super::proto::{
    AttributeProto, DimensionProto, DimensionValue, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto, attribute_type, data_type,
};
use crate::{Error, Result, durable};

/// Version of the set of operations.
const OPSET: i64 = 17;
/// Version of the file format.
const IR_VERSION: i64 = 8;

/// Name of the set of operations that only ONNX Runtime knows.
pub(super) const RUNTIME_DOMAIN: &str = "com.microsoft";

/// How a graph is written. What it computes stays the same, but for rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraphOptions {
    /// Whether what depends on no input is computed beforehand: the convolution of a patch with the projection behind
    /// it, and the poolers' queries with the projection of the keys.
    pub folded: bool,
    /// Whether inner results become outputs too, under the names that [`probe`](super::probe::probe) gives them.
    pub probed: bool,
}

impl Default for GraphOptions {
    /// As bundles have it: folded, and not probed.
    fn default() -> Self {
        Self { folded: true, probed: false }
    }
}

/// A finished ONNX model.
#[derive(Debug, Clone, PartialEq)]
pub struct Model(pub(super) ModelProto);

impl Model {
    /// Reads a file that this package has written.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Format`], the latter also for graphs of others: they may hold what is not kept here.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io(path, "read"))?;
        let model = ModelProto::decode(bytes.as_slice())
            .map_err(|error| Error::format(path, error.to_string()))?;
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

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        durable::write(path, &self.to_bytes())
    }
}

/// A tensor in the graph.
#[derive(Debug, Clone)]
pub(super) struct Value(pub(super) String);

/// Length of an axis of an input or output.
#[derive(Debug, Clone, Copy)]
pub(super) enum Dim {
    /// Always the same.
    Fixed(usize),
    /// Known at run time, by that name.
    Named(&'static str),
}

/// Type of the numbers of an input.
#[derive(Debug, Clone, Copy)]
pub(super) enum Numbers {
    F32,
    I64,
}

/// An attribute of a node.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attribute<'a> {
    Float(&'static str, f32),
    Int(&'static str, i64),
    Ints(&'static str, &'a [i64]),
}

/// A graph in the making.
#[derive(Debug, Default)]
pub(super) struct Builder {
    graph: GraphProto,
    /// Tensors that are to be outputs, and their names as such.
    outputs: Vec<(Value, String)>,
    is_probed: bool,
    /// What the names of new nodes and constants begin with.
    scope: &'static str,
}

impl Builder {
    pub(super) fn new(options: GraphOptions) -> Self {
        Self { is_probed: options.probed, ..Self::default() }
    }

    /// Goes on with a graph; what is new has names that begin with `scope`.
    pub(super) fn over(graph: GraphProto, scope: &'static str) -> Self {
        Self { graph, scope, ..Self::default() }
    }

    /// Returns the graph as it is.
    pub(super) fn into_graph(self) -> GraphProto {
        self.graph
    }

    /// Adds a node of another graph.
    pub(super) fn push(&mut self, node: NodeProto) {
        self.graph.node.push(node);
    }

    /// Lets the last node's first output have a name of its own.
    pub(super) fn name_last(&mut self, name: &str) {
        let output = self.graph.node.last_mut().and_then(|node| node.output.first_mut());
        name.clone_into(output.expect("a node was added before, and every node has an output"));
    }

    /// Returns whether inner results are to be outputs.
    pub(super) const fn is_probed(&self) -> bool {
        self.is_probed
    }

    /// Adds an input.
    pub(super) fn input(&mut self, name: &str, numbers: Numbers, dims: &[Dim]) -> Value {
        self.graph.input.push(value_info(name, numbers, Some(dims)));
        Value(name.to_owned())
    }

    /// Adds a constant of 32-bit floats.
    pub(super) fn f32s(&mut self, shape: &[usize], values: &[f32]) -> Value {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(shape, data_type::F32, bytes)
    }

    /// Adds a single number.
    pub(super) fn f32(&mut self, value: f32) -> Value {
        self.f32s(&[], &[value])
    }

    /// Adds a row of 64-bit integers: a shape, axes, or the ends of a slice.
    pub(super) fn i64s(&mut self, values: &[i64]) -> Value {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(&[values.len()], data_type::I64, bytes)
    }

    /// Adds a single 64-bit integer.
    pub(super) fn i64(&mut self, value: i64) -> Value {
        self.constant(&[], data_type::I64, value.to_le_bytes().to_vec())
    }

    /// Adds a row of 32-bit integers.
    pub(super) fn i32s(&mut self, values: &[i32]) -> Value {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(&[values.len()], data_type::I32, bytes)
    }

    /// Adds an operation with one output.
    pub(super) fn node(
        &mut self,
        op_type: &str,
        inputs: &[&Value],
        attributes: &[Attribute<'_>],
    ) -> Value {
        let [output] = self.node_of(op_type, inputs, attributes);
        output
    }

    /// Adds an operation with several outputs.
    pub(super) fn node_of<const N: usize>(
        &mut self,
        op_type: &str,
        inputs: &[&Value],
        attributes: &[Attribute<'_>],
    ) -> [Value; N] {
        let name = format!("{}{op_type}_{}", self.scope, self.graph.node.len());
        let outputs: [Value; N] = std::array::from_fn(|output| Value(format!("{name}:{output}")));
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

    /// Adds an operation that only ONNX Runtime knows.
    pub(super) fn runtime_node(&mut self, op_type: &str, inputs: &[&Value]) -> Value {
        let output = self.node(op_type, inputs, &[]);
        let node = self.graph.node.last_mut().expect("a node was added");
        RUNTIME_DOMAIN.clone_into(&mut node.domain);
        output
    }

    /// Makes the tensor an output of the graph, under a name of its own.
    pub(super) fn output(&mut self, value: &Value, name: &str, dims: &[Dim]) {
        self.put_out(value, name, Some(dims));
    }

    /// Makes an inner result an output where the graph is probed, and does nothing elsewhere.
    pub(super) fn probe(&mut self, value: &Value, name: &str) {
        if self.is_probed {
            self.put_out(value, name, None);
        }
    }

    fn put_out(&mut self, value: &Value, name: &str, dims: Option<&[Dim]>) {
        let is_out = self.outputs.iter().any(|(other, _)| other.0 == value.0);
        // A tensor has one name.
        let value = if is_out { self.node("Identity", &[value], &[]) } else { value.clone() };
        self.graph.output.push(value_info(name, Numbers::F32, dims));
        self.outputs.push((value, name.to_owned()));
    }

    /// Ends the graph, and gives the model its facts.
    pub(super) fn finish(mut self, name: &str, facts: &[(&str, String)]) -> Model {
        for (value, output) in std::mem::take(&mut self.outputs) {
            self.rename(&value, &output);
        }
        name.clone_into(&mut self.graph.name);
        let facts = facts.iter().map(|(key, value)| StringStringEntryProto {
            key: (*key).to_owned(),
            value: value.clone(),
        });
        Model(ModelProto {
            ir_version: IR_VERSION,
            producer_name: env!("CARGO_PKG_NAME").to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            metadata_props: facts.collect(),
            graph: Some(self.graph),
        })
    }

    /// Gives a node's output another name, wherever it stands.
    fn rename(&mut self, value: &Value, name: &str) {
        for node in &mut self.graph.node {
            for other in node.input.iter_mut().chain(&mut node.output) {
                if *other == value.0 {
                    name.clone_into(other);
                }
            }
        }
    }

    /// Adds a constant of one of the types of [`data_type`], or finds the one that is the same: blocks share their
    /// angles and shapes.
    pub(super) fn constant(&mut self, shape: &[usize], data_type: i32, raw_data: Vec<u8>) -> Value {
        let dims: Vec<i64> = shape.iter().map(|length| *length as i64).collect();
        let is_same = |other: &&TensorProto| {
            (other.data_type, &other.dims, &other.raw_data) == (data_type, &dims, &raw_data)
        };
        if let Some(same) = self.graph.initializer.iter().find(is_same) {
            return Value(same.name.clone());
        }
        let name = format!("{}constant_{}", self.scope, self.graph.initializer.len());
        let tensor = TensorProto { dims, data_type, name: name.clone(), raw_data };
        self.graph.initializer.push(tensor);
        Value(name)
    }
}

/// Describes an input or output; without lengths the runtime works them out.
fn value_info(name: &str, numbers: Numbers, dims: Option<&[Dim]>) -> ValueInfoProto {
    let dimension = |dim: &Dim| DimensionProto {
        value: Some(match dim {
            Dim::Fixed(length) => DimensionValue::DimValue(*length as i64),
            Dim::Named(name) => DimensionValue::DimParam((*name).to_owned()),
        }),
    };
    let elem_type = match numbers {
        Numbers::F32 => data_type::F32,
        Numbers::I64 => data_type::I64,
    };
    let shape = dims.map(|dims| TensorShapeProto { dim: dims.iter().map(dimension).collect() });
    let r#type = Some(TypeProto { tensor_type: Some(TensorTypeProto { elem_type, shape }) });
    ValueInfoProto { name: name.to_owned(), r#type }
}

fn attribute(attribute: &Attribute<'_>) -> AttributeProto {
    let empty = AttributeProto::default();
    match *attribute {
        Attribute::Float(name, f) => {
            AttributeProto { name: name.to_owned(), f, r#type: attribute_type::FLOAT, ..empty }
        }
        Attribute::Int(name, i) => {
            AttributeProto { name: name.to_owned(), i, r#type: attribute_type::INT, ..empty }
        }
        Attribute::Ints(name, ints) => AttributeProto {
            name: name.to_owned(),
            ints: ints.to_vec(),
            r#type: attribute_type::INTS,
            ..empty
        },
    }
}
