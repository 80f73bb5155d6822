//! Which bundle a command uses where none is named.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nocturne_encoder::Bundle;
use nocturne_index::{Error, SpaceKeeper, SpaceName, SpaceRecord};

use crate::args::Reached;

/// The bundle that ships with the repository.
const SHIPPED: &str = "models/nocturne-tiny";

/// Opens the bundle that is named, or the shipped one.
pub(crate) fn open(given: Option<&Path>) -> Result<Bundle> {
    Ok(Bundle::open(&given.map_or_else(shipped, |folder| Ok(folder.to_owned()))?)?)
}

/// Opens the bundle that is named, or the one that the served space of a collection was filled with, or the shipped one.
pub(crate) fn open_for(given: Option<&Path>, collection: Reached<'_>) -> Result<Bundle> {
    if given.is_some() {
        return open(given);
    }
    let record = match collection.record() {
        // Whoever opens the collection is told, or makes it.
        Err(Error::NotACollection { .. } | Error::UnknownSpace { .. } | Error::Io { .. }) => None,
        record => record?,
    };
    match record {
        None => open(None),
        Some(record) => recorded(&record),
    }
}

/// Opens the bundle that filled a space: the one that is named, or where the space says that it is.
pub(crate) fn open_of_space(
    given: Option<&Path>,
    spaces: &dyn SpaceKeeper,
    name: &SpaceName,
) -> Result<Bundle> {
    match spaces.record(name)? {
        Some(record) if given.is_none() => recorded(&record),
        _ => open(given),
    }
}

/// Opens the bundle that a space was filled with: where its record says, or the shipped one if it is the same.
fn recorded(record: &SpaceRecord) -> Result<Bundle> {
    let fits = |bundle: &Bundle| bundle.fingerprint() == record.space.fingerprint;
    let problem = match Bundle::open(&record.bundle_folder) {
        Ok(bundle) if fits(&bundle) => return Ok(bundle),
        Ok(bundle) => anyhow::anyhow!(
            "`{}` holds the bundle `{}` ({}) by now",
            record.bundle_folder.display(),
            bundle.manifest().name,
            bundle.fingerprint()
        ),
        Err(error) => error.into(),
    };
    match open(None) {
        Ok(bundle) if fits(&bundle) => Ok(bundle),
        _ => Err(problem.context(format!(
            "the space `{}` was filled with the bundle `{}` ({}), which is not there any more; \
             name it with `--bundle DIR`",
            record.name, record.space.bundle, record.space.fingerprint
        ))),
    }
}

fn shipped() -> Result<PathBuf> {
    let program = std::env::current_exe().unwrap_or_default();
    let working = std::env::current_dir().unwrap_or_default();
    let places = program.ancestors().chain(working.ancestors()).map(|folder| folder.join(SHIPPED));
    let found = places.into_iter().find(|folder| folder.is_dir());
    found.with_context(|| {
        format!("no bundle is named, and `{SHIPPED}` is not there; name one with `--bundle DIR`")
    })
}
