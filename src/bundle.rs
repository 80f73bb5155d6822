//! Chooses the bundle of a command: the given one, the one of the collection, or the shipped one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nocturne_encoder::Bundle;
use nocturne_index::{Error, Location, SpaceName, SpaceRecord, Spaces};

/// The bundle that ships with the repository.
const SHIPPED: &str = "models/nocturne-tiny";

/// Opens the given bundle, or the shipped one.
pub(crate) fn open(given: Option<&Path>) -> Result<Bundle> {
    Ok(Bundle::open(&given.map_or_else(shipped, |folder| Ok(folder.to_owned()))?)?)
}

/// Opens the given bundle, or the one that filled the served space of a collection, or the shipped one.
pub(crate) fn open_for(given: Option<&Path>, collection: &Location) -> Result<Bundle> {
    if given.is_some() {
        return open(given);
    }
    let record = match collection.record() {
        // The command reports these when it opens the collection, or creates the collection.
        Err(Error::NotACollection { .. } | Error::UnknownSpace { .. } | Error::Io { .. }) => None,
        record => record?,
    };
    match record {
        None => open(None),
        Some(record) => recorded(&record),
    }
}

/// Opens the given bundle, or the one that is recorded for a space.
pub(crate) fn open_of_space(
    given: Option<&Path>,
    spaces: &dyn Spaces,
    name: &SpaceName,
) -> Result<Bundle> {
    match spaces.record(name)? {
        Some(record) if given.is_none() => recorded(&record),
        _ => open(given),
    }
}

/// Opens the bundle that filled a space: from the recorded folder, or the shipped one if it has the same fingerprint.
fn recorded(record: &SpaceRecord) -> Result<Bundle> {
    let fits = |bundle: &Bundle| bundle.fingerprint() == record.space.fingerprint;
    let problem = match Bundle::open(&record.bundle_folder) {
        Ok(bundle) if fits(&bundle) => return Ok(bundle),
        Ok(bundle) => anyhow::anyhow!(
            "`{}` now contains the bundle `{}` ({})",
            record.bundle_folder.display(),
            bundle.manifest().name,
            bundle.fingerprint()
        ),
        Err(error) => error.into(),
    };
    match open(None) {
        Ok(bundle) if fits(&bundle) => Ok(bundle),
        _ => Err(problem.context(format!(
            "cannot find the bundle `{1}` ({2}) that filled the space `{0}`; pass it with `--bundle DIR`",
            record.name, record.space.bundle, record.space.fingerprint
        ))),
    }
}

fn shipped() -> Result<PathBuf> {
    let program = std::env::current_exe().unwrap_or_default();
    let working = std::env::current_dir().unwrap_or_default();
    let folders = program.ancestors().chain(working.ancestors()).map(|folder| folder.join(SHIPPED));
    let found = folders.into_iter().find(|folder| folder.is_dir());
    found.with_context(|| {
        format!("cannot find the bundle `{SHIPPED}`; pass one with `--bundle DIR`")
    })
}
