//! Luna's `.annot` files: a class, an interval, and other properties.
//!
//! ```text
//! # arousal | scored by hand
//! class    instance  channel  start     stop      meta
//! N2       .         .        e:1       e:1       .
//! arousal  .         C4_M1    120.5     +3.2      scorer=A
//! apnea    .         .        23:10:02  23:10:20  .
//! ```
//!
//! Fields are separated by tabs, or by blanks on lines without a tab. Three fields are class, start and stop; four have
//! the instance, five the channel, six the meta-data too. A stop is a time, `+` and a duration, `...` for the start of
//! the next interval, or `.` if there is none. Epochs are `e:NUMBER`, `e:LENGTH:NUMBER` or `e:LENGTH:STEP:NUMBER`,
//! counted from 1.

use std::io::BufRead;

use super::parsed_file::ParsedFile;
use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::annotation::text::clock::{RecordingClock, round_seconds};
use crate::annotation::text::line_reader::{Line, LineReader};
use crate::annotation::text::parse_error::{ParseError, redacted};
use crate::annotation::text::timestamp::{
    DAY_S, Timestamp, parse_duration, parse_seconds, parse_timestamp,
};
use crate::sleep::EPOCH_S;

/// Returns whether lines are the start of such a file.
pub(in crate::annotation) fn is_annot(lines: &[&str]) -> bool {
    let mut rows = lines.iter().filter(|line| !line.starts_with('#'));
    let Some(first) = rows.next() else { return lines[0].starts_with('#') };
    let fields = split(first);
    let starts_with_time = |columns: Columns| parse_start(fields[columns.start]).is_ok();
    Columns::of_header(&fields).is_some()
        || first.contains('\t') && Columns::of_count(fields.len()).is_some_and(starts_with_time)
}

/// Reads the rows of a file.
pub(in crate::annotation) fn read(
    lines: &mut LineReader<impl BufRead>,
    clock: &mut RecordingClock,
) -> Result<ParsedFile, ParseError> {
    let mut parsed = ParsedFile::default();
    let mut header = None;
    let mut is_first = true;
    let mut lasts_to_next = false;
    while let Some(line) = lines.next_filled()? {
        if line.text.starts_with('#') {
            continue;
        }
        let fields = split(&line.text);
        if std::mem::take(&mut is_first) {
            header = Columns::of_header(&fields);
            if header.is_some() {
                continue;
            }
        }
        let row = parse_row(&fields, header, clock).map_err(ParseError::at_line(line.number))?;
        if lasts_to_next && let Some(previous) = parsed.annotations.last_mut() {
            previous.duration_s = Some(duration_until(previous, &row.annotation, &line)?);
        }
        lasts_to_next = row.lasts_to_next;
        parsed.epoch_length_s = parsed.epoch_length_s.or(row.epoch_length_s);
        parsed.push(row.annotation).map_err(ParseError::at_line(line.number))?;
    }
    Ok(parsed)
}

/// Returns the seconds from the start of an interval to the start of the next one, which is on `line`.
fn duration_until(
    previous: &ScoredAnnotation,
    next: &ScoredAnnotation,
    line: &Line,
) -> Result<f64, ParseError> {
    let duration_s = round_seconds(next.onset_s - previous.onset_s);
    if duration_s < 0.0 {
        let problem = format!(
            "the interval starts at {} s; expected at least {} s, where the previous one starts, which stops with `...`",
            next.onset_s, previous.onset_s
        );
        return Err(ParseError::at_line(line.number)(problem));
    }
    Ok(duration_s)
}

fn split(line: &str) -> Vec<&str> {
    if line.contains('\t') {
        line.split('\t').map(str::trim).collect()
    } else {
        line.split_whitespace().collect()
    }
}

/// The position of each column.
#[derive(Debug, Clone, Copy)]
struct Columns {
    class: usize,
    instance: Option<usize>,
    channel: Option<usize>,
    start: usize,
    stop: usize,
    meta: Option<usize>,
}

impl Columns {
    /// Finds the columns in a header; `None` if the fields are not a header.
    fn of_header(fields: &[&str]) -> Option<Self> {
        let find = |name: &str| fields.iter().position(|field| field.eq_ignore_ascii_case(name));
        Some(Self {
            class: find("class")?,
            instance: find("instance"),
            channel: find("channel"),
            start: find("start")?,
            stop: find("stop")?,
            meta: find("meta"),
        })
    }

    /// Returns the columns of a file without a header, by the number of fields in a row.
    fn of_count(n: usize) -> Option<Self> {
        let (class, meta) = (0, None);
        match n {
            3 => Some(Self { class, instance: None, channel: None, start: 1, stop: 2, meta }),
            4 => Some(Self { class, instance: Some(1), channel: None, start: 2, stop: 3, meta }),
            5.. => {
                let meta = (n > 5).then_some(5);
                Some(Self { class, instance: Some(1), channel: Some(2), start: 3, stop: 4, meta })
            }
            0..3 => None,
        }
    }
}

