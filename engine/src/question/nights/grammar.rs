//! The grammar of questions about nights.
//!
//! ```text
//! question = [ "nights" | "recordings" … "with" ] [ amount ] concept [ ("in" | "during") stage ] [ bound "per hour" ]
//! amount   = "frequent" | "many" | … | "few" | "rare" | …
//! bound    = ("more than" | "at least" | "fewer than" | "at most") number
//! ```
//!
//! What remains when the known phrases are removed is the concept.

use nocturne_psg::Stage;

/// A question about nights, as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NightQuestion {
    /// The words that name the concept.
    pub(crate) concept: String,
    /// Whether nights with the lowest rate come first.
    pub(crate) fewest_first: bool,
    /// Which rates are listed; `None` for all.
    pub(crate) bound: Option<RateBound>,
    /// Stages of the sleep that is asked about; all sleep if empty.
    pub(crate) stages: Vec<Stage>,
}

/// A bound of the rate per hour, excluded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum RateBound {
    /// Only nights with a higher rate.
    Above(f64),
    /// Only nights with a lower rate.
    Below(f64),
}

/// Phrases that may come first; they say nothing about the concept.
const OPENINGS: [&str; 14] = [
    "which nights have",
    "which recordings have",
    "show me nights with",
    "show nights with",
    "find nights with",
    "nights that have",
    "nights with",
    "nights of",
    "recordings with",
    "sleepers with",
    "patients with",
    "people with",
    "subjects with",
    "night with",
];

/// Amounts that put the highest rate first.
const MANY: [&str; 12] = [
    "very frequent",
    "frequent",
    "frequently",
    "many",
    "most",
    "the most",
    "lots of",
    "a lot of",
    "numerous",
    "repeated",
    "high rate of",
    "often",
];

/// Amounts that put the lowest rate first.
const FEW: [&str; 7] =
    ["very few", "few", "fewest", "the fewest", "rare", "hardly any", "low rate of"];

/// Names of stages, as they follow `in` or `during`.
const STAGES: [(&str, &[Stage]); 12] = [
    ("rem sleep", &[Stage::Rem]),
    ("rem", &[Stage::Rem]),
    ("non-rem sleep", &[Stage::N1, Stage::N2, Stage::N3]),
    ("non-rem", &[Stage::N1, Stage::N2, Stage::N3]),
    ("nrem sleep", &[Stage::N1, Stage::N2, Stage::N3]),
    ("nrem", &[Stage::N1, Stage::N2, Stage::N3]),
    ("deep sleep", &[Stage::N3]),
    ("light sleep", &[Stage::N1, Stage::N2]),
    ("n1", &[Stage::N1]),
    ("n2", &[Stage::N2]),
    ("n3", &[Stage::N3]),
    ("sleep", &[]),
];

impl RateBound {
    pub(crate) fn allows(self, per_hour: f64) -> bool {
        match self {
            Self::Above(bound) => per_hour > bound,
            Self::Below(bound) => per_hour < bound,
        }
    }
}

impl NightQuestion {
    /// Reads a question. Every text can be read: words that are not part of the grammar name the concept.
    pub(crate) fn parse(text: &str) -> Self {
        let lower = text.to_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        let mut rest = words.join(" ").trim_end_matches(['.', '?', '!']).to_owned();
        strip_prefix(&mut rest, &OPENINGS);
        let bound = take_bound(&mut rest);
        let stages = take_stages(&mut rest);
        let many = strip_prefix(&mut rest, &MANY);
        let fewest_first = !many && strip_prefix(&mut rest, &FEW);
        Self { concept: rest, fewest_first, bound, stages: stages.to_vec() }
    }

    /// Returns whether an epoch of this stage belongs to the sleep that the question is about.
    pub(crate) fn is_about(&self, stage: Option<Stage>) -> bool {
        stage.is_some_and(|stage| {
            stage.is_sleep() && (self.stages.is_empty() || self.stages.contains(&stage))
        })
    }

    /// Returns a sentence that says how the question was read.
    pub(crate) fn sentence(&self, concept: &str) -> String {
        let order = if self.fewest_first { "fewest" } else { "most" };
        let among = match self.stages.as_slice() {
            [] => "sleep".to_owned(),
            stages => stages.iter().map(|stage| stage.code()).collect::<Vec<_>>().join(" and "),
        };
        let bound = match self.bound {
            Some(RateBound::Above(rate)) => format!(", only those above {rate} per hour"),
            Some(RateBound::Below(rate)) => format!(", only those below {rate} per hour"),
            None => String::new(),
        };
        format!("nights by the rate of `{concept}` per hour of {among}, {order} first{bound}")
    }
}

/// Removes one of the phrases from the start of a text, the longest that matches; returns whether one did.
fn strip_prefix(text: &mut String, phrases: &[&str]) -> bool {
    let fits =
        |phrase: &&&str| text.strip_prefix(**phrase).is_some_and(|rest| rest.starts_with(' '));
    let Some(phrase) = phrases.iter().filter(fits).max_by_key(|phrase| phrase.len()) else {
        return false;
    };
    text.drain(..=phrase.len());
    true
}

