//! Folders that are filled once and read by many tests.
//!
//! The test runner may start a process for each test, so a folder is kept beside the build and belongs to the program that
//! filled it: the first test fills it, and those that start meanwhile wait.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::program::root;

/// Folder for files of tests.
const TEMPORARY: &str = env!("CARGO_TARGET_TMPDIR");

/// Returns a folder that `fill` has filled for this build of the program and the shipped bundle. Tests must not change it.
pub(crate) fn shared_folder(name: &str, fill: impl FnOnce(&Path)) -> PathBuf {
    let lock = File::create(Path::new(TEMPORARY).join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    let folder = Path::new(TEMPORARY).join(format!("{name}-{:016x}", build()));
    let complete = folder.join("complete");
    if !complete.exists() {
        remove_earlier(name);
        fs::create_dir(&folder).unwrap();
        fill(&folder);
        fs::write(&complete, "").unwrap();
    }
    folder
}

/// Returns a hash of what changes the contents: the program and the bundle.
fn build() -> u64 {
    let mut hash = DefaultHasher::new();
    let program = fs::metadata(env!("CARGO_BIN_EXE_nocturne")).unwrap();
    (program.len(), program.modified().unwrap()).hash(&mut hash);
    for file in ["bundle.toml", "calibration.toml"] {
        fs::read(root().join("models/nocturne-tiny").join(file)).unwrap().hash(&mut hash);
    }
    hash.finish()
}

/// Removes the folders of earlier builds and unfinished ones.
fn remove_earlier(name: &str) {
    for entry in fs::read_dir(TEMPORARY).unwrap().map(Result::unwrap) {
        let file_name = entry.file_name().into_string().unwrap_or_default();
        let rest = file_name.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
        if rest.is_some_and(|rest| rest.len() == 16) {
            fs::remove_dir_all(entry.path()).unwrap();
        }
    }
}
