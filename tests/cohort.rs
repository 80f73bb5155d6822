//! A small simulated cohort and its collection, shared by all tests that only read them.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nocturne_testing::{Absent, onnx_runtime};

use crate::program::{run, text};
use crate::shared_folder::shared_folder;

/// Simulated nights and the collection that contains them.
pub(crate) struct Cohort {
    folder: PathBuf,
    pub(crate) nights: PathBuf,
    pub(crate) collection: PathBuf,
}

impl Cohort {
    /// Returns the folder above the nights and the collection.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

static COHORT: OnceLock<Result<Cohort, Absent>> = OnceLock::new();

/// Number of nights in the cohort.
pub(crate) const NIGHTS: usize = 4;

/// Returns the cohort, unless there is no ONNX Runtime to index it.
pub(crate) fn cohort() -> Result<&'static Cohort, Absent> {
    let cohort = COHORT.get_or_init(|| onnx_runtime().map(|_| create()));
    cohort.as_ref().map_err(Absent::clone)
}

fn create() -> Cohort {
    let folder = shared_folder("cohort", |folder| {
        let (nights, collection) = (folder.join("nights"), folder.join("collection"));
        let n = NIGHTS.to_string();
        run(["simulate", "--out", text(&nights), "--nights", &n, "--hours", "2", "--seed", "31"])
            .expect_code(0);
        run(["index", text(&nights), "--collection", text(&collection)]).expect_code(0);
    });
    let (nights, collection) = (folder.join("nights"), folder.join("collection"));
    Cohort { folder, nights, collection }
}