/// Removes a bound such as `more than 15 … per hour` from a text; words between the number and the unit stay.
fn take_bound(text: &mut String) -> Option<RateBound> {
    const ABOVE: [&str; 4] = ["more than ", "at least ", "over ", "above "];
    const BELOW: [&str; 5] = ["fewer than ", "less than ", "at most ", "under ", "below "];
    // Longer units first: "per hour of sleep" contains "per hour".
    let per_hour = ["per hour of sleep", "per hour", "an hour", "/h"]
        .into_iter()
        .find(|unit| text.contains(unit))?;
    let find = |phrases: &[&'static str]| {
        phrases.iter().find_map(|phrase| Some((text.find(phrase)?, *phrase)))
    };
    let (is_above, (at, phrase)) = match (find(&ABOVE), find(&BELOW)) {
        (Some(found), _) => (true, found),
        (None, Some(found)) => (false, found),
        (None, None) => return None,
    };
    let number = text[at + phrase.len()..].split(' ').next()?;
    let rate: f64 = number.trim_end_matches("/h").parse().ok()?;
    let without = text.replacen(&format!("{phrase}{number}"), "", 1).replacen(per_hour, "", 1);
    *text = without.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(if is_above { RateBound::Above(rate) } else { RateBound::Below(rate) })
}

/// Removes a stage such as `in REM sleep` from the end of a text. No stage is all sleep.
fn take_stages(text: &mut String) -> &'static [Stage] {
    for (name, stages) in STAGES {
        for preposition in ["in", "during"] {
            if let Some(rest) = text.strip_suffix(&format!(" {preposition} {name}")) {
                *text = rest.to_owned();
                return stages;
            }
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, concept: &str, sentence: &str) {
        let question = NightQuestion::parse(text);
        assert_eq!(question.concept, concept, "{text}");
        assert_eq!(question.sentence(concept), sentence, "{text}");
    }

    #[test]
    fn frequent_puts_the_highest_rate_first() {
        let sentence = "nights by the rate of `arousals` per hour of sleep, most first";
        check("nights with frequent arousals", "arousals", sentence);
        check("Which nights have many arousals?", "arousals", sentence);
        check("arousals", "arousals", sentence);
        check("Frequent arousals in sleep", "arousals", sentence);
    }

    #[test]
    fn few_puts_the_lowest_rate_first() {
        check(
            "nights with few spindles",
            "spindles",
            "nights by the rate of `spindles` per hour of sleep, fewest first",
        );
    }

    #[test]
    fn stage_restricts_the_sleep() {
        let sentence = "nights by the rate of `apneas` per hour of R, most first";
        check("nights with frequent apneas during REM sleep", "apneas", sentence);
    }

    #[test]
    fn bound_may_come_before_or_after_the_concept() {
        let sentence = "nights by the rate of `arousals` per hour of sleep, most first, only those above 15 per hour";
        check("nights with more than 15 arousals per hour", "arousals", sentence);
        check("arousals more than 15 per hour", "arousals", sentence);
        let sentence = "nights by the rate of `apneas` per hour of sleep, most first, only those below 5 per hour";
        check("patients with fewer than 5 apneas per hour of sleep", "apneas", sentence);
    }

    #[test]
    fn remaining_words_are_the_concept() {
        let sentence = "nights by the rate of `waves like a saw` per hour of sleep, most first";
        check("nights with waves like a saw", "waves like a saw", sentence);
    }

    fn bound(text: &str) -> Option<RateBound> {
        NightQuestion::parse(text).bound
    }

    #[test]
    fn every_phrase_of_a_bound_is_read() {
        for phrase in ["more than", "at least", "over", "above"] {
            let question = format!("nights with {phrase} 2.5 arousals an hour");
            assert_eq!(bound(&question), Some(RateBound::Above(2.5)), "{question}");
        }
        for phrase in ["fewer than", "less than", "at most", "under", "below"] {
            let question = format!("arousals {phrase} 2.5/h");
            assert_eq!(bound(&question), Some(RateBound::Below(2.5)), "{question}");
        }
    }

    #[test]
    fn number_without_a_unit_is_not_a_bound() {
        assert_eq!(bound("more than 15 arousals"), None);
        assert_eq!(bound("more than enough arousals per hour"), None);
    }

    #[test]
    fn bound_excludes_the_rate_itself() {
        assert!(RateBound::Above(5.0).allows(5.1) && !RateBound::Above(5.0).allows(5.0));
        assert!(RateBound::Below(5.0).allows(4.9) && !RateBound::Below(5.0).allows(5.0));
    }

    #[test]
    fn question_is_about_sleep_of_its_stages() {
        let about = |text: &str| {
            let question = NightQuestion::parse(text);
            let stages = Stage::ALL.into_iter().filter(|stage| question.is_about(Some(*stage)));
            stages.collect::<Vec<_>>()
        };
        assert_eq!(about("arousals"), [Stage::N1, Stage::N2, Stage::N3, Stage::Rem]);
        assert_eq!(about("arousals in NREM sleep"), [Stage::N1, Stage::N2, Stage::N3]);
        assert_eq!(about("spindles during deep sleep"), [Stage::N3]);
        assert!(!NightQuestion::parse("arousals").is_about(None), "unscored epochs are not sleep");
    }

    #[test]
    fn longest_amount_is_removed() {
        let question = NightQuestion::parse("nights with very few spindles");
        assert_eq!((question.concept.as_str(), question.fewest_first), ("spindles", true));
        let question = NightQuestion::parse("the most arousals");
        assert_eq!((question.concept.as_str(), question.fewest_first), ("arousals", false));
    }

    #[test]
    fn amount_alone_is_the_concept() {
        assert_eq!(NightQuestion::parse("frequent").concept, "frequent");
    }

    #[test]
    fn case_white_space_and_final_punctuation_do_not_matter() {
        let expected = NightQuestion::parse("nights with few apneas in n2");
        assert_eq!(NightQuestion::parse("  Nights with  FEW apneas\n in N2?!"), expected);
    }
}
