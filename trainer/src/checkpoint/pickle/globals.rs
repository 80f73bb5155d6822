//! The Python names that a checkpoint may use; all others are rejected.

use std::fmt;

use super::super::element::ElementType;

/// A known name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Global {
    /// A storage's type; `None` for bytes.
    Storage(Option<ElementType>),
    /// An element type.
    Dtype(ElementType),
    /// `_rebuild_tensor`, which takes only storage, offset, shape and strides.
    RebuildTensor,
    /// `_rebuild_tensor_v2`
    RebuildTensorV2,
    /// `_rebuild_tensor_v3`, which also takes the element type.
    RebuildTensorV3,
    /// `_rebuild_parameter`, with or without state.
    RebuildParameter,
    OrderedDict,
    Size,
    /// A name of [`INERT`].
    Inert(&'static str),
}

/// Element types by storage class in `torch`.
const STORAGES: [(&str, ElementType); 10] = [
    ("DoubleStorage", ElementType::F64),
    ("FloatStorage", ElementType::F32),
    ("HalfStorage", ElementType::F16),
    ("BFloat16Storage", ElementType::Bf16),
    ("LongStorage", ElementType::I64),
    ("IntStorage", ElementType::I32),
    ("ShortStorage", ElementType::I16),
    ("CharStorage", ElementType::I8),
    ("ByteStorage", ElementType::U8),
    ("BoolStorage", ElementType::Bool),
];

/// Classes and functions of other values that training scripts save with weights. Their results are kept as a name and
/// never inspected.
///
/// None of them is executed, so their behaviour does not matter.
const INERT: [&str; 62] = [
    "_codecs.encode",
    "argparse.Namespace",
    "builtins.bytearray",
    "builtins.complex",
    "builtins.frozenset",
    "builtins.list",
    "builtins.dict",
    "builtins.range",
    "builtins.set",
    "builtins.slice",
    "builtins.tuple",
    "builtins.int",
    "builtins.long",
    "builtins.float",
    "builtins.str",
    "builtins.bool",
    "collections.Counter",
    "collections.defaultdict",
    "collections.deque",
    "datetime.date",
    "datetime.datetime",
    "datetime.timedelta",
    "numpy.bool_",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy.core.numeric._frombuffer",
    "numpy._core.numeric._frombuffer",
    "numpy.dtype",
    "numpy.dtypes.BoolDType",
    "numpy.dtypes.Float32DType",
    "numpy.dtypes.Float64DType",
    "numpy.dtypes.Int32DType",
    "numpy.dtypes.Int64DType",
    "numpy.dtypes.UInt32DType",
    "numpy.dtypes.UInt64DType",
    "numpy.dtypes.UInt8DType",
    "numpy.float16",
    "numpy.float32",
    "numpy.float64",
    "numpy.int32",
    "numpy.int64",
    "numpy.ndarray",
    "numpy.uint8",
    "pathlib.Path",
    "pathlib.PosixPath",
    "pathlib.PurePath",
    "pathlib.PurePosixPath",
    "pathlib.PureWindowsPath",
    "pathlib.WindowsPath",
    "torch.channels_last",
    "torch.complex64",
    "torch.contiguous_format",
    "torch.device",
    "torch.float8_e4m3fn",
    "torch.float8_e5m2",
    "torch.preserve_format",
    "torch.strided",
    "torch.torch_version.TorchVersion",
    "torch.Generator",
    "types.SimpleNamespace",
];

impl Global {
    /// Returns the meaning of a name, or `None` if it is not allowed.
    pub(super) fn find(module: &str, name: &str) -> Option<Self> {
        // Up to protocol 2, Python 3 writes the module names of Python 2.
        let module = if module == "__builtin__" { "builtins" } else { module };
        let rebuild = match (module, name) {
            ("torch._utils", "_rebuild_tensor") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_tensor_v2") => Some(Self::RebuildTensorV2),
            ("torch._utils", "_rebuild_tensor_v3") => Some(Self::RebuildTensorV3),
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Some(Self::RebuildParameter)
            }
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch", "Size") => Some(Self::Size),
            ("torch" | "torch.storage", "UntypedStorage") => Some(Self::Storage(None)),
            ("torch" | "torch.cuda" | "torch.storage", _) => Self::find_type(module, name),
            _ => None,
        };
        rebuild.or_else(|| {
            let is_it = |full: &&&str| {
                full.strip_suffix(name).and_then(|rest| rest.strip_suffix('.')) == Some(module)
            };
            INERT.iter().find(is_it).map(|full| Self::Inert(full))
        })
    }

    fn find_type(module: &str, name: &str) -> Option<Self> {
        let storage = STORAGES.iter().find(|(class, _)| *class == name);
        let dtype = ElementType::ALL.into_iter().find(|it| module == "torch" && it.name() == name);
        storage.map(|(_, element)| Self::Storage(Some(*element))).or(dtype.map(Self::Dtype))
    }
}

impl fmt::Display for Global {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(Some(element)) => write!(f, "storage of {}", element.name()),
            Self::Storage(None) => f.write_str("storage of bytes"),
            Self::Dtype(element) => write!(f, "torch.{}", element.name()),
            Self::RebuildTensor | Self::RebuildTensorV2 | Self::RebuildTensorV3 => {
                f.write_str("torch._utils._rebuild_tensor")
            }
            Self::RebuildParameter => f.write_str("torch._utils._rebuild_parameter"),
            Self::OrderedDict => f.write_str("collections.OrderedDict"),
            Self::Size => f.write_str("torch.Size"),
            Self::Inert(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_names_are_found() {
        assert_eq!(
            Global::find("torch", "BFloat16Storage"),
            Some(Global::Storage(Some(ElementType::Bf16)))
        );
        assert_eq!(Global::find("torch", "bfloat16"), Some(Global::Dtype(ElementType::Bf16)));
        assert_eq!(
            Global::find("argparse", "Namespace"),
            Some(Global::Inert("argparse.Namespace"))
        );
        assert_eq!(Global::find("__builtin__", "set"), Some(Global::Inert("builtins.set")));
        for (module, name) in [
            ("builtins", "eval"),
            ("__builtin__", "eval"),
            ("torch.cuda", "float32"),
            ("argparse", "Name"),
            ("gparse", "Namespace"),
            ("", "argparse.Namespace"),
            ("torch", "load"),
            ("torch.storage", "_load_from_bytes"),
        ] {
            assert_eq!(Global::find(module, name), None, "{module}.{name}");
        }
    }
}
