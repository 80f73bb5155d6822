//! Replaces a bundle by a new one.

use std::path::Path;

use nocturne_encoder::Bundle;
use nocturne_encoder::bundle::MANIFEST;
use nocturne_psg::edf::durable;

use crate::error::{Error, Result};

/// Calls `write` with a path beside `folder` and renames the new bundle to `folder`; an old bundle there is removed.
///
/// `folder` never contains an incomplete bundle; after a crash the old one may remain beside it, with the suffix `.old`.
///
/// # Errors
///
/// [`Error::NotABundle`] if `folder` exists and is not a bundle, [`Error::Io`], and those of `write`.
pub fn replace_bundle(
    folder: &Path,
    write: impl FnOnce(&Path) -> Result<Bundle>,
) -> Result<Bundle> {
    if !folder.exists() {
        return write(folder);
    }
    if !folder.join(MANIFEST).is_file() {
        return Err(Error::NotABundle { path: folder.to_owned() });
    }
    let (new, old) = (durable::with_suffix(folder, ".new"), durable::with_suffix(folder, ".old"));
    remove(&new)?;
    remove(&old)?;
    write(&new)?;
    std::fs::rename(folder, &old).map_err(Error::io(folder, "move"))?;
    durable::rename_folder(&new, folder).map_err(Error::io(folder, "rename a folder to"))?;
    remove(&old)?;
    Ok(Bundle::open(folder)?)
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(Error::io(folder, "remove"))?;
    }
    Ok(())
}
