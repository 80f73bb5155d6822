//! Writes the XML of the National Sleep Research Resource.

use std::fmt::Write;

use crate::annotation::names::{Meaning, meaning};
use crate::annotation::scored_annotation::ScoredAnnotation;
use crate::sleep::{EPOCH_S, EventKind};

/// The content of a document before its events.
#[derive(Debug, Clone, PartialEq)]
pub struct NsrrHeader {
    /// The scoring program.
    pub software: String,
    /// Length of an epoch in seconds.
    pub epoch_length_s: f64,
    /// Start of the recording as `dd.mm.yy hh.mm.ss` and its duration in seconds, if they are known.
    pub recording: Option<(String, f64)>,
}

impl NsrrHeader {
    /// Returns a header for 30-second epochs without the start of the recording.
    pub fn new(software: impl Into<String>) -> Self {
        Self { software: software.into(), epoch_length_s: EPOCH_S, recording: None }
    }
}

/// The concept of the first event, which gives the start of the recording.
const RECORDING_START: &str = "Recording Start Time";

/// Returns a document with the annotations in their order, without scorer, instance and meta-data.
pub fn nsrr_xml<'a>(
    header: &NsrrHeader,
    annotations: impl IntoIterator<Item = &'a ScoredAnnotation>,
) -> String {
    let mut writer = NsrrXmlWriter::new(header);
    for annotation in annotations {
        let (onset_s, duration_s) = (annotation.onset_s, annotation.duration_s);
        let location = annotation.channel.as_deref().map(|channel| ("SignalLocation", channel));
        let kind = event_type(&annotation.text);
        writer.event(kind, &annotation.text, (onset_s, duration_s), location);
    }
    writer.finish()
}

/// Writes a document event by event.
#[derive(Debug)]
pub struct NsrrXmlWriter(String);

impl NsrrXmlWriter {
    /// Starts a document.
    pub fn new(header: &NsrrHeader) -> Self {
        let mut writer = Self(String::new());
        writer.line("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>");
        writer.line("<PSGAnnotation>");
        writer.line(&format!("<SoftwareVersion>{}</SoftwareVersion>", escaped(&header.software)));
        writer.line(&format!("<EpochLength>{}</EpochLength>", header.epoch_length_s));
        writer.line("<ScoredEvents>");
        if let Some((clock_time, duration_s)) = &header.recording {
            let clock_time = ("ClockTime", clock_time.as_str());
            writer.event("", RECORDING_START, (0.0, Some(*duration_s)), [clock_time]);
        }
        writer
    }

    /// Writes an event with its type, its concept, its onset and duration in seconds, and further elements.
    pub fn event<'a>(
        &mut self,
        kind: &str,
        concept: &str,
        (onset_s, duration_s): (f64, Option<f64>),
        more: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) {
        self.line("<ScoredEvent>");
        self.element("EventType", kind);
        self.element("EventConcept", concept);
        self.element("Start", &onset_s.to_string());
        if let Some(duration_s) = duration_s {
            self.element("Duration", &duration_s.to_string());
        }
        more.into_iter().for_each(|(element, text)| self.element(element, text));
        self.line("</ScoredEvent>");
    }

    /// Returns the document.
    pub fn finish(mut self) -> String {
        self.line("</ScoredEvents>");
        self.line("</PSGAnnotation>");
        self.0
    }

    fn line(&mut self, text: &str) {
        writeln!(self.0, "{text}").expect("writing to a string does not fail");
    }

    fn element(&mut self, name: &str, text: &str) {
        if text.is_empty() {
            self.line(&format!("  <{name}/>"));
        } else {
            self.line(&format!("  <{name}>{}</{name}>", escaped(text)));
        }
    }
}

/// Escapes the characters that XML reserves and removes those that it forbids.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\r' => escaped.push_str("&#13;"),
            '\n' | '\t' => escaped.push(character),
            '\u{fffe}' | '\u{ffff}' => {}
            control if control < ' ' => {}
            character => escaped.push(character),
        }
    }
    escaped
}

/// Returns the event type of a concept.
fn event_type(text: &str) -> &'static str {
    match meaning(text) {
        Some(Meaning::Stage(_)) => "Stages|Stages",
        Some(Meaning::Event(kind)) => match kind {
            EventKind::Arousal => "Arousals|Arousals",
            EventKind::ObstructiveApnea
            | EventKind::CentralApnea
            | EventKind::MixedApnea
            | EventKind::Apnea
            | EventKind::Hypopnea
            | EventKind::Rera
            | EventKind::Desaturation
            | EventKind::Snore
            | EventKind::PeriodicBreathing => "Respiratory|Respiratory",
            EventKind::LimbMovement | EventKind::PeriodicLimbMovement => {
                "Limb Movement|Limb Movement"
            }
            EventKind::Spindle
            | EventKind::KComplex
            | EventKind::SlowWave
            | EventKind::RapidEyeMovement
            | EventKind::SlowEyeMovement
            | EventKind::PositionChange
            | EventKind::Bradycardia
            | EventKind::Tachycardia
            | EventKind::Artifact => "",
        },
        Some(Meaning::LightsOff | Meaning::LightsOn | Meaning::Other | Meaning::Ambiguous)
        | None => "",
    }
}
