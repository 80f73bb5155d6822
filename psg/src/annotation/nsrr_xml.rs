//! The XML annotations of the National Sleep Research Resource (`PSGAnnotation`).
//!
//! ```xml
//! <PSGAnnotation>
//!   <ScoredEvents>
//!     <ScoredEvent>
//!       <EventType>Arousals|Arousals</EventType>
//!       <EventConcept>Arousal|Arousal ()</EventConcept>
//!       <Start>1234.5</Start>
//!       <Duration>7.2</Duration>
//!     </ScoredEvent>
//!   </ScoredEvents>
//! </PSGAnnotation>
//! ```
//!
//! The older flavour writes `Starttime`. Document types and entities of one's own are refused: no file of the
//! resource has any, and they are how XML files expand without bound or reach for other files.

use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event as Xml};

use super::Annotation;
use crate::error::quoted;
use crate::{Error, Result};

/// Concept of the first event of a file, which gives the start of the recording.
pub(crate) const RECORDING_START: &str = "Recording Start Time";

/// Bytes of the longest file that is read.
const LONGEST_BYTES: u64 = 64 << 20;

/// Reads the annotations of a file, in its order.
///
/// # Errors
///
/// [`Error::Annotations`] where the file is no such XML, with the byte at which it stops making sense.
pub fn read(path: &Path) -> Result<Vec<Annotation>> {
    let (_, bytes) = crate::edf::open_regular(path)?;
    if bytes > LONGEST_BYTES {
        let problem = format!("the file has {bytes} bytes; expected at most {LONGEST_BYTES}");
        return Err(Error::Annotations {
            path: path.to_owned(),
            place: "as a whole".to_owned(),
            problem,
        });
    }
    let bytes = std::fs::read(path).map_err(Error::io(path, "read"))?;
    let text = String::from_utf8(bytes)
        // Old exports are Latin-1, whatever their declaration says.
        .unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect());
    parse(&text).map_err(|(byte, problem)| Error::Annotations {
        path: path.to_owned(),
        place: format!("byte {byte}"),
        problem,
    })
}

/// Where a text stops making sense, and why.
type Problem = (u64, String);

fn parse(text: &str) -> std::result::Result<Vec<Annotation>, Problem> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut annotations = Vec::new();
    let mut depth = 0;
    let mut event: Option<ScoredEvent> = None;
    let mut field = String::new();
    loop {
        let byte = reader.buffer_position();
        let xml =
            reader.read_event().map_err(|error| (byte, format!("the XML is broken: {error}")))?;
        match xml {
            Xml::Start(tag) => {
                check_root(depth, tag.name().as_ref()).map_err(|problem| (byte, problem))?;
                depth += 1;
                field.clear();
                if tag.name().as_ref() == "ScoredEvent" {
                    event = Some(ScoredEvent::default());
                }
            }
            Xml::Text(part) => field.push_str(&part),
            Xml::CData(part) => field.push_str(&part),
            Xml::GeneralRef(reference) => {
                field.push(resolve(&reference).map_err(|problem| (byte, problem))?);
            }
            Xml::End(tag) => {
                depth -= 1;
                let is_event = tag.name().as_ref() == "ScoredEvent";
                if let Some(finished) = event.take_if(|_| is_event) {
                    annotations.extend(finished.annotation().map_err(|problem| (byte, problem))?);
                } else if let Some(event) = &mut event {
                    event.set(tag.name().as_ref(), field.trim());
                }
                field.clear();
            }
            Xml::DocType(_) => {
                return Err((byte, "it declares a document type; expected none".to_owned()));
            }
            Xml::Eof if depth > 0 => {
                return Err((byte, "the file ends inside an element".to_owned()));
            }
            Xml::Eof if annotations.is_empty() && byte == 0 => {
                return Err((0, "the file is empty".to_owned()));
            }
            Xml::Eof => return Ok(annotations),
            Xml::Empty(tag) => {
                check_root(depth, tag.name().as_ref()).map_err(|problem| (byte, problem))?;
            }
            Xml::Comment(_) | Xml::Decl(_) | Xml::PI(_) => {}
        }
    }
}

