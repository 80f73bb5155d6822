//! Reads a question about nights: a small grammar over plain words.
//!
//! ```text
//! question = [ "nights" | "recordings" … "with" ] [ amount ] concept [ ("in" | "during") stage ] [ bound "per hour" ]
//! amount   = "frequent" | "many" | … | "few" | "rare" | …
//! bound    = ("more than" | "at least" | "fewer than" | "at most") number
//! ```
//!
//! What is left over when the known words are taken away is the concept.

use nocturne_psg::Stage;

/// A question, as it was understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Question {
    /// The words that name the concept.
    pub(crate) concept: String,
    /// Whether nights with few occurrences come first.
    pub(crate) fewest_first: bool,
    /// Least rate per hour, excluded.
    pub(crate) above: Option<f64>,
    /// Greatest rate per hour, excluded.
    pub(crate) below: Option<f64>,
    /// Sleep of these stages only; all sleep where it is empty.
    pub(crate) stages: Vec<Stage>,
}

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

const FEW: [&str; 7] =
    ["very few", "few", "fewest", "the fewest", "rare", "hardly any", "low rate of"];

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

impl Question {
    /// Reads a question; every text has a reading.
    pub(crate) fn read(text: &str) -> Self {
        let lower = text.to_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        let mut rest = words.join(" ").trim_end_matches(['.', '?', '!']).to_owned();
        strip_opening(&mut rest, &OPENINGS);
        let bound = take_bound(&mut rest);
        let stages = take_stages(&mut rest);
        let many = strip_opening(&mut rest, &MANY);
        let fewest_first = !many && strip_opening(&mut rest, &FEW);
        let (above, below) = match bound {
            Some(Bound::Above(rate)) => (Some(rate), None),
            Some(Bound::Below(rate)) => (None, Some(rate)),
            None => (None, None),
        };
        Self { concept: rest, fewest_first, above, below, stages: stages.to_vec() }
    }

    /// Returns whether an epoch of this stage is part of the sleep that the question is about.
    pub(crate) fn is_about(&self, stage: Option<Stage>) -> bool {
        stage.is_some_and(|stage| {
            stage.is_sleep() && (self.stages.is_empty() || self.stages.contains(&stage))
        })
    }

    /// Says in words how the question was understood.
    pub(crate) fn sentence(&self, concept: &str) -> String {
        let order = if self.fewest_first { "fewest" } else { "most" };
        let among = match self.stages.as_slice() {
            [] => "sleep".to_owned(),
            stages => stages.iter().map(|stage| stage.code()).collect::<Vec<_>>().join(" and "),
        };
        let above = self
            .above
            .map(|rate| format!(", only those above {rate} per hour"))
            .unwrap_or_default();
        let below = self
            .below
            .map(|rate| format!(", only those below {rate} per hour"))
            .unwrap_or_default();
        format!(
            "nights by the rate of `{concept}` per hour of {among}, {order} first{above}{below}"
        )
    }
}

enum Bound {
    Above(f64),
    Below(f64),
}

/// Takes one of the phrases from the beginning of a text, the longest that fits.
fn strip_opening(text: &mut String, phrases: &[&str]) -> bool {
    let fits =
        |phrase: &&&str| text.strip_prefix(**phrase).is_some_and(|rest| rest.starts_with(' '));
    let Some(phrase) = phrases.iter().filter(fits).max_by_key(|phrase| phrase.len()) else {
        return false;
    };
    text.drain(..=phrase.len());
    true
}

/// Takes `more than 15 … per hour` and its like from a text; what stands between number and `per hour` is kept.
fn take_bound(text: &mut String) -> Option<Bound> {
    const ABOVE: [&str; 4] = ["more than ", "at least ", "over ", "above "];
    const BELOW: [&str; 5] = ["fewer than ", "less than ", "at most ", "under ", "below "];
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
    Some(if is_above { Bound::Above(rate) } else { Bound::Below(rate) })
}

/// Takes `in REM sleep` and its like from the end of a text.
fn take_stages(text: &mut String) -> &'static [Stage] {
    for (name, stages) in STAGES {
        for place in ["in", "during"] {
            if let Some(rest) = text.strip_suffix(&format!(" {place} {name}")) {
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
        let question = Question::read(text);
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
    fn stage_narrows_the_sleep() {
        let sentence = "nights by the rate of `apneas` per hour of R, most first";
        check("nights with frequent apneas during REM sleep", "apneas", sentence);
    }

    #[test]
    fn bounds_are_read_wherever_they_stand() {
        let sentence = "nights by the rate of `arousals` per hour of sleep, most first, only those above 15 per hour";
        check("nights with more than 15 arousals per hour", "arousals", sentence);
        check("arousals more than 15 per hour", "arousals", sentence);
        let sentence = "nights by the rate of `apneas` per hour of sleep, most first, only those below 5 per hour";
        check("patients with fewer than 5 apneas per hour of sleep", "apneas", sentence);
    }

    #[test]
    fn other_words_are_the_concept() {
        let sentence = "nights by the rate of `waves like a saw` per hour of sleep, most first";
        check("nights with waves like a saw", "waves like a saw", sentence);
    }
}
