//! The words and punctuation that captions can contain, from which token sets are built.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use toml::Value;

use super::templates::FILES;
use super::wording_grammar::{question, statement};

/// Parts of captions that are in no wording: units, articles, and the decimal point.
const UNITS_AND_ARTICLES: [&str; 8] = ["%", "bpm", "ms", "s", "Hz", "a", "an", "."];
/// Punctuation after a name or a number: after a heading, and at the end of a sentence.
const TRAILING: [&str; 2] = [":", "."];

static WORDS: LazyLock<BTreeSet<String>> =
    LazyLock::new(|| vocabulary().iter().flat_map(|piece| words_of(piece)).collect());

/// Returns the pieces of captions and phrases, sorted: words with their inner punctuation, runs of punctuation, and digits.
///
/// Any text between two blanks in a caption is a concatenation of these pieces. The set is derived from the wordings and
/// may be larger than what captions use, but never smaller. Pieces have the case of the wordings; sentences in captions
/// start with a capital.
pub fn vocabulary() -> BTreeSet<String> {
    let wordings = wordings();
    let pieces: BTreeSet<&str> = wordings
        .iter()
        .flat_map(|wording| parts(wording))
        .flat_map(str::split_whitespace)
        .chain(UNITS_AND_ARTICLES)
        .collect();
    let mut vocabulary: BTreeSet<String> = pieces.iter().map(|piece| (*piece).to_owned()).collect();
    vocabulary.extend((0..10).map(|digit| digit.to_string()));
    // A filled slot may start or end with punctuation that is adjacent to punctuation around the slot.
    let ends: BTreeSet<&str> = pieces.iter().map(|piece| trailing_punctuation(piece)).collect();
    let starts: BTreeSet<&str> =
        pieces.iter().map(|piece| leading_punctuation(piece)).chain(TRAILING).collect();
    for end in ends {
        vocabulary.extend(starts.iter().map(|start| format!("{end}{start}")));
    }
    vocabulary.remove("");
    vocabulary
}

/// Returns every word of captions and phrases, in lower case, and the digits.
///
/// A text encoder trained on captions has seen few other words.
pub fn words() -> &'static BTreeSet<String> {
    &WORDS
}

/// Splits a text into its words, in lower case: runs of letters, and runs of digits.
///
/// ```
/// use nocturne_psg::caption::words_of;
///
/// let words: Vec<String> = words_of("REM sleep, 2 K-complexes").collect();
/// assert_eq!(words, ["rem", "sleep", "2", "k", "complexes"]);
/// ```
pub fn words_of(text: &str) -> impl Iterator<Item = String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = None;
    for letter in text.chars() {
        let class = (letter.is_alphabetic(), letter.is_numeric());
        if class != (false, false) {
            match words.last_mut() {
                Some(word) if last == Some(class) => word.extend(letter.to_lowercase()),
                Some(_) | None => words.push(letter.to_lowercase().collect()),
            }
        }
        last = Some(class);
    }
    words.into_iter()
}

