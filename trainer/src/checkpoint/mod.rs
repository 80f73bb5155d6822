//! Reads PyTorch and safetensors checkpoints without executing anything in them.
//!
//! A PyTorch checkpoint is a Python program; see [`pickle`] for how it is read as data. Opening reads names, shapes and
//! offsets. Numbers are read tensor by tensor, so a file of 4.6 GB with the optimizer's state needs no more memory than
//! the requested weights. No allocation exceeds what the length of the file allows.

mod byte_cursor;
mod byte_range;
mod container;
mod element;
mod error;
mod file;
mod pickle;
mod safetensors;
mod state_dict;
mod strided_tensor;
mod torch;
mod wrapper_prefixes;
mod zip;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::host_tensor::HostTensor;

use error::{expect, invalid};
use file::CheckpointFile;
use state_dict::StateDict;

pub use container::Container;
pub use element::ElementType;

/// An open checkpoint.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    file: CheckpointFile,
    container: Container,
    state_dict: StateDict,
    prefix: String,
}

/// Metadata of a tensor in a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TensorInfo<'a> {
    /// The name, without the prefix of a wrapper.
    pub name: &'a str,
    /// Element type in the file.
    pub element: ElementType,
    /// Lengths of the axes; empty for a single number.
    pub shape: &'a [usize],
}

impl Checkpoint {
    /// Opens a file written by `torch.save` of any version since 0.4, or a safetensors file.
    ///
    /// The weights are read from `state_dict`, `model_state_dict` or `model`, else from the top level. The prefixes
    /// `module.` and `_orig_mod.`, which PyTorch's wrappers add to every name, are removed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::NotACheckpoint`] if the file is something else; [`Error::ForbiddenCall`] if it refers to
    /// a function or class that weights do not need; [`Error::Format`] if it is damaged, exceeds the limits, or only
    /// some names have a wrapper's prefix.
    pub fn open(path: &Path) -> Result<Self> {
        let open = || {
            let file = CheckpointFile::open(path)?;
            let container = container::detect(&file)?;
            let mut state_dict = match container {
                Container::Zip => torch::open_zip(&file),
                Container::Legacy => torch::open_legacy(&file),
                Container::Safetensors => safetensors::open(&file),
            }?;
            check_size(&state_dict)?;
            let prefix = wrapper_prefixes::strip_wrappers(&mut state_dict.tensors)?;
            Ok(Self { path: path.to_owned(), file, container, state_dict, prefix })
        };
        open().map_err(|error: error::CheckpointError| error.in_file(path))
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the container format.
    pub fn container(&self) -> Container {
        self.container
    }

    /// Returns the key of the weights, or `None` if they are at the top level.
    pub fn key(&self) -> Option<&'static str> {
        self.state_dict.key
    }

    /// Returns the prefix that was removed from every name.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the name and a short description of each value that is not a weight.
    pub fn others(&self) -> &[(String, String)] {
        &self.state_dict.others
    }

    /// Returns the metadata of the tensors, ordered by name.
    pub fn tensors(&self) -> impl Iterator<Item = TensorInfo<'_>> {
        self.state_dict.tensors.iter().map(|(name, view)| TensorInfo {
            name,
            element: view.element,
            shape: &view.shape,
        })
    }

    /// Reads a tensor, rounded to 32-bit floats.
    ///
    /// # Errors
    ///
    /// [`Error::WeightMismatch`] if there is no tensor with that name, [`Error::Io`], and [`Error::Format`] if the
    /// checksum of its bytes does not match.
    pub fn read(&self, name: &str) -> Result<HostTensor> {
        let view = self.state_dict.tensors.get(name).ok_or_else(|| Error::missing(name))?;
        let range = &self.state_dict.storages[view.storage];
        let values = view.read(&self.file, range, self.state_dict.order);
        let values = values.map_err(|problem| problem.in_file(&self.path))?;
        Ok(HostTensor { shape: view.shape.clone(), values })
    }
}

/// Rejects tensors that repeat the numbers of their storages so often that they may not fit into memory.
///
/// A tensor that is expanded along an axis has more numbers than its storage. Together they may have as many numbers as
/// the storages have bytes, four times as many as 32-bit floats without repetition.
fn check_size(state_dict: &StateDict) -> error::Result<()> {
    let mut storages = state_dict.storages.clone();
    storages.sort_unstable_by_key(|range| range.offset);
    storages.dedup();
    let bytes = storages.iter().fold(0u64, |sum, range| sum.saturating_add(range.len));
    let tensors = state_dict.tensors.values();
    let numbers = tensors.fold(0u64, |sum, view| sum.saturating_add(view.n_elements() as u64));
    expect(numbers <= bytes, || {
        format!("its tensors have {numbers} elements in storages of {bytes} bytes")
    })?;
    expect(!state_dict.tensors.is_empty(), || "no tensors found".to_owned()).map_err(|problem| {
        if state_dict.others.is_empty() { problem } else { invalid(no_tensors(state_dict)) }
    })
}

fn no_tensors(state_dict: &StateDict) -> String {
    let others: Vec<String> =
        state_dict.others.iter().take(8).map(|(name, what)| format!("`{name}` ({what})")).collect();
    format!("no tensors found; it contains {}", others.join(", "))
}
