//! In which numbers a graph keeps its weights and multiplies them.

use std::fmt;
use std::str::FromStr;

use super::builder::{Model, RUNTIME_DOMAIN};
use super::proto::{OperatorSetIdProto, StringStringEntryProto};
use super::{int8, sixteen_bit};

/// In which numbers the weights of a graph are kept and multiplied. Inputs and outputs always are 32-bit floats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    Fp32,
    /// Kept as 16-bit floats of 11 significant bits, multiplied as 32-bit floats: half the file.
    Fp16,
    /// Kept as 16-bit floats of 8 significant bits and the range of 32-bit ones, multiplied as 32-bit floats.
    Bf16,
    /// Kept and multiplied as 8-bit integers, each row of an input with a scale of its own and each column of a weight.
    /// What is not a product with a weight stays as it is. For ONNX Runtime on the CPU only.
    Int8,
}

impl Precision {
    /// Every precision, the most exact one first.
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

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|precision| precision.name() == text);
        found.ok_or_else(|| {
            format!("`{text}` is no precision; expected `fp32`, `fp16`, `bf16` or `int8`")
        })
    }
}

impl Model {
    /// Returns the graph in another precision than the 32-bit floats that it was built in.
    ///
    /// # Errors
    ///
    /// A sentence where a weight is beyond the range of the numbers.
    pub fn in_precision(self, precision: Precision) -> Result<Self, String> {
        let mut model = self.0;
        let graph = model.graph.take().unwrap_or_default();
        model.graph = Some(match precision {
            Precision::Fp32 => graph,
            Precision::Fp16 | Precision::Bf16 => sixteen_bit::kept(graph, precision)?,
            Precision::Int8 => {
                let (domain, version) = (RUNTIME_DOMAIN.to_owned(), 1);
                model.opset_import.push(OperatorSetIdProto { domain, version });
                int8::multiplied(graph)
            }
        });
        let (key, value) = ("precision".to_owned(), precision.to_string());
        model.metadata_props.push(StringStringEntryProto { key, value });
        Ok(Self(model))
    }
}
