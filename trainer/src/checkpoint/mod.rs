//! Checkpoints of others, `PyTorch`'s and safetensors, read without running anything that is in them.
//!
//! A checkpoint of `PyTorch` is a Python program; see [`pickle`] for what is done instead of running it.
//! Opening reads names, shapes and places; numbers are read tensor by tensor, so that a file of 4.6 GB with the
//! optimiser's state costs no more memory than the weights that are asked for.
//! Nothing is allocated that the length of the file does not bear out.

mod blob;
mod bytes;
mod contents;
mod element;
mod names;
mod pickle;
mod problem;
mod safetensors;
mod sniff;
mod source;
mod torch;
mod view;
mod zip;

use std::path::{Path, PathBuf};

use crate::{HostTensor, Result};

use contents::Contents;
use problem::{broken, expect};
use source::Source;

pub use element::ElementType;
pub use sniff::{Container, Mistaken};

/// An open checkpoint.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    source: Source,
    container: Container,
    contents: Contents,
    prefix: String,
}

/// What a checkpoint says of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TensorInfo<'a> {
    /// The name, without the prefix of a wrapper.
    pub name: &'a str,
    /// Type of the numbers in the file.
    pub element: ElementType,
    /// Lengths of the axes; empty for a single number.
    pub shape: &'a [usize],
}

impl Checkpoint {
    /// Opens a file that `torch.save` has written, of any version from 0.4 on, or a safetensors file.
    ///
    /// The weights are what is under `state_dict`, `model_state_dict` or `model`, else the whole.
    /// Names lose the prefixes `module.` and `_orig_mod.`, which wrappers of `PyTorch` put before all of them.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io); [`Error::NotACheckpoint`](crate::Error::NotACheckpoint) where the file is
    /// something else; [`Error::Code`](crate::Error::Code) where it names a function or class that weights do not need;
    /// [`Error::Format`](crate::Error::Format) where it is damaged, beyond the limits, or of unequal prefixes.
    pub fn open(path: &Path) -> Result<Self> {
        let open = || {
            let source = Source::open(path)?;
            let container = sniff::sniff(&source)?;
            let mut contents = match container {
                Container::Zip => torch::open_zip(&source),
                Container::Legacy => torch::open_legacy(&source),
                Container::Safetensors => safetensors::open(&source),
            }?;
            check_size(&contents)?;
            let prefix = names::strip_wrappers(&mut contents.tensors)?;
            Ok(Self { path: path.to_owned(), source, container, contents, prefix })
        };
        open().map_err(|problem: problem::Problem| problem.of(path))
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns how it is packed.
    pub fn container(&self) -> Container {
        self.container
    }

    /// Returns the key under which the weights are, or `None` where they are the whole.
    pub fn place(&self) -> Option<&'static str> {
        self.contents.place
    }

    /// Returns what was taken from the begin of every name.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns what the file holds beside the weights, each with a few words on what it is.
    pub fn others(&self) -> &[(String, String)] {
        &self.contents.others
    }

    /// Returns what the file says of the tensors, in order of the names.
    pub fn tensors(&self) -> impl Iterator<Item = TensorInfo<'_>> {
        self.contents.tensors.iter().map(|(name, view)| TensorInfo {
            name,
            element: view.element,
            shape: &view.shape,
        })
    }

    /// Reads a tensor, as the 32-bit floats that are nearest to its numbers.
    ///
    /// # Errors
    ///
    /// [`Error::Mismatch`](crate::Error::Mismatch) where there is none of that name, [`Error::Io`](crate::Error::Io),
    /// and [`Error::Format`](crate::Error::Format) where its bytes do not have the checksum that is kept of them.
    pub fn read(&self, name: &str) -> Result<HostTensor> {
        let view = self.contents.tensors.get(name).ok_or_else(|| crate::Error::missing(name))?;
        let blob = &self.contents.blobs[view.storage];
        let values = view.read(&self.source, blob, self.contents.order);
        let values = values.map_err(|problem| problem.of(&self.path))?;
        Ok(HostTensor { shape: view.shape.clone(), values })
    }
}

/// Refuses tensors that repeat the numbers of their storages so often that they do not fit into memory.
///
/// A tensor that is expanded along an axis has more numbers than its storage;
/// together they may have as many as the storages have bytes, four times what 32-bit floats without repetition have.
fn check_size(contents: &Contents) -> problem::Result<()> {
    let mut blobs = contents.blobs.clone();
    blobs.sort_unstable_by_key(|blob| blob.offset);
    blobs.dedup();
    let bytes = blobs.iter().fold(0u64, |sum, blob| sum.saturating_add(blob.len));
    let tensors = contents.tensors.values();
    let numbers = tensors.fold(0u64, |sum, view| sum.saturating_add(view.n_elements() as u64));
    expect(numbers <= bytes, || {
        format!("its tensors have {numbers} numbers in storages of {bytes} bytes")
    })?;
    expect(!contents.tensors.is_empty(), || {
        "it holds no tensors where weights are looked for".to_owned()
    })
    .map_err(
        |problem| if contents.others.is_empty() { problem } else { broken(no_tensors(contents)) },
    )
}

fn no_tensors(contents: &Contents) -> String {
    let others: Vec<String> =
        contents.others.iter().take(8).map(|(name, what)| format!("`{name}` ({what})")).collect();
    format!("it holds no tensors where weights are looked for, but {}", others.join(", "))
}
