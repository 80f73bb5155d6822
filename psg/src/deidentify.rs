//! De-identifies recordings; annotations keep their texts only if these are known names of stages and events.

use std::path::Path;

use nocturne_edf::{self as edf, DeidentifyOptions, IdentifyingContent};

use crate::annotation::names::meaning;
use crate::error::Result;

/// Reports the content of a recording that may identify a person.
///
/// # Errors
///
/// Those of [`edf::identifying_content`].
pub fn identifying_content(path: &Path) -> Result<IdentifyingContent> {
    Ok(edf::identifying_content(path, is_known)?)
}

/// Copies a recording without the content that may identify a person, and reports what was in the original.
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
