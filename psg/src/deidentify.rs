//! De-identifies recordings; the texts of annotations that are known names of stages and events stay.

use std::path::Path;

use nocturne_edf::{self as edf, DeidentifyOptions, IdentifyingContent};

use crate::annotation::names::meaning;

use crate::error::Result;

/// Reports what in a recording may identify a person.
///
/// # Errors
///
/// Those of [`edf::identifying_content`].
pub fn identifying_content(path: &Path) -> Result<IdentifyingContent> {
    Ok(edf::identifying_content(path, is_known)?)
}

/// Copies a recording without what may identify a person, and reports what the original contained.
///
/// # Errors
///
/// Those of [`edf::deidentify`].
pub fn deidentify(
    path: &Path,
    copy: &Path,
    options: DeidentifyOptions,
) -> Result<IdentifyingContent> {
    Ok(edf::deidentify(path, copy, options, is_known)?)
}

fn is_known(text: &str) -> bool {
    meaning(text).is_some()
}
