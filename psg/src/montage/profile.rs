//! Profiles: the definition of the labels of a cohort or recorder.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::Position;
use super::channel_rule::ChannelRule;
use super::embedded_profiles;
use super::label_vocabulary::LabelVocabulary;
use super::labels::normalised;
use super::profile_file;
use crate::annotation::{AnnotationFormat, ScoringOptions};
use crate::error::{Error, Result, on_one_line};
use crate::regular_file;
use crate::sleep::EventSet;

/// Default for the number of detection labels that a file must have.
const MIN_LABELS: usize = 2;

/// Maximum size of a profile file in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The definition of the labels of a cohort or recorder.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The name, such as `shhs`.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// Where the definitions come from.
    pub source: String,
    /// What scorers mark in every night.
    pub scored: ScoredByDefault,
    /// What its annotations mean.
    pub scoring: ScoringOptions,
    /// Labels by which the profile is detected, normalised.
    pub(super) detect: DetectionLabels,
    /// Positions by code, the rounded value of the position signal.
    pub(super) positions: BTreeMap<i32, Position>,
    pub(super) rules: Vec<ChannelRule>,
    pub(super) vocabulary: LabelVocabulary,
}

/// What scorers mark in every night, so that a scored night without one has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScoredByDefault {
    /// The kinds of events.
    pub events: EventSet,
    /// The format that the annotations must have; `None` for any.
    pub annotations: Option<AnnotationFormat>,
}

/// Labels that distinguish the profile from others; empty if it must be selected by name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DetectionLabels {
    /// Labels of which one suffices.
    #[serde(default)]
    pub(super) certain: Vec<String>,
    /// Labels of which [`min_labels`](Self::min_labels) are required.
    #[serde(default)]
    pub(super) labels: Vec<String>,
    /// Number of labels that are required.
    pub(super) least: Option<usize>,
    /// Labels that many profiles have; they only decide between profiles that match otherwise.
    #[serde(default)]
    pub(super) also: Vec<String>,
}

impl DetectionLabels {
    /// Returns the number of labels that a file must have if none of them is certain.
    pub(super) fn min_labels(&self) -> usize {
        self.least.unwrap_or(MIN_LABELS)
    }
}

impl Profile {
    /// Reads a profile file.
    ///
    /// # Errors
    ///
    /// [`Error::NotAFile`] and [`Error::Io`] if the file cannot be read, [`Error::DataFile`] if it is larger than 1 MiB,
    /// and those of [`parse`](Self::parse).
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let (mut file, n_bytes) = regular_file::open(path)?;
        if n_bytes > MAX_BYTES {
            let problem = format!("the file has {n_bytes} bytes; expected at most {MAX_BYTES}");
            return Err(Error::DataFile { name, problem });
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(Error::io(path, "read"))?;
        Self::parse(&name, &text)
    }

    /// Parses a profile from TOML; `name` is the file name for errors.
    ///
    /// With `extends`, the rules of an embedded profile follow those of the file, except for labels to which the file
    /// gives another meaning.
    ///
    /// # Errors
    ///
    /// [`Error::DataFile`] with line, field and value if the text is not a valid profile, if a label has two meanings, or
    /// if `source` is empty.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        Self::parse_extending(name, text, embedded_profiles::named)
    }

    /// Parses a profile that may extend a profile returned by `find`.
    pub(super) fn parse_extending<'a>(
        name: &str,
        text: &str,
        find: impl FnOnce(&str) -> Option<&'a Self>,
    ) -> Result<Self> {
        let error = |problem: String| Error::DataFile {
            name: name.to_owned(),
            problem: on_one_line(&problem),
        };
        let (profile, extends) = profile_file::parse(text).map_err(error)?;
        let base = match &extends {
            None => None,
            Some(base) => Some(find(base).ok_or_else(|| {
                error(format!(
                    "`extends` names `{base}`; expected one of {}",
                    embedded_profiles::quoted_names()
                ))
            })?),
        };
        Ok(match base {
            None => profile,
            Some(base) => profile.extend(base),
        })
    }

    /// Returns the embedded profiles, `general` first.
    pub fn embedded() -> &'static [Self] {
        embedded_profiles::all()
    }

    /// Returns the position for a value of the position signal, or `None` if the profile does not define it.
    pub fn position(&self, value: f64) -> Option<Position> {
        self.positions.get(&(value.round() as i32)).copied()
    }

    /// Returns whether it defines what the codes of a position signal mean.
    pub(crate) fn has_position_codes(&self) -> bool {
        !self.positions.is_empty()
    }

    /// Adds the rules, labels and codes of `base` that do not contradict this profile.
    fn extend(mut self, base: &Self) -> Self {
        for rule in &base.rules {
            let agrees = |label: &str, channel| self.vocabulary.allows(&normalised(label), channel);
            let mut rule = rule.clone();
            rule.sources.retain(|source| {
                agrees(source.plus(), Some(rule.name))
                    && source.minus().is_none_or(|minus| agrees(minus, None))
            });
            if !rule.sources.is_empty() {
                self.rules.push(rule);
            }
        }
        self.vocabulary.add(&base.vocabulary);
        if self.positions.is_empty() {
            self.positions.clone_from(&base.positions);
        }
        if self.scored.events.is_empty() {
            self.scored = base.scored;
        }
        self
    }
}
