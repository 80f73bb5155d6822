//! The TOML format of a profile and the checks beyond its types.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::channel_rule::ChannelRule;
use super::label_vocabulary::LabelVocabulary;
use super::labels::normalised;
use super::profile::{DetectionLabels, ScoredByDefault};
use super::{Channel, Polarity, Position, Profile};
use crate::annotation::{AnnotationFormat, ScoringOptions, StageMap};
use crate::sleep::{EventFamily, EventKind};

/// Valid sampling rates in hertz.
const RATES_HZ: std::ops::RangeInclusive<f64> = 1.0..=20_000.0;

/// Maximum number of characters of a line in a message.
const MAX_SHOWN: usize = 80;

/// Parses a profile and the name of the profile that it extends. The error is a sentence without the file name.
pub(super) fn parse(text: &str) -> Result<(Profile, Option<String>), String> {
    let mut file: ProfileFile =
        toml::from_str(text).map_err(|problem| with_line(text, &problem))?;
    let extends = file.extends.take();
    Ok((file.check()?, extends))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    name: String,
    title: String,
    source: String,
    extends: Option<String>,
    scored: Option<ScoredFamilies>,
    #[serde(default)]
    annotations: AnnotationRules,
    #[serde(default)]
    detect: DetectionLabels,
    position: Option<PositionCodes>,
    #[serde(default)]
    channel: Vec<ChannelRule>,
    /// Labels of signals that feed no channel, by kind, such as `spo2`.
    #[serde(default)]
    other: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PositionCodes {
    codes: BTreeMap<String, Position>,
    source: String,
}

/// Families of events that are scored in every night.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScoredFamilies {
    families: Vec<EventFamily>,
    annotations: Option<String>,
}

/// What the annotations of the recordings mean, as [`ScoringOptions`].
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct AnnotationRules {
    stage_map: BTreeMap<String, String>,
    format: Option<String>,
    scorer: Option<String>,
}

impl AnnotationRules {
    fn check(self) -> Result<ScoringOptions, String> {
        let pairs = self.stage_map.iter().map(|(text, stage)| format!("{text}={stage}"));
        let pairs = pairs.collect::<Vec<_>>().join(",");
        let stage_map = if pairs.is_empty() { Ok(StageMap::default()) } else { pairs.parse() };
        let in_field = |field: &str| {
            let field = field.to_owned();
            move |problem: String| format!("the field `{field}` of `annotations`: {problem}")
        };
        Ok(ScoringOptions {
            stage_map: stage_map.map_err(in_field("stage_map"))?,
            format: self.format.map(|it| it.parse()).transpose().map_err(in_field("format"))?,
            scorer: self.scorer,
        })
    }
}

impl ScoredFamilies {
    fn check(self) -> Result<ScoredByDefault, String> {
        let kinds = self.families.iter().flat_map(|family| family.kinds().iter());
        // Respiratory effort-related arousals must have been marked: many laboratories leave them out.
        let events = kinds.filter(|kind| *kind != EventKind::Rera).collect();
        let format = |name: String| {
            let named = AnnotationFormat::ALL.into_iter().find(|format| format.name() == name);
            named.ok_or_else(|| {
                let names = AnnotationFormat::ALL.map(|format| format!("`{}`", format.name()));
                let names = names.join(", ");
                format!("the field `annotations` of `scored` is `{name}`; expected one of {names}")
            })
        };
        Ok(ScoredByDefault { events, annotations: self.annotations.map(format).transpose()? })
    }
}

impl ProfileFile {
    /// Checks the rules that the types do not express.
    fn check(self) -> Result<Profile, String> {
        let texts = [("name", &self.name), ("title", &self.title), ("source", &self.source)];
        for (field, text) in texts {
            if text.trim().is_empty() {
                return Err(format!("the field `{field}` is empty; expected a text"));
            }
        }
        let vocabulary = LabelVocabulary::of(&self.channel, &self.other)?;
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
                    "`detect` names `{label}`; expected a label of a `channel` or of `other`"
                ));
            }
            *label = compared;
        }
        let positions = self.position.map(position_codes).transpose()?.unwrap_or_default();
        Ok(Profile {
            name: self.name,
            title: self.title,
            source: self.source,
            scored: self.scored.map(ScoredFamilies::check).transpose()?.unwrap_or_default(),
            scoring: self.annotations.check()?,
            detect,
            positions,
            rules,
            vocabulary,
        })
    }
}

fn check_rule(rule: &ChannelRule) -> Result<(), String> {
    let name = rule.name;
    if rule.sources.is_empty() {
        return Err(format!("the field `sources` of {name} is empty; expected at least one label"));
    }
    if rule.replaces_unit && rule.unit.is_none() {
        return Err(format!("{name} has `replaces_unit` without a `unit`"));
    }
    if name == Channel::Position && rule.polarity == Polarity::Inverted {
        return Err(format!(
            "the field `polarity` of {name} is `inverted`; expected `upright`, because codes have no sign"
        ));
    }
    if let Some(rate_hz) = rule.rate_hz.filter(|rate_hz| !RATES_HZ.contains(rate_hz)) {
        return Err(format!("the field `rate_hz` of {name} is {rate_hz}; expected 1 to 20000"));
    }
    Ok(())
}

fn position_codes(position: PositionCodes) -> Result<BTreeMap<i32, Position>, String> {
    if position.source.trim().is_empty() {
        return Err("the field `source` of the position codes is empty; expected a text".to_owned());
    }
    let code = |(code, position): (String, Position)| {
        let number = code
            .parse()
            .map_err(|_| format!("`{code}` is not a position code; expected an integer"))?;
        Ok((number, position))
    };
    position.codes.into_iter().map(code).collect()
}

/// Returns the message of the TOML parser on one line, preceded by the line that it refers to.
fn with_line(text: &str, problem: &toml::de::Error) -> String {
    let message = problem.message().trim().replace('\n', ", ");
    let Some(preceding) = problem.span().and_then(|span| text.get(..span.start)) else {
        return message;
    };
    let number = preceding.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default().trim();
    if line.is_empty() {
        return format!("line {number}: {message}");
    }
    let shown: String = line.chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect();
    format!("line {number}, `{shown}`: {message}")
}
