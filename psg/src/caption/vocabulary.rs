//! The words and signs of which captions can be made, for whoever has to choose among them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use toml::Value;

use super::templates::FILES;
use super::text::{question, statement};

/// What stands in a caption and in no wording: units, articles, and a decimal point.
const BETWEEN: [&str; 8] = ["%", "bpm", "ms", "s", "Hz", "a", "an", "."];
/// Signs that are put behind a name or a number: after the head of a listing, and at the end of a sentence.
const BEHIND: [&str; 2] = [":", "."];

static WORDS: LazyLock<BTreeSet<String>> =
    LazyLock::new(|| vocabulary().iter().flat_map(|piece| words_of(piece)).collect());

/// Returns the words and signs of which captions and phrases are made, in order.
///
/// Whatever stands between two blanks in a caption is made of these, one after the other: words with the signs inside
/// of them, runs of signs, and single digits. There may be more of them than captions come to say, and never less:
/// they follow from the wordings, whatever those are. The words are in the case of the wordings; in a caption, a sentence
/// begins with a capital besides.
pub fn vocabulary() -> BTreeSet<String> {
    let wordings = wordings();
    let pieces: BTreeSet<&str> = wordings
        .iter()
        .flat_map(|wording| parts(wording))
        .flat_map(str::split_whitespace)
        .chain(BETWEEN)
        .collect();
    let mut vocabulary: BTreeSet<String> = pieces.iter().map(|piece| (*piece).to_owned()).collect();
    vocabulary.extend((0..10).map(|digit| digit.to_string()));
    // What fills a slot may end with signs, and signs may stand behind the slot; and so before it.
    let ends: BTreeSet<&str> = pieces.iter().map(|piece| last_signs(piece)).collect();
    let begins: BTreeSet<&str> =
        pieces.iter().map(|piece| first_signs(piece)).chain(BEHIND).collect();
    for end in ends {
        vocabulary.extend(begins.iter().map(|begin| format!("{end}{begin}")));
    }
    vocabulary.remove("");
    vocabulary
}

/// Returns every word of which captions and phrases are made, in lower case, and the digits.
///
/// A text encoder that was trained on captions has seen these words and hardly others.
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

/// Returns every text of the data files, as it is written, stated and asked.
fn wordings() -> Vec<String> {
    let mut texts = Vec::new();
    for file in FILES {
        let file = toml::from_str(file).expect("the embedded wordings are checked by a test");
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

/// Returns a wording without its slots.
fn parts(wording: &str) -> impl Iterator<Item = &str> {
    let behind_slots = wording.split('}');
    behind_slots.map(|part| part.split_once('{').map_or(part, |(before, _)| before))
}

fn first_signs(piece: &str) -> &str {
    piece.split(char::is_alphanumeric).next().unwrap_or(piece)
}

fn last_signs(piece: &str) -> &str {
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
        Trend, TrendStretch,
    };
    use crate::montage::Position;
    use crate::{Event, EventKind, Stage};

    fn pick<T: Copy>(of: &[T], random: &mut Pcg64Mcg) -> T {
        of[random.random_range(0..of.len())]
    }

    fn features(random: &mut Pcg64Mcg) -> Features {
        let mut upto = |greatest: f64| random.random_range(0.0..greatest);
        let mut eeg = || EegPowers {
            delta: upto(100.0),
            theta: upto(50.0),
            alpha: upto(60.0),
            beta: upto(50.0),
        };
        let (eeg_c3, eeg_c4) = (Some(eeg()), Some(eeg()));
        let mut eye = || EyeMovements { slow: upto(100.0), rapid: upto(100.0) };
        let (eog_left, eog_right) = (Some(eye()), Some(eye()));
        let mut belt = || Breathing { rate_bpm: upto(30.0), interval_deviation_s: upto(3.0) };
        let (abdomen, thorax) = (Some(belt()), Some(belt()));
        let chin = ChinMuscle {
            median_frequency_hz: upto(30.0),
            burst_ratio: upto(6.0),
            burst_rate_hz: upto(2.0),
            tone_percent: Some(upto(300.0)),
        };
        let airflow = Airflow { rate_bpm: upto(30.0), flatness: upto(1.0) };
        let trends = [Trend::Increasing, Trend::Decreasing, Trend::Stable];
        let (from_s, to_s) = (upto(15.0), 15.0 + upto(15.0));
        let trends = trends.map(|trend| TrendStretch { trend, start_s: from_s, end_s: to_s });
        let saturation = Some(Saturation {
            trends: trends.to_vec(),
            min_percent: upto(100.0),
            mean_percent: upto(100.0),
        });
        let heart = HeartRate {
            trends: trends.to_vec(),
            rate_bpm: upto(120.0),
            rmssd_ms: upto(120.0),
            min_bpm: upto(120.0),
            max_bpm: upto(120.0),
            mean_bpm: upto(120.0),
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

    /// Cuts a text into runs of letters, single digits, and runs of signs.
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
    fn captions_hold_nothing_else() {
        let in_lower_case = |piece: &String| runs(&piece.to_lowercase());
        let known: BTreeSet<String> = vocabulary().iter().flat_map(in_lower_case).collect();
        let mut random = Pcg64Mcg::seed_from_u64(11);
        let mut n_captions = 0;
        for seed in 0..1500 {
            let facts = facts(&mut random);
            let kinds = CaptionKind::ALL.into_iter();
            let made = kinds.filter_map(|kind| caption(kind, &facts, seed));
            for caption in made.chain(phrase(&facts, seed)) {
                n_captions += 1;
                for run in in_lower_case(&caption.text) {
                    assert!(known.contains(&run), "`{run}` of {}", caption.text);
                }
            }
        }
        assert!(n_captions > 7000, "{n_captions}");
    }

    #[test]
    fn no_slot_is_left_open_and_no_piece_has_a_blank() {
        let is_open = |piece: &String| piece.contains(['{', '}', ' ']);
        assert_eq!(vocabulary().into_iter().filter(is_open).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn words_of_the_wordings_are_known_and_their_places_are_not() {
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
