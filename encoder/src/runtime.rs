//! Finds and loads the ONNX Runtime library and chooses the device.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::OnceLock;

use ort::environment::Environment;
use ort::ep::{self, ExecutionProvider};
use ort::session::builder::SessionBuilder;

use crate::error::{Cause, Error, Result};

/// File name of the library.
pub const LIBRARY: &str = if cfg!(target_os = "macos") {
    "libonnxruntime.dylib"
} else if cfg!(windows) {
    "onnxruntime.dll"
} else {
    "libonnxruntime.so"
};

/// Folder in which `cargo xtask setup` installs the library, at the root of the repository.
pub const FOLDER: &str = ".ort";

/// The device on which the encoder runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Device {
    /// A CUDA device if one is available, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A CUDA device; an error if none is available.
    Cuda,
}

impl Device {
    /// The names of all devices.
    pub const NAMES: [&str; 3] = ["auto", "cpu", "cuda"];
}

impl FromStr for Device {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        match name {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            _ => Err(format!("`{name}` is not a device; expected `auto`, `cpu` or `cuda`")),
        }
    }
}

/// The execution provider that a session really uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// `cpu` or `cuda`.
    pub name: &'static str,
    /// Reason for using the CPU if the device is [`Device::Auto`].
    pub fallback_reason: Option<String>,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The loaded library.
#[derive(Debug, Clone, Copy)]
pub struct Runtime {
    loaded: &'static LoadedLibrary,
}

struct LoadedLibrary {
    library: PathBuf,
    environment: Environment,
}

impl fmt::Debug for LoadedLibrary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedLibrary").field("library", &self.library).finish_non_exhaustive()
    }
}

/// A process can load only one library.
static LOADED: OnceLock<LoadedLibrary> = OnceLock::new();

impl Runtime {
    /// Loads the library from a file; `None` loads the one that [`find`] locates.
    ///
    /// A second call returns the library that the first one loaded.
    ///
    /// # Errors
    ///
    /// [`Error::NoRuntime`] if there is none, [`Error::Runtime`] if the file is not the library.
    pub fn load(library: Option<&Path>) -> Result<Self> {
        if let Some(loaded) = LOADED.get() {
            return Ok(Self { loaded });
        }
        let library = find(library)?;
        let error = |source: Cause| Error::Runtime { path: library.clone(), source };
        let builder = ort::init_from(&library).map_err(|source| error(source.into()))?;
        let environment = builder
            .with_name("nocturne")
            .with_telemetry(false)
            .build()
            .map_err(|source| error(source.into()))?;
        Ok(Self { loaded: LOADED.get_or_init(|| LoadedLibrary { library, environment }) })
    }

    /// Returns the file that was loaded.
    pub fn library(&self) -> &'static Path {
        &self.loaded.library
    }

    /// Starts a session on a device and returns its execution provider.
    pub(crate) fn session(
        self,
        device: Device,
        threads: usize,
    ) -> Result<(SessionBuilder, Provider)> {
        let mut builder = self.cpu_session(threads)?;
        let cuda = || ep::CUDA::default();
        let provider = match device {
            Device::Cpu => Provider { name: "cpu", fallback_reason: None },
            Device::Cuda => {
                // That the provider is compiled in does not mean that a device exists; registering it finds out.
                cuda()
                    .register(&mut builder)
                    .map_err(|source| Error::NoCuda { source: source.into() })?;
                Provider { name: "cuda", fallback_reason: None }
            }
            Device::Auto => match cuda().register(&mut builder) {
                Ok(()) => Provider { name: "cuda", fallback_reason: None },
                Err(error) => Provider { name: "cpu", fallback_reason: Some(error.to_string()) },
            },
        };
        Ok((builder, provider))
    }

    /// Starts a session on the CPU.
    pub(crate) fn cpu_session(self, threads: usize) -> Result<SessionBuilder> {
        let error = |source: ort::Error| Error::Runtime {
            path: self.loaded.library.clone(),
            source: source.into(),
        };
        let builder = SessionBuilder::new(&self.loaded.environment).map_err(error)?;
        // Spinning threads would take the cores from reading and searching between batches.
        let builder = builder.with_intra_threads(threads).map_err(|source| error(source.into()))?;
        builder.with_intra_op_spinning(false).map_err(|source| error(source.into()))
    }
}

/// Returns the library file: the given one, or else the first of these that exists.
///
/// 1. in `lib/` beside the folder of the program;
/// 2. in `.ort/` in the folder of the program or above it, where `cargo xtask setup` installs it;
/// 3. in `.ort/` in the working folder or above it.
///
/// # Errors
///
/// [`Error::NoRuntime`] if there is none.
pub fn find(library: Option<&Path>) -> Result<PathBuf> {
    // An empty environment variable counts as unset.
    if let Some(library) = library.filter(|library| !library.as_os_str().is_empty()) {
        let found = library.is_file().then(|| library.to_owned());
        return found.ok_or_else(|| Error::NoRuntime { path: library.to_owned() });
    }
    let program = std::env::current_exe().unwrap_or_default();
    let installed =
        program.parent().and_then(Path::parent).map(|folder| folder.join("lib").join(LIBRARY));
    let working = std::env::current_dir().unwrap_or_default();
    let set_up = program
        .ancestors()
        .chain(working.ancestors())
        .map(|folder| folder.join(FOLDER).join(LIBRARY));
    let found = installed.into_iter().chain(set_up).find(|path| path.is_file());
    found.ok_or_else(|| Error::NoRuntime { path: Path::new(FOLDER).join(LIBRARY) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_library_is_named_with_a_hint() {
        let error = find(Some(Path::new("/nowhere/libonnxruntime.so"))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the ONNX Runtime library `/nowhere/libonnxruntime.so` does not exist"
        );
        let hint = "install ONNX Runtime, or pass the path of its shared library";
        assert_eq!(error.hint(), Some(hint));
    }

    #[test]
    fn devices_are_parsed_by_name() {
        assert_eq!("cuda".parse(), Ok(Device::Cuda));
        assert_eq!(
            "gpu".parse::<Device>(),
            Err("`gpu` is not a device; expected `auto`, `cpu` or `cuda`".to_owned())
        );
    }
}
