//! The phrases of questions: from words to lexemes.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use nocturne_concepts::{Concept, Direction};

use super::super::cursor::Cursor;
use super::super::question::Part;
use super::super::token::{TokenKind, tokens};
use super::numbers::number_words;

const TEXT: &str = include_str!("phrases.tsv");

static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::load);

/// A phrase with its place.
#[derive(Debug, Clone)]
pub(super) struct Lexed<'a> {
    pub(super) lexeme: Lexeme<'a>,
    /// Tokens of the question.
    pub(super) tokens: Range<usize>,
}

/// What a phrase is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Lexeme<'a> {
    Concept(&'a Concept),
    Number(f64),
    /// A time of day in minutes after midnight.
    Clock(u16),
    Sign(&'static str),
    Phrase(Class),
    /// A word without a meaning in questions.
    Unknown,
}

/// Classes of phrases; `phrases.tsv` lists those of each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Class {
    Filler,
    Noun,
    With,
    And,
    Or,
    But,
    Compare(Comparator),
    /// `older than`, `younger than`.
    CompareAge(Comparator),
    About,
    OrMore,
    OrLess,
    Between,
    To,
    From,
    Frequent(Direction),
    Long(Direction),
    /// Good, or poor.
    Quality {
        is_good: bool,
    },
    Any,
    Single,
    /// The first and the last of adjacent classes of severity.
    Severity(&'static str, &'static str),
    Rate,
    Count,
    Share,
    Time,
    LongestRun,
    /// `period`, `episode`, …
    RunWord,
    Unit(Unit),
    OfSleep,
    OfNight,
    In,
    Outside,
    Elsewhere,
    Part(Part),
    First,
    Last,
    Midnight,
    Noon,
    Am,
    Pm,
    OClock,
    Within,
    After,
    Before,
    Followed,
    FollowedBy,
    Preceded,
    PrecededBy,
    By,
    More,
    Fewer,
    Than,
    As,
    Worse,
    Better,
    Twice,
    TimesAs,
    Half,
    No,
    Not,
    /// Before or after a concept.
    Absent,
    AbsentAfter,
    NotOnly,
    /// It looks like a negation, or like possibility.
    Unclear,
    Person(Person),
    Aged,
    KnownMetadata,
    NotMeasurable,
}

/// How a number bounds a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparator {
    Above,
    AtLeast,
    Below,
    AtMost,
    Equal,
}

/// A unit as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    PerHour,
    PerMinute,
    PerNight,
    Percent,
    Hour,
    Minute,
    Second,
    BeatsPerMinute,
    Year,
}

/// Words for people of one sex or age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Person {
    Male,
    Female,
    Adult,
    Child,
}

struct Lexicon {
    phrases: HashMap<Vec<String>, Class>,
    longest: usize,
}

impl Lexicon {
    fn load() -> Self {
        let mut lexicon = Self { phrases: HashMap::new(), longest: 0 };
        for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
            let (name, phrases) = line.split_once('\t').expect("each line has a class and phrases");
            let class = Class::named(name).expect("a test checks that every class is known");
            for phrase in phrases.split(", ") {
                let keys = tokens(phrase).expect("a test checks that every phrase is words");
                let keys: Vec<String> = keys.iter().map(super::super::token::Token::key).collect();
                lexicon.longest = lexicon.longest.max(keys.len());
                lexicon.phrases.insert(keys, class);
            }
        }
        lexicon
    }
}

