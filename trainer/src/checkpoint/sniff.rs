//! What a file is, by its first bytes.

use super::problem::{Problem, Result};
use super::source::Source;

/// How a checkpoint is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// `PyTorch`'s zip archive of a pickle and storages (from 1.6 on).
    Zip,
    /// `PyTorch`'s pickles with storages behind them (before 1.6).
    Legacy,
    /// A safetensors file.
    Safetensors,
}

/// What people hand over in place of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistaken {
    /// Nothing.
    Empty,
    /// A folder.
    Folder,
    /// What `git clone` leaves where large files were not fetched.
    LfsPointer,
    /// A web page, mostly the error of a download.
    WebPage,
    /// Other text.
    Text,
    /// `PyTorch`'s format before 0.2.
    Tar,
    /// A program of `TorchScript`, which carries code.
    TorchScript,
    /// Another zip archive.
    OtherArchive,
    /// None of these.
    Unknown,
}

impl Container {
    /// Returns the name for messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zip => "PyTorch's zip archive",
            Self::Legacy => "PyTorch's format before 1.6",
            Self::Safetensors => "safetensors",
        }
    }
}

impl Mistaken {
    /// Returns what the file is, with an article.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Empty => "an empty file",
            Self::Folder => "a folder",
            Self::LfsPointer => "a pointer of git-LFS",
            Self::WebPage => "a web page",
            Self::Text => "a text file",
            Self::Tar => "a tar archive, the format of PyTorch before 0.2",
            Self::TorchScript => "a TorchScript program",
            Self::OtherArchive => "a zip archive without `data.pkl`",
            Self::Unknown => "something else",
        }
    }

    /// Returns the next step.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Empty | Self::WebPage | Self::Text => {
                "download it again, and look at what the server answers"
            }
            Self::Folder => "give the file in it, such as `model_checkpoint.pt`",
            Self::LfsPointer => "`git lfs pull` gets the file itself",
            Self::Tar | Self::TorchScript => {
                "save the `state_dict()` with a newer PyTorch, or as safetensors"
            }
            Self::OtherArchive | Self::Unknown => {
                "give a file that `torch.save` has written, or a safetensors file"
            }
        }
    }
}

/// Returns the container of a file.
pub(super) fn sniff(source: &Source) -> Result<Container> {
    const HEAD: u64 = 512;
    let head = source.read(0, HEAD.min(source.len()))?;
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(Container::Zip);
    }
    if head.first() == Some(&0x80) && head.get(1).is_some_and(|protocol| (2..=5).contains(protocol))
    {
        return Ok(Container::Legacy);
    }
    if let Some((length, rest)) = head.split_first_chunk::<8>()
        && u64::from_le_bytes(*length) <= source.len() - 8
        && rest.first() == Some(&b'{')
    {
        return Ok(Container::Safetensors);
    }
    Err(Problem::Mistaken(mistaken(&head)))
}

fn mistaken(head: &[u8]) -> Mistaken {
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..);
    if head.is_empty() {
        Mistaken::Empty
    } else if head.starts_with(b"version https://git-lfs") {
        Mistaken::LfsPointer
    } else if head.trim_ascii_start().starts_with(b"<") {
        Mistaken::WebPage
    } else if head.get(257..262) == Some(b"ustar") {
        Mistaken::Tar
    } else if head.iter().all(is_text) {
        Mistaken::Text
    } else {
        Mistaken::Unknown
    }
}