/// A parsed row.
struct Row {
    annotation: ScoredAnnotation,
    lasts_to_next: bool,
    epoch_length_s: Option<f64>,
}

fn parse_row(
    fields: &[&str],
    header: Option<Columns>,
    clock: &mut RecordingClock,
) -> Result<Row, String> {
    let n = fields.len();
    let columns = header.or_else(|| Columns::of_count(n));
    let columns = columns.filter(|columns| columns.class.max(columns.start).max(columns.stop) < n);
    let columns = columns.ok_or_else(|| {
        format!("the row has {n} fields; expected class, instance, channel, start, stop and meta")
    })?;
    let class = fields[columns.class];
    if class.is_empty() {
        return Err("the class is empty".to_owned());
    }
    let start = parse_start(fields[columns.start])?;
    let onset_s = start.onset_s(clock);
    let stop = parse_stop(fields[columns.stop], &start, onset_s, clock)?;
    let mut annotation = ScoredAnnotation::new(onset_s, stop.duration_s, class);
    let optional = |column: Option<usize>| {
        let field = column.and_then(|column| fields.get(column)).copied();
        field.filter(|field| !matches!(*field, "" | ".")).map(str::to_owned)
    };
    annotation.instance = optional(columns.instance);
    annotation.channel = optional(columns.channel).or(annotation.channel);
    if let Some(meta) = optional(columns.meta) {
        (annotation.scorer, annotation.meta) = split_scorer(&meta);
    }
    let lasts_to_next = stop.lasts_to_next;
    Ok(Row { annotation, lasts_to_next, epoch_length_s: start.epoch_length_s() })
}

/// Splits the scorer from the rest of `key=value;…`.
fn split_scorer(meta: &str) -> (Option<String>, Option<String>) {
    const KEY: &str = "scorer=";
    let mut parts: Vec<&str> = meta.split(';').map(str::trim).collect();
    let is_scorer = |part: &&str| part.strip_prefix(KEY).is_some_and(|name| !name.is_empty());
    let Some(at) = parts.iter().position(is_scorer) else { return (None, Some(meta.to_owned())) };
    let scorer = parts.remove(at)[KEY.len()..].to_owned();
    (Some(scorer), Some(parts.join(";")).filter(|rest| !rest.is_empty()))
}

/// The start of an interval.
enum Start {
    Time(Timestamp),
    Epoch { onset_s: f64, length_s: f64 },
}

impl Start {
    fn onset_s(&self, clock: &mut RecordingClock) -> f64 {
        match self {
            Self::Time(timestamp) => clock.elapsed_s(timestamp),
            Self::Epoch { onset_s, .. } => *onset_s,
        }
    }

    fn epoch_length_s(&self) -> Option<f64> {
        match self {
            Self::Time(_) => None,
            Self::Epoch { length_s, .. } => Some(*length_s),
        }
    }
}

fn parse_start(field: &str) -> Result<Start, String> {
    match parse_epoch(field)? {
        Some((onset_s, length_s)) => Ok(Start::Epoch { onset_s, length_s }),
        None => parse_timestamp(field).map(Start::Time),
    }
}

/// Parses `e:[LENGTH:[STEP:]]NUMBER` to onset and length in seconds; `None` if the field does not start with `e:`.
fn parse_epoch(field: &str) -> Result<Option<(f64, f64)>, String> {
    let Some(numbers) = field.strip_prefix("e:") else { return Ok(None) };
    let invalid =
        || format!("{} is not a valid epoch; expected e:NUMBER, counted from 1", redacted(field));
    let parts: Vec<&str> = numbers.split(':').collect();
    let (length, step, number) = match parts.as_slice() {
        [number] => (None, None, number),
        [length, number] => (Some(length), None, number),
        [length, step, number] => (Some(length), Some(step), number),
        _ => return Err(invalid()),
    };
    let positive = |text: &&str| parse_seconds(text).ok().filter(|length_s| *length_s > 0.0);
    let length_s = length.map_or(Some(EPOCH_S), positive).ok_or_else(invalid)?;
    let step_s = step.map_or(Some(length_s), positive).ok_or_else(invalid)?;
    let number: u32 = number.parse().ok().filter(|number| *number > 0).ok_or_else(invalid)?;
    // Through text, so that the limit on seconds applies.
    let onset_s = parse_seconds(&(f64::from(number - 1) * step_s).to_string())?;
    Ok(Some((onset_s, length_s)))
}

/// The end of an interval.
struct Stop {
    duration_s: Option<f64>,
    lasts_to_next: bool,
}