impl Class {
    #[expect(clippy::too_many_lines, reason = "a table of names")]
    fn named(name: &str) -> Option<Self> {
        use Comparator::{Above, AtLeast, AtMost, Below, Equal};
        let fraction = |number, of| Self::Part(Part::Fraction { number, of });
        Some(match name {
            "filler" => Self::Filler,
            "noun" => Self::Noun,
            "with" => Self::With,
            "and" => Self::And,
            "or" => Self::Or,
            "but" => Self::But,
            "gt" => Self::Compare(Above),
            "ge" => Self::Compare(AtLeast),
            "lt" => Self::Compare(Below),
            "le" => Self::Compare(AtMost),
            "eq" => Self::Compare(Equal),
            "gt_age" => Self::CompareAge(Above),
            "lt_age" => Self::CompareAge(Below),
            "about" => Self::About,
            "ge_after" => Self::OrMore,
            "le_after" => Self::OrLess,
            "between" => Self::Between,
            "to" => Self::To,
            "from" => Self::From,
            "highest" => Self::Frequent(Direction::Highest),
            "lowest" => Self::Frequent(Direction::Lowest),
            "long" => Self::Long(Direction::Highest),
            "short" => Self::Long(Direction::Lowest),
            "good" => Self::Quality { is_good: true },
            "poor" => Self::Quality { is_good: false },
            "any" => Self::Any,
            "single" => Self::Single,
            "class:severe" => Self::Severity("severe", "severe"),
            "class:moderate" => Self::Severity("moderate", "moderate"),
            "class:mild" => Self::Severity("mild", "mild"),
            "class:moderate-severe" => Self::Severity("moderate", "severe"),
            "class:mild-moderate" => Self::Severity("mild", "moderate"),
            "class:mild-severe" => Self::Severity("mild", "severe"),
            "rate" => Self::Rate,
            "count" => Self::Count,
            "share" => Self::Share,
            "time" => Self::Time,
            "longest_run" => Self::LongestRun,
            "run_word" => Self::RunWord,
            "unit:per_hour" => Self::Unit(Unit::PerHour),
            "unit:per_minute" => Self::Unit(Unit::PerMinute),
            "unit:per_night" => Self::Unit(Unit::PerNight),
            "unit:percent" => Self::Unit(Unit::Percent),
            "unit:hour" => Self::Unit(Unit::Hour),
            "unit:minute" => Self::Unit(Unit::Minute),
            "unit:second" => Self::Unit(Unit::Second),
            "unit:bpm" => Self::Unit(Unit::BeatsPerMinute),
            "unit:year" => Self::Unit(Unit::Year),
            "of_sleep" => Self::OfSleep,
            "of_night" => Self::OfNight,
            "in" => Self::In,
            "outside" => Self::Outside,
            "elsewhere" => Self::Elsewhere,
            "part:1/2" => fraction(1, 2),
            "part:2/2" => fraction(2, 2),
            "part:1/3" => fraction(1, 3),
            "part:2/3" => fraction(2, 3),
            "part:3/3" => fraction(3, 3),
            "part:1/4" => fraction(1, 4),
            "part:2/4" => fraction(2, 4),
            "part:3/4" => fraction(3, 4),
            "part:4/4" => fraction(4, 4),
            "first" => Self::First,
            "last" => Self::Last,
            "midnight" => Self::Midnight,
            "noon" => Self::Noon,
            "am" => Self::Am,
            "pm" => Self::Pm,
            "oclock" => Self::OClock,
            "within" => Self::Within,
            "after" => Self::After,
            "before" => Self::Before,
            "followed" => Self::Followed,
            "followed_by" => Self::FollowedBy,
            "preceded" => Self::Preceded,
            "preceded_by" => Self::PrecededBy,
            "by" => Self::By,
            "more" => Self::More,
            "fewer" => Self::Fewer,
            "than" => Self::Than,
            "as" => Self::As,
            "worse" => Self::Worse,
            "better" => Self::Better,
            "twice" => Self::Twice,
            "times_as" => Self::TimesAs,
            "half_of" => Self::Half,
            "no" => Self::No,
            "not" => Self::Not,
            "absent" => Self::Absent,
            "absent_after" => Self::AbsentAfter,
            "not_only" => Self::NotOnly,
            "unclear" => Self::Unclear,
            "person:male" => Self::Person(Person::Male),
            "person:female" => Self::Person(Person::Female),
            "person:adult" => Self::Person(Person::Adult),
            "person:child" => Self::Person(Person::Child),
            "aged" => Self::Aged,
            "known_metadata" => Self::KnownMetadata,
            "not_measurable" => Self::NotMeasurable,
            _ => return None,
        })
    }
}

