//! The resources that tests may ask for.

use std::fmt;

/// Something outside the repository that a test needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// ONNX Runtime, which runs the encoders. `cargo xtask setup` installs it.
    Encoder,
    /// Real recordings, in the folder `shared/data` beside the repository.
    Data,
    /// Reference outputs of other implementations, in the folder `shared/goldens` beside the repository.
    Goldens,
    /// Inputs with their right answers, in the folder `shared/cases` beside the repository.
    Cases,
    /// Tables of published label names, in the folder `shared/reference/tables` beside the repository.
    Tables,
    /// A Qdrant server, whose address is in `QDRANT_URL`.
    Qdrant,
    /// Python packages for an independent gRPC client. `cargo xtask test` installs them.
    Client,
    /// Space for a checkpoint of several gigabytes, in the folder named by `NOCTURNE_TEST_BASE_FOLDER`.
    BaseFolder,
}

impl Resource {
    /// Returns the name by which `NOCTURNE_REQUIRE` lists the resource.
    pub fn name(self) -> &'static str {
        match self {
            Self::Encoder => "encoder",
            Self::Data => "data",
            Self::Goldens => "goldens",
            Self::Cases => "cases",
            Self::Tables => "tables",
            Self::Qdrant => "qdrant",
            Self::Client => "client",
            Self::BaseFolder => "base-folder",
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
