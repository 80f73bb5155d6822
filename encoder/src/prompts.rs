//! Prompt sets: versioned data files of labels with their prompts.

use std::sync::LazyLock;

use nocturne_psg::EventKind;
use nocturne_psg::montage::{Channel, ChannelMask};
use serde::Deserialize;

use crate::embedding::Embedding;
use crate::error::{Cause, Error, Result};
use crate::text::{EncodedText, TextEncoder};

/// A set of labels with their prompts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptSet {
    /// The name, such as `stages`.
    pub name: String,
    /// The version; it changes with every prompt.
    pub version: u32,
    /// Whether exactly one of the labels applies to an epoch; otherwise each label is judged on its own.
    pub exclusive: bool,
    /// The labels.
    #[serde(rename = "label")]
    pub labels: Vec<Label>,
}

/// A label with its prompts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The name in answers and files.
    pub name: String,
    /// Texts that describe an epoch with the label.
    pub prompts: Vec<String>,
    /// Texts that describe the normal state (negative prompts); empty in exclusive sets.
    #[serde(default)]
    pub negatives: Vec<String>,
    /// Words with which a question can name the label.
    #[serde(default)]
    pub words: Vec<String>,
    /// Channels that show the label; an epoch must have at least one of them.
    #[serde(default)]
    pub needs: Vec<Channel>,
    /// Other channels in which the label is seen, but not without one that it needs: the chin EMG in arousals
    /// (AASM manual, section V).
    #[serde(default)]
    pub also_seen_in: Vec<Channel>,
    /// Whether the input channels do not show the label itself, so that it can only be inferred.
    #[serde(default)]
    pub indirect: bool,
}

impl Label {
    /// Returns whether the label is seen in a channel.
    pub fn is_seen_in(&self, channel: Channel) -> bool {
        self.needs.contains(&channel) || self.also_seen_in.contains(&channel)
    }

    /// Returns whether an epoch with these channels can show the label.
    pub fn is_visible_in(&self, mask: ChannelMask) -> bool {
        self.needs.is_empty() || self.needs.iter().any(|channel| mask.contains(*channel))
    }
}

/// The mean directions of the prompts of a label.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelDirections {
    /// Of the positive prompts.
    pub positive: Embedding,
    /// Of the negative prompts; `None` if the label has none.
    pub negative: Option<Embedding>,
}

static STAGES: LazyLock<PromptSet> =
    LazyLock::new(|| embedded("stages.toml", include_str!("../prompts/stages.toml")));
static EVENTS: LazyLock<PromptSet> =
    LazyLock::new(|| embedded("events.toml", include_str!("../prompts/events.toml")));

fn embedded(name: &str, text: &str) -> PromptSet {
    PromptSet::parse(name, text).expect("the embedded prompt sets are checked by a test")
}

impl PromptSet {
    /// Returns the five stages; the names of the labels are the codes of [`nocturne_psg::Stage`].
    pub fn stages() -> &'static Self {
        &STAGES
    }

    /// Returns the events.
    pub fn events() -> &'static Self {
        &EVENTS
    }

    /// Returns the embedded set with that name.
    pub fn embedded(name: &str) -> Option<&'static Self> {
        [Self::stages(), Self::events()].into_iter().find(|set| set.name == name)
    }

    /// Parses a set from the text of a TOML file named `name`.
    ///
    /// # Errors
    ///
    /// [`Error::Prompts`] if it is malformed, or if a label has no prompt or occurs twice.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let error = |source: Cause| Error::Prompts { name: name.to_owned(), source };
        let set: Self = toml::from_str(text).map_err(|source| error(source.into()))?;
        if set.labels.is_empty() {
            return Err(error("it has no labels".into()));
        }
        for (i, label) in set.labels.iter().enumerate() {
            if label.prompts.is_empty() {
                return Err(error(format!("the label `{}` has no prompts", label.name).into()));
            }
            if !set.exclusive && label.negatives.is_empty() {
                let problem = format!(
                    "the label `{}` is judged on its own and has no negative prompts",
                    label.name
                );
                return Err(error(problem.into()));
            }
            if set.labels[..i].iter().any(|earlier| earlier.name == label.name) {
                return Err(error(format!("the label `{}` occurs twice", label.name).into()));
            }
        }
        Ok(set)
    }

    /// Returns the label with that name.
    pub fn label(&self, name: &str) -> Option<&Label> {
        self.labels.iter().find(|label| label.name == name)
    }

    /// Encodes the prompts of every label and returns their mean directions (a prompt ensemble).
    ///
    /// # Errors
    ///
    /// Those of [`TextEncoder::encode_all`] and [`Embedding::mean`].
    pub fn encode(&self, encoder: &mut TextEncoder) -> Result<Vec<LabelDirections>> {
        self.labels.iter().map(|label| label.encode(encoder)).collect()
    }
}