/// Returns every text of the data files as written, as a statement and as a question.
fn wordings() -> Vec<String> {
    let mut texts = Vec::new();
    for file in FILES {
        let file = toml::from_str(file).expect("a test parses the embedded wordings");
        collect(&Value::Table(file), &mut texts);
    }
    let forms = |text: String| [statement(&text, "{who}"), question(&text, "{who}"), text];
    texts.into_iter().flat_map(forms).collect()
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Table(table) => table.values().for_each(|value| collect(value, texts)),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

/// Returns the parts of a wording between its slots.
fn parts(wording: &str) -> impl Iterator<Item = &str> {
    let after_slots = wording.split('}');
    after_slots.map(|part| part.split_once('{').map_or(part, |(before, _)| before))
}

fn leading_punctuation(piece: &str) -> &str {
    piece.split(char::is_alphanumeric).next().unwrap_or(piece)
}

fn trailing_punctuation(piece: &str) -> &str {
    piece.rsplit(char::is_alphanumeric).next().unwrap_or(piece)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::caption::{CaptionKind, EpochFacts, caption, phrase};
    use crate::features::{
        Airflow, Breathing, ChinMuscle, EegPowers, EyeMovements, Features, HeartRate, Saturation,
        Trend, TrendSpan,
    };
    use crate::sleep::{Event, EventKind, Position, Stage};

    fn pick<T: Copy>(of: &[T], random: &mut Pcg64Mcg) -> T {
        of[random.random_range(0..of.len())]
    }

    fn features(random: &mut Pcg64Mcg) -> Features {
        let mut up_to = |max: f64| random.random_range(0.0..max);
        let mut eeg = || EegPowers {
            delta: up_to(100.0),
            theta: up_to(50.0),
            alpha: up_to(60.0),
            beta: up_to(50.0),
        };
        let (eeg_c3, eeg_c4) = (Some(eeg()), Some(eeg()));
        let mut eye = || EyeMovements { slow: up_to(100.0), rapid: up_to(100.0) };
        let (eog_left, eog_right) = (Some(eye()), Some(eye()));
        let mut belt = || Breathing { rate_bpm: up_to(30.0), interval_deviation_s: up_to(3.0) };
        let (abdomen, thorax) = (Some(belt()), Some(belt()));
        let chin = ChinMuscle {
            median_frequency_hz: up_to(30.0),
            burst_ratio: up_to(6.0),
            burst_rate_hz: up_to(2.0),
            tone_percent: Some(up_to(300.0)),
        };
        let airflow = Airflow { rate_bpm: up_to(30.0), flatness: up_to(1.0) };
        let trends = [Trend::Increasing, Trend::Decreasing, Trend::Stable];
        let (from_s, to_s) = (up_to(15.0), 15.0 + up_to(15.0));
        let trends = trends.map(|trend| TrendSpan { trend, start_s: from_s, end_s: to_s });
        let saturation = Some(Saturation {
            trends: trends.to_vec(),
            min_percent: up_to(100.0),
            mean_percent: up_to(100.0),
        });
        let heart = HeartRate {
            trends: trends.to_vec(),
            rate_bpm: up_to(120.0),
            rmssd_ms: up_to(120.0),
            min_bpm: up_to(120.0),
            max_bpm: up_to(120.0),
            mean_bpm: up_to(120.0),
        };
        let position = Some(pick(&Position::ALL, random));
        let (airflow, chin, heart) = (Some(airflow), Some(chin), Some(heart));
        Features {
            eog_left,
            eog_right,
            eeg_c3,
            eeg_c4,
            heart,
            saturation,
            abdomen,
            thorax,
            airflow,
            chin,
            position,
        }
    }

    fn facts(random: &mut Pcg64Mcg) -> EpochFacts {
        let kinds: Vec<EventKind> = (0..3).map(|_| pick(&EventKind::ALL, random)).collect();
        let mut events = Vec::new();
        for kind in kinds {
            for _ in 0..random.random_range(0..9) {
                let onset_s = random.random_range(0.0..25.0);
                events.push(Event::new(kind, onset_s, random.random_range(0.5..5.0)));
            }
        }
        let stage = Some(pick(&Stage::ALL, random));
        EpochFacts { features: features(random), stage, events, events_scored: true }
    }

    /// Splits a text into runs of letters, single digits, and runs of punctuation.
    fn runs(text: &str) -> Vec<String> {
        let class = |sign: char| (sign.is_alphabetic(), sign.is_numeric(), sign.is_whitespace());
        let mut runs: Vec<String> = Vec::new();
        for sign in text.chars() {
            let last = runs.last_mut().filter(|run| run.chars().all(|of| class(of) == class(sign)));
            match last {
                Some(run) if !sign.is_numeric() => run.push(sign),
                Some(_) | None => runs.push(sign.to_string()),
            }
        }
        runs.retain(|run| !run.trim().is_empty());
        runs
    }

    #[test]
    fn captions_consist_of_the_vocabulary() {
        let in_lower_case = |piece: &String| runs(&piece.to_lowercase());
        let known: BTreeSet<String> = vocabulary().iter().flat_map(in_lower_case).collect();
        let mut random = Pcg64Mcg::seed_from_u64(11);
        let mut n_captions = 0;
        for seed in 0..1500 {
            let facts = facts(&mut random);
            let kinds = CaptionKind::ALL.into_iter();
            let captions = kinds.filter_map(|kind| caption(kind, &facts, seed));
            for caption in captions.chain(phrase(&facts, seed)) {
                n_captions += 1;
                for run in in_lower_case(&caption.text) {
                    assert!(known.contains(&run), "`{run}` of {}", caption.text);
                }
            }
        }
        assert!(n_captions > 7000, "{n_captions}");
    }

    #[test]
    fn pieces_contain_no_slots_and_no_blanks() {
        let is_invalid = |piece: &String| piece.contains(['{', '}', ' ']);
        assert_eq!(vocabulary().into_iter().filter(is_invalid).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn words_include_wordings_but_not_slots() {
        for word in ["sleep", "stops", "stop", "does", "varies", "vary", "n2", "complexes", "bpm"] {
            for part in words_of(word) {
                assert!(words().contains(&part), "{part}");
            }
        }
        for word in ["noun", "giraffe", "name"] {
            assert!(!words().contains(word), "{word}");
        }
    }
}
