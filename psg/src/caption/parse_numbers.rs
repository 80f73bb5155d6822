//! Parses the numbers of a caption with the wordings that generate captions.
//!
//! White space and case are ignored, so that text generated token by token can be parsed
//! (`delta power of 6 1 . 2 0 %`). Text that matches no wording is skipped.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::number_names::{NumberHeading, NumberName};
use super::templates::{TEMPLATES, Wordings};
use super::wording_grammar::named;
use crate::features::{Trend, TrendSpan};
use crate::sleep::EventKind;

/// The numbers in a caption.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CaptionNumbers {
    /// Measures, in text order.
    pub numbers: Vec<WrittenNumber>,
    /// Trends with their heading, in text order.
    pub trends: Vec<(NumberHeading, TrendSpan)>,
    /// Events with their times, in text order.
    pub events: Vec<WrittenEvent>,
    /// Counts of events, in text order.
    pub counts: Vec<(EventKind, usize)>,
}

/// A measure as written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WrittenNumber {
    /// The heading.
    pub heading: NumberHeading,
    /// The name; [`NumberName::unit`] is the unit.
    pub name: NumberName,
    /// The value.
    pub value: f64,
    /// Number of decimals.
    pub decimals: usize,
}

/// An event as written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WrittenEvent {
    /// The kind.
    pub kind: EventKind,
    /// Onset in seconds from the start of the epoch.
    pub onset_s: f64,
    /// End in seconds from the start of the epoch.
    pub end_s: f64,
}

impl CaptionNumbers {
    /// Parses a caption, or any text that contains sentences of captions.
    ///
    /// ```
    /// use nocturne_psg::caption::{CaptionNumbers, NumberHeading, NumberName};
    ///
    /// let text = "n 3 sleep . eeg c 3 - a 2 : delta power of 6 1 . 2 0 % and beta power about 5 . 0 % .";
    /// let numbers = CaptionNumbers::parse(text).numbers;
    /// assert_eq!((numbers[0].heading, numbers[0].name), (NumberHeading::C3, NumberName::Delta));
    /// assert_eq!((numbers[0].value, numbers[1].value), (61.2, 5.0));
    /// ```
    pub fn parse(text: &str) -> Self {
        let text = squeezed(text);
        let mut parsed = Self::default();
        for start in sentence_starts(&text) {
            let sentence = &text[start..];
            if let Some((kind, [onset_s, end_s])) = longest(&GRAMMAR.timed, sentence) {
                parsed.events.push(WrittenEvent { kind, onset_s, end_s });
            } else if let Some((kind, [count])) = longest(&GRAMMAR.counted, sentence) {
                parsed.counts.push((kind, count as usize));
            }
        }
        for (at, _) in text.match_indices(':') {
            if let Some(heading) = heading_at_end(&text[..at]) {
                parsed.parse_list(heading, &text[at + 1..]);
            }
        }
        parsed
    }

    /// Parses the list after a heading as far as it matches the wordings.
    fn parse_list(&mut self, heading: NumberHeading, mut rest: &str) {
        loop {
            let number = number_part(heading, rest);
            if let Some((number, after)) = number {
                self.numbers.push(number);
                rest = after;
            } else if let Some((trend, after)) = trend_part(rest) {
                self.trends.push((heading, trend));
                rest = after;
            } else {
                return;
            }
            let mut connectives = GRAMMAR.connectives.iter();
            let after = connectives.find_map(|it| rest.strip_prefix(it.as_str()));
            let Some(after) = after else { return };
            rest = after;
        }
    }
}

/// The wordings in compared form.
struct WordingGrammar {
    heads: Vec<(String, NumberHeading)>,
    names: Vec<(String, NumberName)>,
    /// Words between a name and its number.
    ties: Vec<String>,
    connectives: Vec<String>,
    trend_words: Vec<(String, Trend)>,
    trends: Vec<[String; 3]>,
    /// Text before, between and after the times.
    timed: ByLetter<3>,
    /// Text before and after the number.
    counted: ByLetter<2>,
}

/// Wordings of events by their first letter, because there are several thousand.
type ByLetter<const P: usize> = BTreeMap<Option<char>, Vec<(EventKind, [String; P])>>;