fn parse_stop(
    field: &str,
    start: &Start,
    onset_s: f64,
    clock: &mut RecordingClock,
) -> Result<Stop, String> {
    let lasting = |duration_s| Ok(Stop { duration_s, lasts_to_next: false });
    if field == "..." {
        return Ok(Stop { duration_s: None, lasts_to_next: true });
    }
    if matches!(field, "." | "") {
        return lasting(start.epoch_length_s());
    }
    if let Some(duration) = field.strip_prefix('+') {
        return lasting(Some(parse_stop_duration(duration)?));
    }
    let end_s = if let Some((epoch_onset_s, length_s)) = parse_epoch(field)? {
        epoch_onset_s + length_s
    } else {
        let timestamp = parse_timestamp(field)?;
        let end_s = clock.elapsed_s(&timestamp);
        let is_clock = matches!(timestamp, Timestamp::Clock(_));
        // A clock time before the start is on the next day.
        if is_clock && end_s < onset_s { end_s + DAY_S } else { end_s }
    };
    if end_s < onset_s {
        return Err(format!("the interval stops at {end_s} s, before it starts at {onset_s} s"));
    }
    lasting(Some(round_seconds(end_s - onset_s)))
}

/// Parses a duration in seconds or as `hh:mm:ss`.
fn parse_stop_duration(text: &str) -> Result<f64, String> {
    if !text.contains(':') {
        return parse_duration(text);
    }
    match parse_timestamp(&format!("0+{text}"))? {
        Timestamp::Elapsed(duration_s) => Ok(duration_s),
        Timestamp::Clock(_) => Err(format!("{} is not a valid duration", redacted(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    fn parse(text: &str) -> Result<ParsedFile, String> {
        let mut clock = RecordingClock::new(Some(datetime(2016, 1, 15, 22, 28, 15, 0)));
        read(&mut LineReader::new(text.as_bytes()), &mut clock)
            .map_err(|error| error.with_path("a".as_ref()).to_string())
    }

    fn intervals(text: &str) -> Vec<(f64, Option<f64>)> {
        let annotations = parse(text).unwrap().annotations;
        annotations.iter().map(|a| (a.onset_s, a.duration_s)).collect()
    }

    #[test]
    fn one_interval_is_read_in_every_notation() {
        for row in [
            "N2\t120\t150",
            "N2\t120\t+30",
            "N2\t22:30:15\t22:30:45",
            "N2\t22:30:15\t+00:00:30",
            "N2 e:5 e:5",
            "N2 e:5 .",
            "N2 e:30:5 e:30:5",
            "N2 e:30:15:9 .",
            "N2\t0+00:02:00\t0+00:02:30",
            "N2\t1\t120\t150",
            "N2\t.\tC3\t120\t150",
            "N2\t.\tC3\t120\t150\ta=1",
        ] {
            assert_eq!(intervals(row), [(120.0, Some(30.0))], "{row}");
        }
        assert_eq!(intervals("N2\t23:59:50\t00:00:20"), [(5495.0, Some(30.0))]);
        assert_eq!(intervals("mark\t120\t."), [(120.0, None)]);
    }

    #[test]
    fn ellipsis_lasts_to_the_next_interval() {
        let rows = "W\t0\t...\nN1\t90.5\t...\n";
        assert_eq!(intervals(rows), [(0.0, Some(90.5)), (90.5, None)]);
    }

    #[test]
    fn header_gives_the_position_of_every_field() {
        let text = "# arousal | by hand\nclass\tstart\tstop\tchannel\tmeta\tinstance\n\
                    arousal\t1\t2\tC4_M1\tp=1;scorer=A B;q=2\tx\n";
        let mut expected = ScoredAnnotation::new(1.0, Some(1.0), "arousal");
        expected.channel = Some("C4_M1".to_owned());
        expected.scorer = Some("A B".to_owned());
        expected.meta = Some("p=1;q=2".to_owned());
        expected.instance = Some("x".to_owned());
        assert_eq!(parse(text).unwrap().annotations, [expected]);
    }

    #[test]
    fn invalid_rows_are_refused_with_their_number() {
        let check = |row: &str, expected: &str| {
            assert_eq!(parse(row).unwrap_err(), format!("`a`, line 1: {expected}"));
        };
        check(
            "N2\t1",
            "the row has 2 fields; expected class, instance, channel, start, stop and meta",
        );
        check("N2\tx\t2", "`x` is not a number of seconds up to 10000000");
        check("N2\t2\t1", "the interval stops at 1 s, before it starts at 2 s");
        check("N2\te:0\te:1", "`e:0` is not a valid epoch; expected e:NUMBER, counted from 1");
        check("N2\t1\t+-1", "duration `-1` is negative");
        check("\t1\t2", "the class is empty");
        let expected = "`a`, line 2: the interval starts at 1 s; expected at least 5 s, where the previous one starts, \
                        which stops with `...`";
        assert_eq!(parse("W\t5\t...\nN1\t1\t2\n").unwrap_err(), expected);
    }
}
