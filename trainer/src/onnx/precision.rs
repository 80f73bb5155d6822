//! The number formats in which graphs store and multiply weights.

use std::fmt;
use std::str::FromStr;

use super::graph_builder::{OnnxModel, RUNTIME_DOMAIN};
use super::messages::{OperatorSetIdProto, StringStringEntryProto};
use super::{int8, sixteen_bit};

/// The number format in which a graph stores and multiplies its weights. Inputs and outputs are always 32-bit floats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GraphPrecision {
    /// 32-bit floats.
    #[default]
    Fp32,
    /// Stored as 16-bit floats with 11 significant bits, multiplied as 32-bit floats: half the file size.
    Fp16,
    /// Stored as 16-bit floats with 8 significant bits and the range of 32-bit floats, multiplied as 32-bit floats.
    Bf16,
    /// Stored and multiplied as 8-bit integers, with a scale for each row of an input and each column of a weight.
    /// Other operations are unchanged. For ONNX Runtime on the CPU only.
    Int8,
}

impl GraphPrecision {
    /// Every precision, the most exact first.
    pub const ALL: [Self; 4] = [Self::Fp32, Self::Fp16, Self::Bf16, Self::Int8];

    /// Returns the name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Fp16 => "fp16",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }
}

impl fmt::Display for GraphPrecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for GraphPrecision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|precision| precision.name() == text);
        found.ok_or_else(|| {
            format!("`{text}` is not a precision; expected `fp32`, `fp16`, `bf16` or `int8`")
        })
    }
}

impl OnnxModel {
    /// Returns the graph in another precision than the 32-bit floats that it was built with.
    ///
    /// # Errors
    ///
    /// A sentence if a weight is outside the range of the format.
    pub fn in_precision(self, precision: GraphPrecision) -> Result<Self, String> {
        let mut model = self.0;
        let graph = model.graph.take().unwrap_or_default();
        model.graph = Some(match precision {
            GraphPrecision::Fp32 => graph,
            GraphPrecision::Fp16 | GraphPrecision::Bf16 => {
                sixteen_bit::store_narrow(graph, precision)?
            }
            GraphPrecision::Int8 => {
                let (domain, version) = (RUNTIME_DOMAIN.to_owned(), 1);
                model.opset_import.push(OperatorSetIdProto { domain, version });
                int8::quantize_products(graph)
            }
        });
        let (key, value) = ("precision".to_owned(), precision.to_string());
        model.metadata_props.push(StringStringEntryProto { key, value });
        Ok(Self(model))
    }
}
