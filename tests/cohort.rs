//! A small simulated cohort and its collection, made once for all tests that only read them.

use std::path::PathBuf;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::program::{has_encoder, run, text};

/// Nights and the collection that holds them.
pub(crate) struct Cohort {
    _folder: TempDir,
    pub(crate) nights: PathBuf,
    pub(crate) collection: PathBuf,
}

static COHORT: OnceLock<Option<Cohort>> = OnceLock::new();

/// Number of nights in the cohort.
pub(crate) const NIGHTS: usize = 4;

/// Returns the cohort, or says why there is none.
pub(crate) fn cohort() -> Option<&'static Cohort> {
    COHORT.get_or_init(|| has_encoder().then(make)).as_ref()
}

fn make() -> Cohort {
    let folder = tempfile::tempdir().unwrap();
    let (nights, collection) = (folder.path().join("nights"), folder.path().join("collection"));
    let n = NIGHTS.to_string();
    run(["simulate", "--out", text(&nights), "--nights", &n, "--hours", "2", "--seed", "31"])
        .expect_code(0);
    run(["index", text(&nights), "--collection", text(&collection)]).expect_code(0);
    Cohort { _folder: folder, nights, collection }
}
