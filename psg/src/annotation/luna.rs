//! Luna's `.annot` files: a class, an interval, and what else is known of it.
//!
//! ```text
//! # arousal | scored by hand
//! class    instance  channel  start     stop      meta
//! N2       .         .        e:1       e:1       .
//! arousal  .         C4_M1    120.5     +3.2      scorer=A
//! apnea    .         .        23:10:02  23:10:20  .
//! ```
//!
//! Fields are parted by tabs, or by blanks on lines without a tab. Three fields are class, start and stop; four have
//! the instance, five the channel, six the meta-data too. A stop is a time, `+` and a duration, `...` for the begin of
//! the next interval, or `.` where there is none. Epochs are `e:NUMBER`, `e:LENGTH:NUMBER` or
//! `e:LENGTH:STEP:NUMBER`, counted from 1.

use std::io::BufRead;

use super::ScoredAnnotation;
use super::file::Content;
use super::lines::{Line, Lines};
use super::problem::{Problem, shown};
use super::time::{Clock, Moment, duration, moment, rounded, seconds};
use crate::sleep::EPOCH_S;

const DAY_S: f64 = 86_400.0;

/// Returns whether lines begin like such a file.
pub(super) fn is_annot(lines: &[&str]) -> bool {
    let mut rows = lines.iter().filter(|line| !line.starts_with('#'));
    match rows.next() {
        None => lines[0].starts_with('#'),
        Some(first) => {
            let fields = split(first);
            Columns::of_header(&fields).is_some()
                || first.contains('\t')
                    && Columns::of_count(fields.len())
                        .is_some_and(|columns| start(fields[columns.start]).is_ok())
        }
    }
}

/// Reads the rows of a file.
pub(super) fn read(lines: &mut Lines<impl BufRead>, clock: &mut Clock) -> Result<Content, Problem> {
    let mut content = Content::default();
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
        let row = row(&fields, header, clock).map_err(Problem::at_line(line.number))?;
        if lasts_to_next && let Some(last) = content.annotations.last_mut() {
            last.duration_s = Some(until(last, &row.annotation, &line)?);
        }
        lasts_to_next = row.lasts_to_next;
        content.epoch_length_s = content.epoch_length_s.or(row.epoch_length_s);
        content.push(row.annotation).map_err(Problem::at_line(line.number))?;
    }
    Ok(content)
}

