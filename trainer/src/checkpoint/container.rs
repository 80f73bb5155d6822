//! The container of a checkpoint, detected from its first bytes.

use super::error::{CheckpointError, Result};
use super::file::CheckpointFile;
use crate::error::ForeignFile;

/// The container format of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// PyTorch's zip archive of a pickle and storages (since 1.6).
    Zip,
    /// PyTorch's pickles followed by storages (before 1.6).
    Legacy,
    /// A safetensors file.
    Safetensors,
}

impl Container {
    /// Returns the name used in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zip => "PyTorch's zip archive",
            Self::Legacy => "PyTorch's format before 1.6",
            Self::Safetensors => "safetensors",
        }
    }
}

/// Returns the container of a file.
pub(super) fn detect(file: &CheckpointFile) -> Result<Container> {
    const HEAD: u64 = 512;
    let head = file.read(0, HEAD.min(file.len()))?;
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(Container::Zip);
    }
    if head.first() == Some(&0x80) && head.get(1).is_some_and(|protocol| (2..=5).contains(protocol))
    {
        return Ok(Container::Legacy);
    }
    if let Some((length, rest)) = head.split_first_chunk::<8>()
        && u64::from_le_bytes(*length) <= file.len() - 8
        && rest.first() == Some(&b'{')
    {
        return Ok(Container::Safetensors);
    }
    Err(CheckpointError::ForeignFile(foreign_file(&head)))
}

fn foreign_file(head: &[u8]) -> ForeignFile {
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..);
    if head.is_empty() {
        ForeignFile::Empty
    } else if head.starts_with(b"version https://git-lfs") {
        ForeignFile::LfsPointer
    } else if head.trim_ascii_start().starts_with(b"<") {
        ForeignFile::WebPage
    } else if head.get(257..262) == Some(b"ustar") {
        ForeignFile::Tar
    } else if head.iter().all(is_text) {
        ForeignFile::Text
    } else {
        ForeignFile::Unknown
    }
}