static GRAMMAR: LazyLock<WordingGrammar> = LazyLock::new(|| {
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
    WordingGrammar {
        heads: NumberHeading::ALL
            .into_iter()
            .flat_map(|it| tagged(&number.head[&it], it))
            .collect(),
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

/// Splits a wording at its slots; a full stop at its end is optional.
fn split<const N: usize, const P: usize>(wording: &str, slots: [&str; P]) -> [String; N] {
    let mut parts = Vec::new();
    let mut rest = wording.trim_end_matches('.');
    for slot in slots {
        let (before, after) = rest.split_once(slot).expect("a test checks the slots of wordings");
        parts.push(squeezed(before));
        rest = after;
    }
    parts.push(squeezed(rest));
    parts.try_into().expect("there is one part more than slots")
}

/// Returns a text in lower case without white space.
fn squeezed(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// Returns the starts of sentences: the start of the text and the end of each full stop that is not a decimal point.
fn sentence_starts(text: &str) -> Vec<usize> {
    let mut starts = vec![0];
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        if let Some((_, _, after)) = decimal(&text[at..]) {
            at = text.len() - after.len();
        } else {
            at += letter.len_utf8();
            if letter == '.' {
                starts.push(at);
            }
        }
    }
    starts
}

/// Parses a number at the start of a text: its value, its decimals, and the rest of the text.
fn decimal(text: &str) -> Option<(f64, usize, &str)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    // A leading dot is the full stop of the previous sentence.
    let whole = Some(digits(text)).filter(|digits| *digits > 0)?;
    let decimals = text[whole..].strip_prefix('.').map_or(0, digits);
    let end = if decimals == 0 { whole } else { whole + 1 + decimals };
    let value = text[..end].parse().ok()?;
    Some((value, decimals, &text[end..]))
}

/// Returns the longest heading at the end of a text.
fn heading_at_end(text: &str) -> Option<NumberHeading> {
    let heads = GRAMMAR.heads.iter().filter(|(wording, _)| text.ends_with(wording.as_str()));
    heads.max_by_key(|(wording, _)| wording.len()).map(|(_, head)| *head)
}

/// Parses a name, a tie and a number. The tie immediately precedes the digits, so the result is unique.
fn number_part(heading: NumberHeading, text: &str) -> Option<(WrittenNumber, &str)> {
    for (wording, name) in GRAMMAR.names.iter().filter(|(_, name)| heading.names().contains(name)) {
        let Some(tied) = text.strip_prefix(wording.as_str()) else { continue };
        for tie in &GRAMMAR.ties {
            let found = tied.strip_prefix(tie.as_str()).and_then(decimal);
            if let Some((value, decimals, after)) = found {
                let after = after.strip_prefix(&squeezed(name.unit())).unwrap_or(after);
                return Some((WrittenNumber { heading, name: *name, value, decimals }, after));
            }
        }
    }
    None
}

/// Parses a trend; the longest match is used.
fn trend_part(text: &str) -> Option<(TrendSpan, &str)> {
    let mut best: Option<(TrendSpan, &str)> = None;
    for (word, trend) in &GRAMMAR.trend_words {
        let Some(behind_word) = text.strip_prefix(word.as_str()) else { continue };
        for parts in &GRAMMAR.trends {
            let Some(([start_s, end_s], after)) = filled(parts, behind_word) else { continue };
            if best.is_none_or(|(_, earlier)| after.len() < earlier.len()) {
                best = Some((TrendSpan { trend: *trend, start_s, end_s }, after));
            }
        }
    }
    best
}

/// Returns the kind and the numbers of the wording with the longest match at the start of a text.
fn longest<const N: usize, const P: usize>(
    wordings: &ByLetter<P>,
    text: &str,
) -> Option<(EventKind, [f64; N])> {
    let letters = [None, text.chars().next()];
    let candidates = letters.iter().filter_map(|letter| wordings.get(letter)).flatten();
    let matches = candidates.filter_map(|(kind, parts)| {
        filled(parts, text).map(|(numbers, rest)| (kind, numbers, rest))
    });
    matches.min_by_key(|(_, _, rest)| rest.len()).map(|(kind, numbers, _)| (*kind, numbers))
}

/// Parses the numbers between the parts of a wording and returns them with the rest of the text.
fn filled<'a, const N: usize, const P: usize>(
    parts: &[String; P],
    text: &'a str,
) -> Option<([f64; N], &'a str)> {
    let mut numbers = [0.0; N];
    let (first, others) = parts.split_first()?;
    let mut rest = text.strip_prefix(first.as_str())?;
    for (number, part) in numbers.iter_mut().zip(others) {
        let (value, _, after) = decimal(rest)?;
        *number = value;
        rest = after.strip_prefix(part.as_str())?;
    }
    Some((numbers, rest))
}
