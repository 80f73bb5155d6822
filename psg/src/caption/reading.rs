//! Reads the numbers back out of a caption, by the wordings that made it.
//!
//! White space and capitals do not count, so that text is read too that a decoder wrote token by token
//! (`delta power of 6 1 . 2 0 %`). What is in no wording is passed over.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::number::{NumberHead, NumberName};
use super::templates::{TEMPLATES, Wordings};
use super::text::named;
use crate::EventKind;
use crate::features::{Trend, TrendStretch};

/// Every number that a caption gives.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Measured numbers, in the order of the text.
    pub numbers: Vec<SaidNumber>,
    /// How a rate or level goes, with the head under which it stands, in the order of the text.
    pub trends: Vec<(NumberHead, TrendStretch)>,
    /// Events with their times, in the order of the text.
    pub events: Vec<SaidEvent>,
    /// Events by their number, in the order of the text.
    pub counts: Vec<(EventKind, usize)>,
}

/// A measured number as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SaidNumber {
    /// The channel.
    pub head: NumberHead,
    /// Which number of it; [`NumberName::unit`] is its unit.
    pub name: NumberName,
    /// The number.
    pub value: f64,
    /// How many decimals are written.
    pub decimals: usize,
}

/// An event as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SaidEvent {
    /// The kind.
    pub kind: EventKind,
    /// Begin in seconds from the start of the epoch.
    pub onset_s: f64,
    /// End in seconds from the start of the epoch.
    pub end_s: f64,
}

impl Figures {
    /// Reads a caption, or any text that holds sentences of captions.
    ///
    /// ```
    /// use nocturne_psg::caption::{Figures, NumberHead, NumberName};
    ///
    /// let text = "n 3 sleep . eeg c 3 - a 2 : delta power of 6 1 . 2 0 % and beta power about 5 . 0 % .";
    /// let numbers = Figures::read(text).numbers;
    /// assert_eq!((numbers[0].head, numbers[0].name), (NumberHead::C3, NumberName::Delta));
    /// assert_eq!((numbers[0].value, numbers[1].value), (61.2, 5.0));
    /// ```
    pub fn read(text: &str) -> Self {
        let text = squeezed(text);
        let mut figures = Self::default();
        for start in sentence_starts(&text) {
            let sentence = &text[start..];
            if let Some((kind, [onset_s, end_s])) = longest(&GRAMMAR.timed, sentence) {
                figures.events.push(SaidEvent { kind, onset_s, end_s });
            } else if let Some((kind, [count])) = longest(&GRAMMAR.counted, sentence) {
                figures.counts.push((kind, count as usize));
            }
        }
        for (at, _) in text.match_indices(':') {
            if let Some(head) = head(&text[..at]) {
                figures.read_list(head, &text[at + 1..]);
            }
        }
        figures
    }

    /// Reads what is listed behind a head, as far as it is in the wordings.
    fn read_list(&mut self, head: NumberHead, mut rest: &str) {
        loop {
            let number = number_part(head, rest);
            if let Some((number, behind)) = number {
                self.numbers.push(number);
                rest = behind;
            } else if let Some((trend, behind)) = trend_part(rest) {
                self.trends.push((head, trend));
                rest = behind;
            } else {
                return;
            }
            let mut connectives = GRAMMAR.connectives.iter();
            let behind = connectives.find_map(|it| rest.strip_prefix(it.as_str()));
            let Some(behind) = behind else { return };
            rest = behind;
        }
    }
}

/// The wordings as they are compared, the longest first.
struct Grammar {
    heads: Vec<(String, NumberHead)>,
    names: Vec<(String, NumberName)>,
    ties: Vec<String>,
    connectives: Vec<String>,
    trend_words: Vec<(String, Trend)>,
    trends: Vec<[String; 3]>,
    /// What stands before, between and behind the times.
    timed: ByLetter<3>,
    /// What stands before and behind the number.
    counted: ByLetter<2>,
}

/// Wordings of events, by the letter with which they begin; there are some thousands of them.
type ByLetter<const P: usize> = BTreeMap<Option<char>, Vec<(EventKind, [String; P])>>;

static GRAMMAR: LazyLock<Grammar> = LazyLock::new(|| {
    let number = &TEMPLATES.number;
    let event = &TEMPLATES.event;
    let kinds = || event.event.iter();
    let timed = kinds().flat_map(|(kind, words)| {
        let pairs =
            words.names.iter().flat_map(|name| event.timed.iter().map(move |it| (it, name)));
        pairs.map(|(template, name)| (*kind, split(&named(template, name), ["{begin}", "{end}"])))
    });
    let counted = kinds().flat_map(|(kind, words)| {
        let pairs = words.plurals.iter().flat_map(|it| event.few.iter().map(move |few| (few, it)));
        pairs.map(|(few, names)| (*kind, split(&few.replace("{names}", names), ["{count}"])))
    });
    let trend_words = [Trend::Increasing, Trend::Decreasing, Trend::Stable];
    Grammar {
        heads: NumberHead::ALL.into_iter().flat_map(|it| tagged(&number.head[&it], it)).collect(),
        names: NumberName::ALL.into_iter().flat_map(|it| tagged(&number.name[&it], it)).collect(),
        ties: number.verbs.iter().chain(&number.rounded).map(|it| squeezed(it)).collect(),
        connectives: longest_first(number.connectives.iter().map(|it| squeezed(it)).collect()),
        trend_words: trend_words
            .into_iter()
            .flat_map(|trend| tagged(number.trend.of(trend), trend))
            .collect(),
        trends: (number.trend.sentences.iter())
            .map(|sentence| split(sentence.trim_start_matches("{trend}"), ["{begin}", "{end}"]))
            .collect(),
        timed: by_letter(timed),
        counted: by_letter(counted),
    }
});

