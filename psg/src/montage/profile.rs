//! Profiles: what the labels of a cohort or recorder mean, as data.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::embedded;
use super::label::normalised;
use super::rule::ChannelRule;
use super::vocabulary::Vocabulary;
use super::{Channel, Polarity, Position};
use crate::edf::open_regular;
use crate::{Error, Result};

/// Labels of a profile that a file must have, where the profile does not say.
const LEAST: usize = 2;

/// Bytes of the largest file that is taken for a profile.
const LARGEST_BYTES: u64 = 1 << 20;

/// Letters of a faulty line that a message shows.
const LONGEST_LINE: usize = 80;

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
        let (mut file, n_bytes) = open_regular(path)?;
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
        let error = |problem: String| Error::DataFile { name: name.to_owned(), problem };
        let file: ProfileFile =
            toml::from_str(text).map_err(|problem| error(in_place(text, &problem)))?;
        let base = match &file.extends {
            None => None,
            Some(base) => Some(find(base).ok_or_else(|| {
                error(format!(
                    "`extends` names `{base}`; expected one of {}",
                    embedded::quoted_names()
                ))
            })?),
        };
        let profile = file.check().map_err(error)?;
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    name: String,
    title: String,
    source: String,
    extends: Option<String>,
    annotations: Option<String>,
    #[serde(default)]
    detect: Detect,
    position: Option<Codes>,
    #[serde(default)]
    channel: Vec<ChannelRule>,
    /// Signals that feed no channel: for each kind, such as `spo2`, its labels.
    #[serde(default)]
    other: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Codes {
    codes: BTreeMap<String, Position>,
    source: String,
}

impl ProfileFile {
    /// Checks what the types do not.
    fn check(self) -> std::result::Result<Profile, String> {
        let texts = [("name", &self.name), ("title", &self.title), ("source", &self.source)];
        for (field, text) in texts {
            if text.trim().is_empty() {
                return Err(format!("the field `{field}` is empty; expected a text"));
            }
        }
        let vocabulary = Vocabulary::of(&self.channel, &self.other)?;
        let mut rules = self.channel;
        for rule in &mut rules {
            check_rule(rule)?;
            if rule.source.is_empty() {
                rule.source.clone_from(&self.source);
            }
        }
        let mut detect = self.detect;
        for label in detect.certain.iter_mut().chain(&mut detect.labels).chain(&mut detect.also) {
            let compared = normalised(label);
            if vocabulary.meaning(&compared).is_none() {
                return Err(format!(
                    "`detect` names `{label}`, which no `channel` and no `other` explains"
                ));
            }
            *label = compared;
        }
        let positions = self.position.map(position_codes).transpose()?.unwrap_or_default();
        Ok(Profile {
            name: self.name,
            title: self.title,
            source: self.source,
            annotations: self.annotations,
            detect,
            positions,
            rules,
            vocabulary,
        })
    }
}

fn check_rule(rule: &ChannelRule) -> std::result::Result<(), String> {
    let name = rule.name;
    if rule.sources.is_empty() {
        return Err(format!("the `sources` of {name} are empty; expected at least one label"));
    }
    if name == Channel::Position && rule.polarity == Polarity::Inverted {
        return Err(format!("the `polarity` of {name} is `inverted`; codes have no sign"));
    }
    if let Some(rate_hz) = rule.rate_hz.filter(|rate_hz| !rate_hz.is_finite() || *rate_hz <= 0.0) {
        return Err(format!("the `rate_hz` of {name} is {rate_hz}; expected a positive number"));
    }
    Ok(())
}

fn position_codes(position: Codes) -> std::result::Result<BTreeMap<i32, Position>, String> {
    if position.source.trim().is_empty() {
        return Err("the `source` of the position codes is empty; expected a text".to_owned());
    }
    let code = |(code, position): (String, Position)| {
        let number = code
            .parse()
            .map_err(|_| format!("`{code}` is no position code; expected a whole number"))?;
        Ok((number, position))
    };
    position.codes.into_iter().map(code).collect()
}

/// Returns the reader's message in one line, behind the line of the text that it is about.
fn in_place(text: &str, problem: &toml::de::Error) -> String {
    let message = problem.message().trim().replace('\n', ", ");
    let Some(before) = problem.span().and_then(|span| text.get(..span.start)) else {
        return message;
    };
    let number = before.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default().trim();
    if line.is_empty() {
        return format!("line {number}: {message}");
    }
    let shown: String = line.chars().filter(|c| !c.is_control()).take(LONGEST_LINE).collect();
    format!("line {number}, `{shown}`: {message}")
}
