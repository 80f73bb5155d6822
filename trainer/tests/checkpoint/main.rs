//! Checkpoints of others: what is read of them, and what is refused.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod archive;
mod archives;
mod base_size;
mod code;
mod containers;
mod damage;
mod import;
mod limits;
mod pickle;
mod program;
mod torch;

use std::path::{Path, PathBuf};

use nocturne_trainer::{Checkpoint, Result};

/// Returns a checkpoint made with other means, or says that the test is skipped.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/goldens/tiny").join(name);
    if !path.is_file() {
        println!("skipped: no fixtures");
        return None;
    }
    Some(path)
}

/// Opens bytes as a file named `x.pt`.
fn open(bytes: &[u8]) -> Result<Checkpoint> {
    open_in(tempfile::tempdir().unwrap().path(), bytes)
}

/// Does the same in a folder; the file stays readable while it is open.
fn open_in(folder: &Path, bytes: &[u8]) -> Result<Checkpoint> {
    let path = folder.join("x.pt");
    std::fs::write(&path, bytes).unwrap();
    Checkpoint::open(&path)
}

/// Returns the sentence by which bytes are refused, without the folder of the test.
fn refusal(bytes: &[u8]) -> String {
    sentence(&open(bytes).unwrap_err())
}

/// Returns an error's sentence without the folder of the test.
fn sentence(error: &nocturne_trainer::Error) -> String {
    let sentence = error.to_string();
    let (before, after) = sentence.split_once("x.pt").unwrap();
    let (before, _folder) = before.rsplit_once('`').unwrap();
    format!("{before}`x.pt{after}")
}
