//! Puts a new bundle into the place of an old one.

use std::path::Path;

use nocturne_encoder::Bundle;
use nocturne_encoder::bundle::MANIFEST;

use crate::{Error, Result, durable};

/// Lets `write` make a bundle at a path beside `folder` and puts it into its place; an old bundle there is removed.
///
/// At no time does `folder` hold half a bundle; after a crash the old one may lie beside it, under `.old`.
///
/// # Errors
///
/// [`Error::NotReplaced`] where `folder` is there and no bundle, [`Error::Io`], and those of `write`.
pub fn replace_bundle(
    folder: &Path,
    write: impl FnOnce(&Path) -> Result<Bundle>,
) -> Result<Bundle> {
    if !folder.exists() {
        return write(folder);
    }
    if !folder.join(MANIFEST).is_file() {
        return Err(Error::NotReplaced { path: folder.to_owned() });
    }
    let (new, old) = (durable::beside_with(folder, ".new"), durable::beside_with(folder, ".old"));
    remove(&new)?;
    remove(&old)?;
    write(&new)?;
    std::fs::rename(folder, &old).map_err(Error::io(folder, "move"))?;
    durable::put_in_place(&new, folder)?;
    remove(&old)?;
    Ok(Bundle::open(folder)?)
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(Error::io(folder, "remove"))?;
    }
    Ok(())
}
