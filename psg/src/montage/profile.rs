//! Profiles: what the labels of a cohort or recorder mean, as data.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::{Channel, Position};
use crate::{Error, Result};

/// How sure it is that a signal is what its channel asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The label names the derivation.
    Exact,
    /// The cohort's documents say so.
    Documented,
    /// Likely by custom; the label leaves it open.
    Assumed,
    /// Known to be something else that stands in.
    Substitute,
}

impl Confidence {
    /// Returns the name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Documented => "documented",
            Self::Assumed => "assumed",
            Self::Substitute => "substitute",
        }
    }
}

/// A label, or the difference of two.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Source {
    Label(String),
    Difference { plus: String, minus: String },
}

/// Ways to feed a channel, the best first.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChannelRule {
    pub(super) name: Channel,
    pub(super) confidence: Confidence,
    pub(super) sources: Vec<Source>,
}

/// What the labels of a cohort or recorder mean.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The name, such as `shhs`.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// Where the knowledge comes from.
    pub source: String,
    /// Labels that a file of this profile has, normalised; empty where the profile fits any file.
    detect: Vec<String>,
    /// Meaning of the codes in the position signal, by rounded value.
    positions: BTreeMap<i32, Position>,
    pub(super) rules: Vec<ChannelRule>,
}

impl Profile {
    /// Reads a profile from the text of a TOML file called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::DataFile`] where it breaks the format, or where one label feeds two channels.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let error = |problem: String| Error::DataFile { name: name.to_owned(), problem };
        let file: ProfileFile =
            toml::from_str(text).map_err(|problem| error(problem.to_string()))?;
        let mut channel_of: BTreeMap<String, Channel> = BTreeMap::new();
        for rule in &file.channel {
            for source in &rule.sources {
                let Source::Label(label) = source else { continue };
                let earlier = channel_of.insert(normalised(label), rule.name);
                if let Some(earlier) = earlier.filter(|earlier| *earlier != rule.name) {
                    return Err(error(format!(
                        "the label `{label}` feeds both {earlier} and {}",
                        rule.name
                    )));
                }
            }
        }
        let codes = file.position.map(|position| position.codes).unwrap_or_default();
        let code = |(code, position): (String, Position)| {
            let number = code.parse().map_err(|_| {
                error(format!("`{code}` is no position code; expected a whole number"))
            });
            Ok((number?, position))
        };
        Ok(Self {
            name: file.name,
            title: file.title,
            source: file.source,
            detect: file
                .detect
                .map(|detect| detect.all)
                .unwrap_or_default()
                .iter()
                .map(|l| normalised(l))
                .collect(),
            positions: codes.into_iter().map(code).collect::<Result<_>>()?,
            rules: file.channel,
        })
    }

    /// Returns the profiles that are embedded in the program; the last fits any file.
    pub fn embedded() -> &'static [Self] {
        &EMBEDDED
    }

    /// Returns the first profile whose tell-tale labels are all among the normalised `labels`.
    pub(super) fn detect(labels: &[String]) -> &'static Self {
        let fits = |profile: &&Self| profile.detect.iter().all(|label| labels.contains(label));
        EMBEDDED.iter().find(fits).expect("the general profile fits any file")
    }

    /// Returns the labels by which the profile is known, normalised.
    pub(super) fn tell_tale_labels(&self) -> &[String] {
        &self.detect
    }

    /// Returns what a value of the position signal means, where the profile knows.
    pub fn position(&self, value: f64) -> Option<Position> {
        self.positions.get(&(value.round() as i32)).copied()
    }
}

static EMBEDDED: LazyLock<Vec<Profile>> = LazyLock::new(|| {
    let parse = |(name, text)| {
        Profile::parse(name, text).expect("the embedded profiles are checked by a test")
    };
    FILES.into_iter().map(parse).collect()
});

/// The general profile comes last: it has no tell-tale labels and fits any file.
const FILES: [(&str, &str); 6] = [
    ("nocturne.toml", include_str!("../../data/profiles/nocturne.toml")),
    ("shhs.toml", include_str!("../../data/profiles/shhs.toml")),
    ("sleep-edf.toml", include_str!("../../data/profiles/sleep-edf.toml")),
    ("ucddb.toml", include_str!("../../data/profiles/ucddb.toml")),
    ("nox.toml", include_str!("../../data/profiles/nox.toml")),
    ("general.toml", include_str!("../../data/profiles/general.toml")),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    name: String,
    title: String,
    source: String,
    detect: Option<Detect>,
    position: Option<Codes>,
    channel: Vec<ChannelRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Detect {
    all: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Codes {
    codes: BTreeMap<String, Position>,
}

/// Brings a label to the form in which labels are compared: lower case, single blanks, `_` as a blank, `/` and `:` as `-`.
pub(super) fn normalised(label: &str) -> String {
    let text = label.replace('_', " ").replace(['/', ':'], "-").to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_profiles_give_each_label_one_meaning() {
        for (name, text) in FILES {
            let profile = Profile::parse(name, text).unwrap();
            assert_eq!(format!("{}.toml", profile.name), name);
        }
    }

    #[test]
    fn label_with_two_meanings_is_refused() {
        let text = r#"
            name = "x"
            title = "x"
            source = "x"
            channel = [
                { name = "ABD", confidence = "exact", sources = ["Belt"] },
                { name = "THX", confidence = "exact", sources = ["BELT"] },
            ]
        "#;
        let error = Profile::parse("x.toml", text).unwrap_err();
        assert_eq!(error.to_string(), "`x.toml`: the label `BELT` feeds both ABD and THX");
    }

    #[test]
    fn labels_are_compared_without_regard_to_spelling() {
        assert_eq!(normalised(" EEG_C3:A2 "), "eeg c3-a2");
        assert_eq!(normalised("C3/A2"), normalised("c3-a2"));
    }
}
