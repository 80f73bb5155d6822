//! Reading checkpoints of other programs, valid and rejected ones.

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

use nocturne_testing::{Absent, golden};
use nocturne_trainer::{Checkpoint, Result};

/// Returns a checkpoint written by PyTorch, or why it is absent.
fn shared(name: &str) -> std::result::Result<PathBuf, Absent> {
    golden(&format!("tiny/{name}"))
}

/// Opens bytes as a file named `x.pt`.
fn open(bytes: &[u8]) -> Result<Checkpoint> {
    open_in(tempfile::tempdir().unwrap().path(), bytes)
}

/// Opens bytes as a file in `folder`, which stays readable while it is open.
fn open_in(folder: &Path, bytes: &[u8]) -> Result<Checkpoint> {
    let path = folder.join("x.pt");
    std::fs::write(&path, bytes).unwrap();
    Checkpoint::open(&path)
}

/// Returns the message of the error for `bytes`, without the folder of the test.
fn message_for(bytes: &[u8]) -> String {
    message_of(&open(bytes).unwrap_err())
}

/// Returns the message of an error without the folder of the test.
fn message_of(error: &nocturne_trainer::Error) -> String {
    let message = error.to_string();
    let (before, after) = message.split_once("x.pt").unwrap();
    let (before, _folder) = before.rsplit_once('`').unwrap();
    format!("{before}`x.pt{after}")
}
