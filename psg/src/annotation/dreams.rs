//! The lists of the DREAMS databases: a title in brackets, and numbers below it.
//!
//! ```text
//! [vis1_Spindles/C3-A1]        [hypnogram]
//! 5.41    0.77                 5
//! 27.05   0.62                 5
//! ```
//!
//! Events are onset and length in seconds; the title names scorer, kind and signal. Stages stand for five seconds each
//! and count down from 5, wake, over 4, REM, to 0, stage 4; negative numbers are movement and unscored.

use std::io::BufRead;

use super::ScoredAnnotation;
use super::file::Content;
use super::lines::Lines;
use super::names::Codes;
use super::oddities::Oddities;
use super::problem::{Problem, shown};
use super::stage_list::name_codes;
use super::time::seconds;
use crate::error::quoted;

/// Seconds for which a stage stands.
const STAGE_S: f64 = 5.0;

/// What the titles call an event, and the name that stands for it here.
const EVENTS: [(&str, &str); 3] =
    [("spindles", "Sleep spindle"), ("kcomplexes", "K-complex"), ("rems", "Rapid eye movements")];

/// Returns whether a line is a title.
pub(super) fn is_title(line: &str) -> bool {
    title(line).is_some()
}

/// Reads the numbers below the title.
pub(super) fn read(lines: &mut Lines<impl BufRead>) -> Result<Content, Problem> {
    let first = lines.next_filled()?;
    let title = first.as_ref().and_then(|line| title(&line.text));
    match title {
        Some(Title::Hypnogram) => read_stages(lines),
        Some(Title::Events { name, scorer, channel }) => {
            let scored = |annotation| ScoredAnnotation {
                scorer: scorer.clone(),
                channel: channel.clone(),
                ..annotation
            };
            read_events(lines, name, scored)
        }
        None => Err(Problem::at_line(1)("it is no title in brackets of DREAMS".to_owned())),
    }
}

enum Title {
    Hypnogram,
    Events { name: &'static str, scorer: Option<String>, channel: Option<String> },
}

/// Reads `[hypnogram]` or `[SCORER_KIND/SIGNAL]`.
fn title(line: &str) -> Option<Title> {
    let inner = line.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    if inner.eq_ignore_ascii_case("hypnogram") {
        return Some(Title::Hypnogram);
    }
    let (what, channel) = match inner.split_once('/') {
        Some((what, channel)) => (what, Some(channel.trim().to_owned())),
        None => (inner, None),
    };
    let (scorer, kind) = match what.rsplit_once('_') {
        Some((scorer, kind)) => (Some(scorer.trim().to_owned()), kind),
        None => (None, what),
    };
    let kind = kind.trim().replace('-', "").to_ascii_lowercase();
    let (_, name) = EVENTS.iter().find(|(known, _)| *known == kind)?;
    let said = |text: Option<String>| text.filter(|text| !text.is_empty());
    Some(Title::Events { name, scorer: said(scorer), channel: said(channel) })
}

fn read_stages(lines: &mut Lines<impl BufRead>) -> Result<Content, Problem> {
    let mut content = Content { epoch_length_s: Some(STAGE_S), ..Content::default() };
    while let Some(line) = lines.next_filled()? {
        let at_line = Problem::at_line(line.number);
        let code = line.text.trim();
        if code.parse::<i32>().is_err() {
            return Err(at_line(format!(
                "it holds {}; expected the number of a stage",
                shown(code)
            )));
        }
        let onset_s = content.annotations.len() as f64 * STAGE_S;
        content.push(ScoredAnnotation::new(onset_s, Some(STAGE_S), code)).map_err(at_line)?;
    }
    name_codes(&mut content, Codes::Dreams)?;
    Ok(content)
}

fn read_events(
    lines: &mut Lines<impl BufRead>,
    name: &str,
    scored: impl Fn(ScoredAnnotation) -> ScoredAnnotation,
) -> Result<Content, Problem> {
    let mut content = Content::default();
    let mut oddities = Oddities::default();
    while let Some(line) = lines.next_filled()? {
        let at_line = Problem::at_line(line.number);
        let fields: Vec<&str> = line.text.split_whitespace().collect();
        let [onset, length] = fields.as_slice() else {
            let problem = format!(
                "the row has {} fields; expected onset and length of {}",
                fields.len(),
                quoted(name)
            );
            return Err(at_line(problem));
        };
        let onset_s = seconds(onset).map_err(&at_line)?;
        let duration_s = oddities.duration(length).map_err(&at_line)?;
        content.push(scored(ScoredAnnotation::new(onset_s, duration_s, name))).map_err(&at_line)?;
    }
    content.warnings = oddities.warnings();
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Content, String> {
        read(&mut Lines::new(text.as_bytes()))
            .map_err(|problem| problem.in_file("a".as_ref()).to_string())
    }

    #[test]
    fn title_names_scorer_kind_and_signal() {
        let check = |title: &str, text: &str, scorer: Option<&str>, channel: Option<&str>| {
            let found = parse(&format!("{title}\r\n 5.41\t0.77\r\n\r\n")).unwrap().annotations;
            let mut expected = ScoredAnnotation::new(5.41, Some(0.77), text);
            (expected.scorer, expected.channel) =
                (scorer.map(str::to_owned), channel.map(str::to_owned));
            assert_eq!(found, [expected]);
        };
        check("[vis1_Spindles/C3-A1]", "Sleep spindle", Some("vis1"), Some("C3-A1"));
        check("[vis2_KComplexes/CZ-A1]", "K-complex", Some("vis2"), Some("CZ-A1"));
        check("[REMs]", "Rapid eye movements", None, None);
    }

    #[test]
    fn stages_count_down_from_wake_every_five_seconds() {
        let content = parse("[hypnogram]\n5\n4\n3\n1\n0\n-1\n-2\n").unwrap();
        let texts: Vec<&str> = content.annotations.iter().map(|it| it.text.as_str()).collect();
        let expected = [
            "Sleep stage W",
            "Sleep stage R",
            "Sleep stage 1",
            "Sleep stage 3",
            "Sleep stage 4",
            "Sleep stage M",
            "Sleep stage ?",
        ];
        assert_eq!(texts, expected);
        assert_eq!(
            (content.annotations[6].onset_s, content.annotations[6].duration_s),
            (30.0, Some(5.0))
        );
        assert!(content.warnings.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let check = |text, expected: &str| assert_eq!(parse(text).unwrap_err(), expected);
        check("[hypnogram]\nW\n", "`a`, line 2: it holds `W`; expected the number of a stage");
        check(
            "[vis1_Spindles/C3-A1]\n5.41\n",
            "`a`, line 2: the row has 1 fields; expected onset and length of `Sleep spindle`",
        );
        check("[spindles of mine]\n", "`a`, line 1: it is no title in brackets of DREAMS");
    }
}
