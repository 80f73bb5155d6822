//! Where the resources of tests are.

use std::path::{Path, PathBuf};

use crate::absent::Absent;
use crate::resource::Resource;

/// Returns the root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package is in a folder of the root")
}

/// Returns the folder of real recordings.
///
/// # Errors
///
/// If the folder is absent.
pub fn shared_data() -> Result<PathBuf, Absent> {
    shared("data", Resource::Data)
}

/// Returns the folder of reference outputs.
///
/// # Errors
///
/// If the folder is absent.
pub fn goldens() -> Result<PathBuf, Absent> {
    shared("goldens", Resource::Goldens)
}

/// Returns one file or folder of reference outputs.
///
/// # Errors
///
/// If it is absent.
pub fn golden(name: &str) -> Result<PathBuf, Absent> {
    shared(&format!("goldens/{name}"), Resource::Goldens)
}

/// Returns one file or folder of inputs with their right answers.
///
/// # Errors
///
/// If it is absent.
pub fn case(name: &str) -> Result<PathBuf, Absent> {
    shared(&format!("cases/{name}"), Resource::Cases)
}

/// Returns the folder of tables of published label names.
///
/// # Errors
///
/// If the folder is absent.
pub fn shared_tables() -> Result<PathBuf, Absent> {
    shared("reference/tables", Resource::Tables)
}

/// Returns the library of ONNX Runtime: the one named by `ORT_DYLIB_PATH`, or the one that `cargo xtask setup` installs.
///
/// # Errors
///
/// If neither is there.
pub fn onnx_runtime() -> Result<PathBuf, Absent> {
    if let Some(library) = environment("ORT_DYLIB_PATH") {
        return Ok(library.into());
    }
    let libraries = ["libonnxruntime.so", "libonnxruntime.dylib"];
    let mut installed = libraries.map(|name| root().join(".ort").join(name)).into_iter();
    installed.find(|path| path.is_file()).ok_or_else(|| {
        let reason = "ORT_DYLIB_PATH is not set and `.ort` is empty; run `cargo xtask setup`";
        Absent::new(Resource::Encoder, reason)
    })
}

/// Returns the folder with the Python packages of the independent client.
///
/// # Errors
///
/// If `NOCTURNE_TEST_PYTHONPATH` is not set.
pub fn python_client() -> Result<String, Absent> {
    environment("NOCTURNE_TEST_PYTHONPATH").ok_or_else(|| {
        Absent::new(
            Resource::Client,
            "NOCTURNE_TEST_PYTHONPATH is not set; `cargo xtask test` sets it",
        )
    })
}

fn shared(name: &str, resource: Resource) -> Result<PathBuf, Absent> {
    let path = root().join("../shared").join(name);
    if path.exists() {
        return Ok(path);
    }
    Err(Absent::new(resource, format_args!("`../shared/{name}` does not exist")))
}

/// Returns an environment variable that is set and not empty.
pub(crate) fn environment(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "tests have no arguments")]
    let value = std::env::var(name).ok();
    value.filter(|value| !value.is_empty())
}