fn check_root(depth: usize, name: &str) -> std::result::Result<(), String> {
    if depth == 0 && name != "PSGAnnotation" {
        return Err(format!("the first element is {}; expected `PSGAnnotation`", quoted(name)));
    }
    Ok(())
}

/// Resolves `&amp;` and its like, and character numbers; other entities are refused.
fn resolve(reference: &BytesRef<'_>) -> std::result::Result<char, String> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Ok(character);
    }
    match quick_xml::escape::resolve_predefined_entity(reference) {
        Some(text) => Ok(text.chars().next().expect("a predefined entity stands for a character")),
        None => Err(format!(
            "it uses the entity {}; expected only those that XML predefines",
            quoted(reference)
        )),
    }
}

/// The fields of an event, as text.
#[derive(Default)]
struct ScoredEvent {
    concept: String,
    onset: String,
    duration: String,
}

impl ScoredEvent {
    fn set(&mut self, element: &str, value: &str) {
        let field = match element {
            "EventConcept" => &mut self.concept,
            "Start" | "Starttime" => &mut self.onset,
            "Duration" => &mut self.duration,
            _ => return,
        };
        value.clone_into(field);
    }

    /// Returns the annotation, or nothing for an event without a place in time, such as a technician's note.
    fn annotation(self) -> std::result::Result<Option<Annotation>, String> {
        if self.onset.is_empty() {
            return Ok(None);
        }
        let onset_s = seconds(&self.onset, "Start", f64::NEG_INFINITY)?;
        let duration_s = if self.duration.is_empty() {
            None
        } else {
            Some(seconds(&self.duration, "Duration", 0.0)?)
        };
        Ok(Some(Annotation { onset_s, duration_s, text: self.concept }))
    }
}

fn seconds(text: &str, element: &str, least: f64) -> std::result::Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= least);
    number
        .ok_or_else(|| format!("`{element}` holds {}; expected a number of seconds", quoted(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(concept: &str, rest: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><PSGAnnotation><ScoredEvents><ScoredEvent><EventConcept>{concept}</EventConcept>\
             {rest}</ScoredEvent></ScoredEvents></PSGAnnotation>"
        )
    }

    #[test]
    fn events_have_concept_start_and_duration() {
        let text = event(
            "Arousal|Arousal ()",
            "<Start>12.5</Start><Duration>7</Duration><Notes>x</Notes>",
        );
        assert_eq!(parse(&text), Ok(vec![Annotation::new(12.5, Some(7.0), "Arousal|Arousal ()")]));
    }

    #[test]
    fn older_flavour_and_predefined_entities_are_read() {
        let text =
            event("SDO:WakeState &amp; &#x41;", "<Starttime>0</Starttime><Duration>30</Duration>");
        assert_eq!(parse(&text), Ok(vec![Annotation::new(0.0, Some(30.0), "SDO:WakeState & A")]));
    }

    #[test]
    fn event_without_a_time_is_left_out() {
        assert_eq!(parse(&event("Technician Notes", "")), Ok(vec![]));
    }

    #[test]
    fn refuses_what_is_not_such_xml() {
        let check = |text: &str, byte, problem: &str| {
            assert_eq!(parse(text), Err((byte, problem.to_owned())));
        };
        check("", 0, "the file is empty");
        check("<a/>", 0, "the first element is `a`; expected `PSGAnnotation`");
        check("<PSGAnnotation><ScoredEvents>", 29, "the file ends inside an element");
        check("<!DOCTYPE x []><PSGAnnotation/>", 0, "it declares a document type; expected none");
        let text = event("&lol;", "");
        let problem = "it uses the entity `lol`; expected only those that XML predefines";
        assert_eq!(parse(&text).unwrap_err().1, problem);
        let text = event("Arousal", "<Start>nan</Start>");
        assert_eq!(
            parse(&text).unwrap_err().1,
            "`Start` holds `nan`; expected a number of seconds"
        );
    }
}