impl Label {
    /// Returns whether the label includes a kind of scored event.
    pub fn covers(&self, kind: EventKind) -> bool {
        match self.name.as_str() {
            "respiratory_event" => kind.is_apnea_or_hypopnea(),
            name => kind.name() == name,
        }
    }

    /// Encodes the prompts of the label; see [`PromptSet::encode`].
    ///
    /// # Errors
    ///
    /// Those of [`TextEncoder::encode_all`] and [`Embedding::mean`].
    pub fn encode(&self, encoder: &mut TextEncoder) -> Result<LabelDirections> {
        let texts: Vec<&String> = self.prompts.iter().chain(&self.negatives).collect();
        LabelDirections::from_encoded(self, &encoder.encode_all(&texts)?)
    }
}

impl LabelDirections {
    /// Averages the encoded prompts of a label, positive ones first, then negative ones.
    ///
    /// # Errors
    ///
    /// Those of [`Embedding::mean`].
    ///
    /// # Panics
    ///
    /// Panics if there are fewer texts than positive prompts.
    pub fn from_encoded(label: &Label, encoded: &[EncodedText]) -> Result<Self> {
        let (prompts, negatives) = encoded.split_at(label.prompts.len());
        let mean =
            |texts: &[EncodedText]| Embedding::mean(texts.iter().map(|text| &text.embedding));
        let negative = if negatives.is_empty() { None } else { Some(mean(negatives)?) };
        Ok(Self { positive: mean(prompts)?, negative })
    }

    /// Returns the cosine with the positive prompts minus the cosine with the negative ones, if there are any.
    pub fn margin(&self, epoch: &Embedding) -> f32 {
        self.positive.cosine(epoch)
            - self.negative.as_ref().map_or(0.0, |negative| negative.cosine(epoch))
    }
}

#[cfg(test)]
mod tests {
    use nocturne_psg::Stage;

    use super::*;

    #[test]
    fn stages_are_labelled_by_their_codes() {
        let set = PromptSet::stages();
        assert!(set.exclusive);
        let codes: Vec<&str> = set.labels.iter().map(|label| label.name.as_str()).collect();
        assert_eq!(codes, Stage::ALL.map(Stage::code));
    }

    #[test]
    fn events_are_kinds_of_event_or_the_respiratory_ones_together() {
        for label in &PromptSet::events().labels {
            let is_kind = EventKind::from_name(&label.name).is_some();
            assert!(is_kind || label.name == "respiratory_event", "{}", label.name);
            assert!(!label.words.is_empty() && !label.needs.is_empty(), "{}", label.name);
        }
    }

    #[test]
    fn apneas_and_hypopneas_are_respiratory_events() {
        let label = |name| PromptSet::events().label(name).unwrap();
        assert!(label("respiratory_event").covers(EventKind::Hypopnea));
        assert!(!label("respiratory_event").covers(EventKind::Arousal));
        assert!(label("arousal").covers(EventKind::Arousal));
    }

    #[test]
    fn no_word_names_two_labels() {
        let words: Vec<&String> =
            PromptSet::events().labels.iter().flat_map(|label| &label.words).collect();
        let mut unique = words.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), words.len());
    }

    #[test]
    fn every_label_has_enough_prompts_in_the_words_of_captions() {
        use nocturne_psg::caption::{words, words_of};
        for set in [PromptSet::stages(), PromptSet::events()] {
            for label in &set.labels {
                let lists = [&label.prompts, &label.negatives];
                for texts in lists.into_iter().filter(|texts| !texts.is_empty()) {
                    let distinct: std::collections::BTreeSet<&String> = texts.iter().collect();
                    assert!((8..=20).contains(&distinct.len()), "{}", label.name);
                    for text in texts {
                        for word in words_of(text) {
                            let is_number = word.chars().all(char::is_numeric);
                            let is_known = is_number || words().contains(&word);
                            assert!(is_known, "`{word}` of `{text}` does not occur in captions");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn label_without_prompts_is_rejected() {
        let text =
            "name = 'x'\nversion = 1\nexclusive = true\nlabel = [{ name = 'a', prompts = [] }]";
        let error = PromptSet::parse("x.toml", text).unwrap_err();
        assert_eq!(error.to_string(), "`x.toml`: the label `a` has no prompts");
    }
}
