//! The fields of a filter expression, and which comparisons each of them allows.

use jiff::civil::{Date, DateTime, Time};
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::{EventKind, EventSet, Stage};

use super::grammar::{Comparator, Comparison, Literal, Member, Node};
use super::problem::FilterProblem;

/// Fields of every collection; all others are metadata.
pub(super) const FIELDS: [&str; 11] = [
    "recording",
    "start",
    "epoch",
    "onset",
    "clock",
    "stage",
    "event",
    "channel",
    "missing",
    "flat",
    "clipped",
];

/// The field that contains all metadata.
const METADATA: &str = "metadata";

/// Metadata that identifies a person, so that digits are compared as text.
const SUBJECT: &str = "subject";

/// Half a day: a night lasts from noon to noon.
const NOON_S: f64 = 12.0 * 3600.0;

/// A condition with parsed values.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// Evaluated once for a recording.
    OfRecording(RecordingTest),
    /// Evaluated for each epoch.
    OfEpoch(EpochTest),
}

/// A comparison with the same result for all epochs of a recording.
#[derive(Debug, Clone)]
pub(super) enum RecordingTest {
    Name(ValueTest),
    /// The start is known.
    HasStart,
    Start(Span<DateTime>),
    Metadata(MetadataTest),
}

/// A comparison with a column of metadata.
#[derive(Debug, Clone)]
pub(super) struct MetadataTest {
    pub(super) name: String,
    /// Byte offset of the name in the expression.
    pub(super) at: usize,
    pub(super) value: ValueTest,
}

/// A comparison of a text with a literal.
#[derive(Debug, Clone)]
pub(super) struct ValueTest {
    pub(super) comparator: Comparator,
    pub(super) literal: Literal,
    /// Whether the text is an identifier, so that digits are compared as text.
    pub(super) is_name: bool,
}

/// A comparison for one epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum EpochTest {
    /// A stage was scored, and it is one of these (or none of these), by position in [`Stage::ALL`].
    Stage { stages: [bool; 5], is_wanted: bool },
    /// Events were scored, and one of these (or none of these) belongs to the epoch.
    Event { kinds: EventSet, is_wanted: bool },
    /// One of these channels (or none of these) is in a set of channels of the epoch.
    Channel { set: ChannelSet, channels: ChannelMask, is_wanted: bool },
    /// The epoch's number or onset.
    Number { part: EpochNumberPart, comparator: Comparator, value: f64 },
    /// The onset of the epoch on the wall clock, in seconds after noon.
    Clock(Span<f64>),
}

/// Which set of channels of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChannelSet {
    Carried,
    Missing,
    Flat,
    Clipped,
}

/// Which number of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EpochNumberPart {
    Number,
    OnsetS,
}

/// A comparison with a half-open interval: a day or a minute, as precise as the literal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span<T> {
    comparator: Comparator,
    from: T,
    to: T,
}

impl<T: PartialOrd> Span<T> {
    pub(super) fn holds(&self, value: &T) -> bool {
        match self.comparator {
            Comparator::Equal | Comparator::Has => (&self.from..&self.to).contains(&value),
            Comparator::NotEqual => !(&self.from..&self.to).contains(&value),
            Comparator::Less => *value < self.from,
            Comparator::AtMost => *value < self.to,
            Comparator::Greater => *value >= self.to,
            Comparator::AtLeast => *value >= self.from,
        }
    }
}

impl Condition {
    /// Parses the values of each comparison; `expression` is the text, for messages.
    pub(super) fn of(node: Node, expression: &str) -> Result<Self, FilterProblem> {
        let all = |nodes: Vec<Node>| {
            nodes.into_iter().map(|node| Self::of(node, expression)).collect::<Result<_, _>>()
        };
        Ok(match node {
            Node::All(nodes) => Self::All(all(nodes)?),
            Node::Any(nodes) => Self::Any(all(nodes)?),
            Node::Not(node) => Self::Not(Box::new(Self::of(*node, expression)?)),
            Node::Is(comparison) => Interpreter { expression, comparison }.condition()?,
        })
    }
}

/// Turns one comparison into a condition.
struct Interpreter<'a> {
    expression: &'a str,
    comparison: Comparison,
}

type Interpreted<T = Condition> = Result<T, FilterProblem>;