fn until(
    earlier: &ScoredAnnotation,
    later: &ScoredAnnotation,
    line: &Line,
) -> Result<f64, Problem> {
    let duration_s = rounded(later.onset_s - earlier.onset_s);
    if duration_s < 0.0 {
        let problem = format!(
            "the interval begins at {} s; expected at least {} s, where the one before it that stops with `...` begins",
            later.onset_s, earlier.onset_s
        );
        return Err(Problem::at_line(line.number)(problem));
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

/// Which field is where.
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

/// An interval as a row gives it.
struct Row {
    annotation: ScoredAnnotation,
    lasts_to_next: bool,
    epoch_length_s: Option<f64>,
}

fn row(fields: &[&str], header: Option<Columns>, clock: &mut Clock) -> Result<Row, String> {
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
    let start = start(fields[columns.start])?;
    let onset_s = start.onset_s(clock);
    let stop = stop(fields[columns.stop], &start, onset_s, clock)?;
    let mut annotation = ScoredAnnotation::new(onset_s, stop.duration_s, class);
    let optional = |column: Option<usize>| {
        let field = column.and_then(|column| fields.get(column)).copied();
        field.filter(|field| !matches!(*field, "" | ".")).map(str::to_owned)
    };
    annotation.instance = optional(columns.instance);
    annotation.channel = optional(columns.channel).or(annotation.channel);
    if let Some(meta) = optional(columns.meta) {
        (annotation.scorer, annotation.meta) = scorer_and_rest(&meta);
    }
    let lasts_to_next = stop.lasts_to_next;
    Ok(Row { annotation, lasts_to_next, epoch_length_s: start.epoch_length_s() })
}

/// Takes the scorer out of `key=value;…`.
fn scorer_and_rest(meta: &str) -> (Option<String>, Option<String>) {
    let mut parts: Vec<&str> = meta.split(';').map(str::trim).collect();
    let of_scorer = |part: &&str| part.strip_prefix("scorer=").is_some_and(|name| !name.is_empty());
    let Some(at) = parts.iter().position(of_scorer) else { return (None, Some(meta.to_owned())) };
    let scorer = parts.remove(at)["scorer=".len()..].to_owned();
    (Some(scorer), Some(parts.join(";")).filter(|rest| !rest.is_empty()))
}

/// Where an interval begins.
enum Start {
    At(Moment),
    Epoch { onset_s: f64, length_s: f64 },
}

impl Start {
    fn onset_s(&self, clock: &mut Clock) -> f64 {
        match self {
            Self::At(moment) => clock.elapsed_s(moment),
            Self::Epoch { onset_s, .. } => *onset_s,
        }
    }

    fn epoch_length_s(&self) -> Option<f64> {
        match self {
            Self::At(_) => None,
            Self::Epoch { length_s, .. } => Some(*length_s),
        }
    }
}

fn start(field: &str) -> Result<Start, String> {
    match epoch(field)? {
        Some((onset_s, length_s)) => Ok(Start::Epoch { onset_s, length_s }),
        None => moment(field).map(Start::At),
    }
}

/// Returns onset and length of `e:[LENGTH:[STEP:]]NUMBER`, or nothing for what is no epoch.
fn epoch(field: &str) -> Result<Option<(f64, f64)>, String> {
    let Some(numbers) = field.strip_prefix("e:") else { return Ok(None) };
    let refused = || format!("{} is no epoch; expected e:NUMBER, counted from 1", shown(field));
    let parts: Vec<&str> = numbers.split(':').collect();
    let (length, step, number) = match parts.as_slice() {
        [number] => (None, None, number),
        [length, number] => (Some(length), None, number),
        [length, step, number] => (Some(length), Some(step), number),
        _ => return Err(refused()),
    };
    let positive = |text: &&str| seconds(text).ok().filter(|length_s| *length_s > 0.0);
    let length_s = length.map_or(Some(EPOCH_S), positive).ok_or_else(refused)?;
    let step_s = step.map_or(Some(length_s), positive).ok_or_else(refused)?;
    let number: u32 = number.parse().ok().filter(|number| *number > 0).ok_or_else(refused)?;
    let onset_s = seconds(&(f64::from(number - 1) * step_s).to_string())?;
    Ok(Some((onset_s, length_s)))
}

struct Stop {
    duration_s: Option<f64>,
    lasts_to_next: bool,
}

fn stop(field: &str, start: &Start, onset_s: f64, clock: &mut Clock) -> Result<Stop, String> {
    let lasting = |duration_s| Ok(Stop { duration_s, lasts_to_next: false });
    if field == "..." {
        return Ok(Stop { duration_s: None, lasts_to_next: true });
    }
    if matches!(field, "." | "") {
        return lasting(start.epoch_length_s());
    }
    if let Some(length) = field.strip_prefix('+') {
        let duration_s = if length.contains(':') {
            match moment(&format!("0+{length}"))? {
                Moment::Elapsed(duration_s) => duration_s,
                Moment::Clock(_) => return Err(format!("{} is no duration", shown(field))),
            }
        } else {
            duration(length)?
        };
        return lasting(Some(duration_s));
    }
    let end_s = if let Some((epoch_onset_s, length_s)) = epoch(field)? {
        epoch_onset_s + length_s
    } else {
        let moment = moment(field)?;
        let end_s = clock.elapsed_s(&moment);
        let is_clock = matches!(moment, Moment::Clock(_));
        if is_clock && end_s < onset_s { end_s + DAY_S } else { end_s }
    };
    if end_s < onset_s {
        return Err(format!("the interval stops at {end_s} s, before it starts at {onset_s} s"));
    }
    lasting(Some(rounded(end_s - onset_s)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    fn parse(text: &str) -> Result<Content, String> {
        let mut clock = Clock::new(Some(datetime(2016, 1, 15, 22, 28, 15, 0)));
        read(&mut Lines::new(text.as_bytes()), &mut clock)
            .map_err(|problem| problem.in_file("a".as_ref()).to_string())
    }

    fn intervals(text: &str) -> Vec<(f64, Option<f64>)> {
        let annotations = parse(text).unwrap().annotations;
        annotations.iter().map(|a| (a.onset_s, a.duration_s)).collect()
    }

    #[test]
    fn every_way_to_write_an_interval_is_read() {
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
    fn every_field_is_kept_where_the_header_puts_it() {
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
    fn rows_that_cannot_be_read_are_named() {
        let check = |row: &str, expected: &str| {
            assert_eq!(parse(row).unwrap_err(), format!("`a`, line 1: {expected}"));
        };
        check(
            "N2\t1",
            "the row has 2 fields; expected class, instance, channel, start, stop and meta",
        );
        check("N2\tx\t2", "`x` is no number of seconds below 10000000");
        check("N2\t2\t1", "the interval stops at 1 s, before it starts at 2 s");
        check("N2\te:0\te:1", "`e:0` is no epoch; expected e:NUMBER, counted from 1");
        check("N2\t1\t+-1", "the duration `-1` is negative");
        check("\t1\t2", "the class is empty");
        let expected = "`a`, line 2: the interval begins at 1 s; expected at least 5 s, where the one before it that \
                        stops with `...` begins";
        assert_eq!(parse("W\t5\t...\nN1\t1\t2\n").unwrap_err(), expected);
    }
}
