//! Recognises files that are commonly passed instead of a checkpoint.

/// The kind of a file that is not a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignFile {
    /// It has no bytes.
    Empty,
    /// A folder.
    Folder,
    /// A Git LFS pointer, which `git clone` leaves if large files are not fetched.
    LfsPointer,
    /// A web page, usually the error page of a failed download.
    WebPage,
    /// Other text.
    Text,
    /// PyTorch's format before 0.2.
    Tar,
    /// A `TorchScript` program, which carries code.
    TorchScript,
    /// Another zip archive.
    OtherArchive,
    /// None of these.
    Unknown,
}

impl ForeignFile {
    /// Returns what the file is, with an article.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Empty => "an empty file",
            Self::Folder => "a folder",
            Self::LfsPointer => "a Git LFS pointer",
            Self::WebPage => "a web page",
            Self::Text => "a text file",
            Self::Tar => "a tar archive, the format of PyTorch before 0.2",
            Self::TorchScript => "a TorchScript program",
            Self::OtherArchive => "a zip archive without `data.pkl`",
            Self::Unknown => "in an unknown format",
        }
    }

    /// Returns the next step for the user.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Empty | Self::WebPage | Self::Text => {
                "download the file again and check the server's response"
            }
            Self::Folder => "pass the file in the folder, such as `model_checkpoint.pt`",
            Self::LfsPointer => "fetch the file itself from Git LFS",
            Self::Tar | Self::TorchScript => {
                "save the `state_dict()` with a newer PyTorch, or as safetensors"
            }
            Self::OtherArchive | Self::Unknown => {
                "pass a file written by `torch.save`, or a safetensors file"
            }
        }
    }
}