/// Splits the tokens of a question into phrases; at each place, the longest one wins, and a concept wins over a phrase.
pub(super) fn lexemes<'a>(cursor: &Cursor<'a>) -> Vec<Lexed<'a>> {
    let mut lexed = Vec::new();
    let mut at = 0;
    while at < cursor.len() {
        let concept = cursor.concept_at(at);
        let phrase = phrase_at(cursor, at);
        let number = number_words(cursor, at);
        let concept = concept.or_else(|| shared_ending(cursor, at).filter(|_| phrase.is_none()));
        let (n, lexeme) = match (concept, phrase, number) {
            (Some((n, concept)), phrase, _) if phrase.is_none_or(|(most, _)| n >= most) => {
                (n, Lexeme::Concept(concept))
            }
            (_, Some((n, class)), number) if number.is_none_or(|(most, _)| n > most) => {
                (n, Lexeme::Phrase(class))
            }
            (_, _, Some((n, number))) => (n, Lexeme::Number(number)),
            (_, _, None) => (1, single(cursor, at)),
        };
        lexed.push(Lexed { lexeme, tokens: at..at + n });
        at += n;
    }
    lexed
}

/// Returns the concept of a word that shares the end of its name with a later concept, as in `obstructive and central
/// apneas`.
fn shared_ending<'a>(cursor: &Cursor<'a>, at: usize) -> Option<(usize, &'a Concept)> {
    let key = |i: usize| cursor.get(i).map(super::super::token::Token::key);
    let is_joint = |i: usize| {
        key(i).is_some_and(|it| {
            [",", "and", "or", "than", "but", "no", "not", "without", "/"].contains(&it.as_str())
        })
    };
    let mut next = at + 1;
    // `obstructive, central or mixed apneas`
    while is_joint(next) {
        while is_joint(next) {
            next += 1;
        }
        if let Some((n, _)) = cursor.concept_at(next).filter(|(n, _)| *n > 1) {
            let ending = (next + 1..next + n).filter_map(key);
            let name: Vec<String> = key(at).into_iter().chain(ending).collect();
            return cursor.registry.with_words(&name).map(|concept| (1, concept));
        }
        next += 1;
    }
    None
}

fn single<'a>(cursor: &Cursor<'a>, at: usize) -> Lexeme<'a> {
    match cursor.get(at).map(|token| &token.kind) {
        Some(TokenKind::Number(number)) => Lexeme::Number(*number),
        Some(TokenKind::Clock(minutes)) => Lexeme::Clock(*minutes),
        Some(TokenKind::Sign(sign)) => Lexeme::Sign(sign),
        Some(TokenKind::Word(_)) | None => Lexeme::Unknown,
    }
}

/// Returns the longest phrase at a place, with the number of its tokens.
fn phrase_at(cursor: &Cursor<'_>, at: usize) -> Option<(usize, Class)> {
    let most = LEXICON.longest.min(cursor.len() - at);
    (1..=most).rev().find_map(|n| {
        let keys: Vec<String> = (at..at + n)
            .filter_map(|i| cursor.get(i))
            .map(super::super::token::Token::key)
            .collect();
        let class = *LEXICON.phrases.get(&keys)?;
        let is_after_number = |class| matches!(class, Class::OrMore | Class::OrLess);
        let starts_bound = cursor
            .get(at + n)
            .is_some_and(|it| matches!(it.kind, TokenKind::Number(_)) || it.key() == "than");
        // `or over 20` and `and more than 20` start another bound.
        if is_after_number(class) && starts_bound {
            return None;
        }
        // `of sleep` does not take the first word of `sleep apnea`.
        let captures = |i: usize| cursor.concept_at(i).is_some_and(|(m, _)| i + m > at + n);
        (!(at + 1..at + n).any(captures)).then_some((n, class))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_has_a_class_and_belongs_to_one_only() {
        let mut seen: HashMap<Vec<String>, Class> = HashMap::new();
        for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
            let (name, phrases) = line.split_once('\t').unwrap();
            let class = Class::named(name).unwrap_or_else(|| panic!("{name}"));
            for phrase in phrases.split(", ") {
                let keys = tokens(phrase).unwrap();
                let keys = keys.iter().map(super::super::super::token::Token::key).collect();
                let other = seen.insert(keys, class);
                assert!(other.is_none_or(|other| other == class), "{phrase}: {other:?}, {class:?}");
            }
        }
    }
}