fn tagged<T: Copy>(wordings: &Wordings, tag: T) -> Vec<(String, T)> {
    wordings.iter().map(|wording| (squeezed(wording), tag)).collect()
}

fn by_letter<const P: usize>(
    wordings: impl Iterator<Item = (EventKind, [String; P])>,
) -> ByLetter<P> {
    let mut letters = ByLetter::new();
    for (kind, parts) in wordings {
        letters.entry(parts[0].chars().next()).or_default().push((kind, parts));
    }
    letters
}

fn longest_first(mut wordings: Vec<String>) -> Vec<String> {
    wordings.sort_by_key(|wording| Reverse(wording.len()));
    wordings
}

/// Parts a wording at its places; the dot at its end may be missing.
fn split<const N: usize, const P: usize>(wording: &str, places: [&str; P]) -> [String; N] {
    let mut parts = Vec::new();
    let mut rest = wording.trim_end_matches('.');
    for place in places {
        let (before, behind) = rest.split_once(place).expect("a test finds the place in it");
        parts.push(squeezed(before));
        rest = behind;
    }
    parts.push(squeezed(rest));
    parts.try_into().expect("one part more than places")
}

/// Writes a text in lower case and without white space.
fn squeezed(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// Returns where sentences begin: at the start and behind each dot that is not within a number.
fn sentence_starts(text: &str) -> Vec<usize> {
    let mut starts = vec![0];
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        if let Some((_, _, behind)) = decimal(&text[at..]) {
            at = text.len() - behind.len();
        } else {
            at += letter.len_utf8();
            if letter == '.' {
                starts.push(at);
            }
        }
    }
    starts
}

/// Reads a number at the start of a text: its value, its decimals, and what is behind it.
fn decimal(text: &str) -> Option<(f64, usize, &str)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    // The dot of the sentence before is no decimal point.
    let whole = Some(digits(text)).filter(|digits| *digits > 0)?;
    let decimals = text[whole..].strip_prefix('.').map_or(0, digits);
    let end = if decimals == 0 { whole } else { whole + 1 + decimals };
    let value = text[..end].parse().ok()?;
    Some((value, decimals, &text[end..]))
}

/// Returns the head at the end of a text, the longest that fits.
fn head(text: &str) -> Option<NumberHead> {
    let heads = GRAMMAR.heads.iter().filter(|(wording, _)| text.ends_with(wording.as_str()));
    heads.max_by_key(|(wording, _)| wording.len()).map(|(_, head)| *head)
}

/// Reads a number with its name. A tie stands right before the digits, so that no two readings differ.
fn number_part(head: NumberHead, text: &str) -> Option<(SaidNumber, &str)> {
    for (wording, name) in GRAMMAR.names.iter().filter(|(_, name)| head.names().contains(name)) {
        let Some(tied) = text.strip_prefix(wording.as_str()) else { continue };
        for tie in &GRAMMAR.ties {
            let found = tied.strip_prefix(tie.as_str()).and_then(decimal);
            if let Some((value, decimals, behind)) = found {
                let behind = behind.strip_prefix(&squeezed(name.unit())).unwrap_or(behind);
                return Some((SaidNumber { head, name: *name, value, decimals }, behind));
            }
        }
    }
    None
}

/// Reads how the rate goes; of two readings the longer one.
fn trend_part(text: &str) -> Option<(TrendStretch, &str)> {
    let mut best: Option<(TrendStretch, &str)> = None;
    for (word, trend) in &GRAMMAR.trend_words {
        let Some(behind_word) = text.strip_prefix(word.as_str()) else { continue };
        for parts in &GRAMMAR.trends {
            let Some(([start_s, end_s], behind)) = filled(parts, behind_word) else { continue };
            if best.is_none_or(|(_, earlier)| behind.len() < earlier.len()) {
                best = Some((TrendStretch { trend: *trend, start_s, end_s }, behind));
            }
        }
    }
    best
}

/// Returns the numbers of the wording that explains the most of a text.
fn longest<const N: usize, const P: usize>(
    wordings: &ByLetter<P>,
    text: &str,
) -> Option<(EventKind, [f64; N])> {
    let letters = [None, text.chars().next()];
    let begin_so = letters.iter().filter_map(|letter| wordings.get(letter)).flatten();
    let read = begin_so.filter_map(|(kind, parts)| {
        filled(parts, text).map(|(numbers, rest)| (kind, numbers, rest))
    });
    read.min_by_key(|(_, _, rest)| rest.len()).map(|(kind, numbers, _)| (*kind, numbers))
}

/// Reads the numbers that stand between the parts of a wording, and returns what is behind the last part.
fn filled<'a, const N: usize, const P: usize>(
    parts: &[String; P],
    text: &'a str,
) -> Option<([f64; N], &'a str)> {
    let mut numbers = [0.0; N];
    let (first, others) = parts.split_first()?;
    let mut rest = text.strip_prefix(first.as_str())?;
    for (number, part) in numbers.iter_mut().zip(others) {
        let (value, _, behind) = decimal(rest)?;
        *number = value;
        rest = behind.strip_prefix(part.as_str())?;
    }
    Some((numbers, rest))
}