impl Interpreter<'_> {
    fn condition(self) -> Interpreted {
        let Comparison { field, comparator, literal } = &self.comparison;
        if comparator.is_order() && literal.is_pattern() {
            let problem = format!("`{}` has no order with `*`", comparator.sign());
            return Err(self.problem(literal.at, problem, "`*` may follow `=`, `!=` and `:`"));
        }
        let epoch = |test| Ok(Condition::OfEpoch(test));
        let numbered = |part| Ok(Condition::OfEpoch(self.number(part)?));
        let in_set = |set| self.channel(set);
        match field.parts.join(".").as_str() {
            "recording" => Ok(Condition::OfRecording(RecordingTest::Name(self.value(true)))),
            "start" => self.start().map(Condition::OfRecording),
            "epoch" => numbered(EpochNumberPart::Number),
            "onset" => numbered(EpochNumberPart::OnsetS),
            "clock" => epoch(self.clock()?),
            "stage" => epoch(self.stage()?),
            "event" => epoch(self.event()?),
            "channel" => epoch(in_set(ChannelSet::Carried)?),
            "missing" => epoch(in_set(ChannelSet::Missing)?),
            "flat" => epoch(in_set(ChannelSet::Flat)?),
            "clipped" => epoch(in_set(ChannelSet::Clipped)?),
            name => self.metadata(name),
        }
    }

    fn value(&self, is_name: bool) -> ValueTest {
        let Comparison { comparator, literal, .. } = self.comparison.clone();
        ValueTest { comparator, literal, is_name }
    }

    fn metadata(&self, name: &str) -> Interpreted {
        let Comparison { field, comparator, literal } = &self.comparison;
        let Member { parts, at } = field;
        let test = |name: String, value| {
            let value = MetadataTest { name, at: *at, value };
            Ok(Condition::OfRecording(RecordingTest::Metadata(value)))
        };
        if parts[0] != METADATA {
            return test(name.to_owned(), self.value(name == SUBJECT));
        }
        if parts.len() > 1 {
            let name = parts[1..].join(".");
            return test(name.clone(), self.value(name == SUBJECT));
        }
        let is_has = *comparator == Comparator::Has && !literal.is_pattern();
        if !is_has {
            let hint =
                "`metadata.age >= 60` compares a column, `metadata:age` tests whether it exists";
            return Err(self.problem(*at, "`metadata` is not a single value", hint));
        }
        let anything = Literal { pieces: vec![String::new(), String::new()], at: literal.at };
        let value = ValueTest { literal: anything, ..self.value(false) };
        let test = MetadataTest { name: literal.text(), at: literal.at, value };
        Ok(Condition::OfRecording(RecordingTest::Metadata(test)))
    }

    fn start(&self) -> Interpreted<RecordingTest> {
        let Comparison { comparator, literal, .. } = &self.comparison;
        let text = literal.text();
        if literal.is_anything() {
            return Ok(RecordingTest::HasStart);
        }
        // A date is a whole day.
        let day = || {
            let from = text.parse::<Date>().ok()?.to_datetime(Time::midnight());
            Some((from, from.checked_add(jiff::Span::new().days(1)).ok()?))
        };
        let instant = || {
            let from: DateTime = text.parse().ok()?;
            Some((from, from.checked_add(jiff::Span::new().nanoseconds(1)).ok()?))
        };
        let is_day = !text.contains(['T', ' ', 't']);
        let (from, to) = if is_day { day() } else { instant() }.ok_or_else(|| {
            let hint = "`start >= 2001-01-31`, or `start >= \"2001-01-31T22:30:00\"`; it is the wall clock where the recording was made, without a zone";
            self.invalid("a date or a date with a time", hint)
        })?;
        Ok(RecordingTest::Start(Span { comparator: *comparator, from, to }))
    }

    fn clock(&self) -> Interpreted<EpochTest> {
        let Comparison { comparator, literal, .. } = &self.comparison;
        if literal.is_anything() {
            let (from, to) = (0.0, 2.0 * NOON_S);
            return Ok(EpochTest::Clock(Span { comparator: Comparator::Has, from, to }));
        }
        let text = literal.text();
        let parts: Option<Vec<u32>> = text.split(':').map(two_digits).collect();
        let (seconds, length_s) = match parts.as_deref() {
            Some([hour @ 0..24, minute @ 0..60]) => (hour * 3600 + minute * 60, 60.0),
            Some([hour @ 0..24, minute @ 0..60, second @ 0..60]) => {
                (hour * 3600 + minute * 60 + second, 1.0)
            }
            Some(_) | None => {
                let hint = "`clock >= \"23:30\"` or `clock < \"02:30:15\"`; a night lasts from noon to noon";
                return Err(self.invalid("a time of day", hint));
            }
        };
        let from = after_noon(f64::from(seconds));
        Ok(EpochTest::Clock(Span { comparator: *comparator, from, to: from + length_s }))
    }

    fn number(&self, part: EpochNumberPart) -> Interpreted<EpochTest> {
        let Comparison { comparator, literal, .. } = &self.comparison;
        let text = literal.text();
        let seconds = match part {
            EpochNumberPart::Number => text.as_str(),
            // AIP-160 writes durations with the suffix `s`.
            EpochNumberPart::OnsetS => text.strip_suffix('s').unwrap_or(&text),
        };
        if literal.is_anything() {
            let (comparator, value) = (Comparator::AtLeast, f64::NEG_INFINITY);
            return Ok(EpochTest::Number { part, comparator, value });
        }
        let number = super::grammar::number(seconds).filter(|_| !literal.is_pattern());
        let value = number.ok_or_else(|| match part {
            EpochNumberPart::Number => {
                self.invalid("a number", "`epoch >= 120` counts epochs from 0")
            }
            EpochNumberPart::OnsetS => self
                .invalid("a number of seconds", "`onset < 3600` is the first hour of a recording"),
        })?;
        Ok(EpochTest::Number { part, comparator: *comparator, value })
    }

    fn stage(&self) -> Interpreted<EpochTest> {
        let known = Stage::ALL.map(|stage| stage.to_string());
        let written = self.comparison.literal.text();
        let exact = written.parse::<Stage>().ok();
        let stages = Stage::ALL.map(|stage| {
            exact == Some(stage) || (exact.is_none() && self.names(&stage.to_string()))
        });
        let hint = format!(
            "stages are `{}`; `NOT stage:*` allows epochs that were not scored",
            known.join("`, `")
        );
        let is_wanted = self.is_wanted(stages.contains(&true), "stage", &hint)?;
        Ok(EpochTest::Stage { stages, is_wanted })
    }

    fn event(&self) -> Interpreted<EpochTest> {
        let kinds: EventSet =
            EventKind::ALL.into_iter().filter(|kind| self.names(kind.name())).collect();
        let known = EventKind::ALL.map(EventKind::name).join("`, `");
        let is_wanted =
            self.is_wanted(!kinds.is_empty(), "event", &format!("events are `{known}`"))?;
        Ok(EpochTest::Event { kinds, is_wanted })
    }

    fn channel(&self, set: ChannelSet) -> Interpreted<EpochTest> {
        let channels: ChannelMask =
            Channel::ALL.into_iter().filter(|channel| self.names(channel.name())).collect();
        let known = Channel::ALL.map(Channel::name).join("`, `");
        let hint = format!("channels are `{known}`");
        let is_wanted = self.is_wanted(!channels.is_empty(), "channel", &hint)?;
        Ok(EpochTest::Channel { set, channels, is_wanted })
    }

    /// Returns whether the literal matches a name, ignoring case.
    fn names(&self, name: &str) -> bool {
        let Literal { pieces, at } = &self.comparison.literal;
        let pieces = pieces.iter().map(|piece| piece.to_lowercase()).collect();
        Literal { pieces, at: *at }.matches(&name.to_lowercase())
    }

    /// Returns whether the comparison includes the named values or excludes them; refuses unknown names and orders.
    fn is_wanted(&self, is_known: bool, what: &str, hint: &str) -> Interpreted<bool> {
        let Comparison { comparator, literal, .. } = &self.comparison;
        if !is_known {
            let problem = format!("there is no {what} `{}`", literal.text());
            return Err(self.problem(literal.at, problem, hint));
        }
        match comparator {
            Comparator::Equal | Comparator::Has => Ok(true),
            Comparator::NotEqual => Ok(false),
            Comparator::Less | Comparator::AtMost | Comparator::Greater | Comparator::AtLeast => {
                let problem = format!("a {what} has no order; expected `=`, `!=` or `:`");
                Err(self.problem(self.comparison.field.at, problem, hint))
            }
        }
    }

    fn invalid(&self, expected: &str, hint: &str) -> FilterProblem {
        let Comparison { field, literal, .. } = &self.comparison;
        let problem =
            format!("`{field}` is compared with `{}`; expected {expected}", literal.text());
        self.problem(literal.at, problem, hint)
    }

    fn problem(&self, at: usize, problem: impl Into<String>, hint: &str) -> FilterProblem {
        FilterProblem::new(self.expression, at, problem, hint)
    }
}

/// Converts seconds of a day to seconds after the previous noon.
pub(super) fn after_noon(seconds_of_day: f64) -> f64 {
    (seconds_of_day + NOON_S).rem_euclid(2.0 * NOON_S)
}

fn two_digits(text: &str) -> Option<u32> {
    let is_short = (1..=2).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit());
    text.parse().ok().filter(|_| is_short)
}
