//! The form of a profile's TOML file, and what is checked beyond it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::label::normalised;
use super::profile::Detect;
use super::rule::ChannelRule;
use super::vocabulary::Vocabulary;
use super::{Channel, Polarity, Position, Profile};

/// Rates that a signal of a sleep recording may have, in hertz.
const RATES_HZ: std::ops::RangeInclusive<f64> = 1.0..=20_000.0;

/// Letters of a faulty line that a message shows.
const LONGEST_LINE: usize = 80;

/// Reads a profile and the name of the one that it extends; the error is a sentence without the file's name.
pub(super) fn parse(text: &str) -> Result<(Profile, Option<String>), String> {
    let mut file: ProfileFile = toml::from_str(text).map_err(|problem| in_place(text, &problem))?;
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
    fn check(self) -> Result<Profile, String> {
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

fn check_rule(rule: &ChannelRule) -> Result<(), String> {
    let name = rule.name;
    if rule.sources.is_empty() {
        return Err(format!("the `sources` of {name} are empty; expected at least one label"));
    }
    if name == Channel::Position && rule.polarity == Polarity::Inverted {
        return Err(format!("the `polarity` of {name} is `inverted`; codes have no sign"));
    }
    if let Some(rate_hz) = rule.rate_hz.filter(|rate_hz| !RATES_HZ.contains(rate_hz)) {
        return Err(format!("the `rate_hz` of {name} is {rate_hz}; expected 1 to 20000"));
    }
    Ok(())
}

fn position_codes(position: Codes) -> Result<BTreeMap<i32, Position>, String> {
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
