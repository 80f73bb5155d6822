//! Profiles: what the labels of a cohort or recorder mean, as data.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::Position;
use super::embedded;
use super::file;
use super::label::normalised;
use super::rule::ChannelRule;
use super::vocabulary::Vocabulary;
use crate::error::on_one_line;
use crate::regular_file;
use crate::{Error, Result};

/// Labels of a profile that a file must have, where the profile does not say.
const LEAST: usize = 2;

/// Bytes of the largest file that is taken for a profile.
const LARGEST_BYTES: u64 = 1 << 20;

/// What the labels of a cohort or recorder mean.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The name, such as `shhs`.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// Where the knowledge comes from.
    pub source: String,
    /// How the cohort's annotations are written, such as `nsrr_xml`, where it is known.
    pub annotations: Option<String>,
    /// Labels by which the profile is known, normalised.
    pub(super) detect: Detect,
    /// Meaning of the codes in the position signal, by rounded value.
    pub(super) positions: BTreeMap<i32, Position>,
    pub(super) rules: Vec<ChannelRule>,
    pub(super) vocabulary: Vocabulary,
}

/// Labels that few other cohorts have; none where the profile is only chosen by name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Detect {
    /// Labels of which one is enough.
    #[serde(default)]
    pub(super) certain: Vec<String>,
    /// Labels of which several are needed.
    #[serde(default)]
    pub(super) labels: Vec<String>,
    /// How many of them are needed.
    pub(super) least: Option<usize>,
    /// Labels that many have; they only decide between profiles that have enough of their own.
    #[serde(default)]
    pub(super) also: Vec<String>,
}

impl Detect {
    /// Returns how many labels a file must have where none of them is certain.
    pub(super) fn least(&self) -> usize {
        self.least.unwrap_or(LEAST)
    }
}

impl Profile {
    /// Reads a profile of one's own.
    ///
    /// # Errors
    ///
    /// [`Error::NotAFile`] and [`Error::Io`] where the file cannot be read, [`Error::DataFile`] where it is larger than
    /// a megabyte, and those of [`parse`](Self::parse).
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let (mut file, n_bytes) = regular_file::open(path)?;
        if n_bytes > LARGEST_BYTES {
            let problem =
                format!("it has {n_bytes} bytes; expected a profile of at most {LARGEST_BYTES}");
            return Err(Error::DataFile { name, problem });
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(Error::io(path, "read"))?;
        Self::parse(&name, &text)
    }

    /// Reads a profile from the text of a TOML file called `name`.
    ///
    /// With `extends = "general"`, or the name of another embedded profile, the rows of that one come after the file's
    /// own, but for labels to which the file gives another meaning.
    ///
    /// # Errors
    ///
    /// [`Error::DataFile`] with the line, the field and the value where the text breaks the format, where one label has
    /// two meanings, or where the source of the knowledge is left empty.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        Self::parse_upon(name, text, embedded::named)
    }

    /// Reads a profile that may extend those that `find` knows.
    pub(super) fn parse_upon<'a>(
        name: &str,
        text: &str,
        find: impl FnOnce(&str) -> Option<&'a Self>,
    ) -> Result<Self> {
        let error = |problem: String| Error::DataFile {
            name: name.to_owned(),
            problem: on_one_line(&problem),
        };
        let (profile, extends) = file::parse(text).map_err(error)?;
        let base = match &extends {
            None => None,
            Some(base) => Some(find(base).ok_or_else(|| {
                error(format!(
                    "`extends` names `{base}`; expected one of {}",
                    embedded::quoted_names()
                ))
            })?),
        };
        Ok(match base {
            None => profile,
            Some(base) => profile.upon(base),
        })
    }

    /// Returns the profiles that are embedded in the program, `general` first.
    pub fn embedded() -> &'static [Self] {
        embedded::all()
    }

    /// Returns what a value of the position signal means, where the profile knows.
    pub fn position(&self, value: f64) -> Option<Position> {
        self.positions.get(&(value.round() as i32)).copied()
    }

    /// Adds what another profile knows and this one does not.
    fn upon(mut self, base: &Self) -> Self {
        for rule in &base.rules {
            let agrees = |label: &str, channel| self.vocabulary.lets(&normalised(label), channel);
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
        self.annotations = self.annotations.or_else(|| base.annotations.clone());
        self
    }
}
