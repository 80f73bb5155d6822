//! The report on a montage: what feeds each channel, what feeds none, and what is not known.

use nocturne_edf::{EdfHeader, SignalHeader};
use serde::Serialize;

use super::label::{nearest, normalised};
use super::resolve::{ResolvedMontage, trouble};
use super::rule::{Confidence, Polarity};
use super::vocabulary::Meaning;
use super::{Channel, embedded};

/// A line of the report: how a channel of the montage is fed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MontageLine {
    /// The channel's name.
    pub channel: &'static str,
    /// Labels of the signals that feed it, `None` where nothing does.
    pub source: Option<String>,
    /// How the channel is made of them, such as `C3 - A2`, or `-(ROC-LOC)` where the sign is turned.
    pub derivation: Option<String>,
    /// What the profile says that it is, such as `C4-A1` or `thermistor`, where the label does not tell.
    pub meaning: Option<String>,
    /// Unit of the source as the file gives it, or where it gives none, as the profile does.
    pub unit: Option<String>,
    /// Sampling rate of the source in hertz.
    pub sample_rate_hz: Option<f64>,
    /// Which way up the source is stored.
    pub polarity: Option<Polarity>,
    /// How sure it is.
    pub confidence: Option<Confidence>,
    /// Where the knowledge comes from.
    pub provenance: Option<String>,
}

/// A signal of the file that feeds no channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnusedSignal {
    /// The label.
    pub label: String,
    /// The physical dimension as written.
    pub unit: String,
    /// Sampling rate in hertz.
    pub sample_rate_hz: f64,
    /// What the profile says that it is, such as `spo2` or `EEG_C3_A2`; `None` where it does not know the label.
    pub meaning: Option<String>,
    /// Why it is not used.
    pub why: String,
}

/// A label that the profile does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnknownLabel {
    /// The label.
    pub label: String,
    /// Labels that are nearly the same and are known, the nearest first; often none.
    pub nearest: Vec<String>,
}

impl ResolvedMontage {
    /// Returns a line for each of the ten channels.
    pub fn report(&self, header: &EdfHeader) -> Vec<MontageLine> {
        Channel::ALL.into_iter().map(|channel| self.line(channel, header)).collect()
    }

    /// Returns the signals that feed no channel, without those that hold annotations, in the order of the file.
    pub fn unused(&self, header: &EdfHeader) -> Vec<UnusedSignal> {
        let is_used =
            |i: usize| self.channels().iter().any(|it| it.plus == i || it.minus == Some(i));
        let signals = header.signals.iter().enumerate();
        let unused = signals.filter(|(i, signal)| !signal.is_annotations && !is_used(*i));
        unused.map(|(_, signal)| self.unused_signal(signal, header)).collect()
    }

    /// Returns the labels that the profile does not know, each once, in the order of the file.
    pub fn unknown_labels(&self, header: &EdfHeader) -> Vec<UnknownLabel> {
        let vocabulary = &self.profile().vocabulary;
        let mut unknown: Vec<UnknownLabel> = Vec::new();
        for signal in header.signals.iter().filter(|signal| !signal.is_annotations) {
            let label = &signal.label;
            let is_known = vocabulary.meaning(&normalised(label)).is_some();
            if is_known || label.is_empty() || unknown.iter().any(|it| it.label == *label) {
                continue;
            }
            let known = vocabulary.labels().chain(embedded::general().vocabulary.labels());
            unknown.push(UnknownLabel { label: label.clone(), nearest: nearest(label, known) });
        }
        unknown
    }

    fn line(&self, channel: Channel, header: &EdfHeader) -> MontageLine {
        let Some(resolved) = self.channels().iter().find(|resolved| resolved.channel == channel)
        else {
            return MontageLine {
                channel: channel.name(),
                source: None,
                derivation: None,
                meaning: None,
                unit: None,
                sample_rate_hz: None,
                polarity: None,
                confidence: None,
                provenance: None,
            };
        };
        let plus = &header.signals[resolved.plus];
        let label = &plus.label;
        let minus = resolved.minus.map(|minus| &header.signals[minus].label);
        let (source, derivation) = match minus {
            None => (label.clone(), label.clone()),
            Some(minus) => (format!("{label}, {minus}"), format!("{label} - {minus}")),
        };
        let derivation = match resolved.polarity {
            Polarity::Upright => derivation,
            Polarity::Inverted => format!("-({derivation})"),
        };
        MontageLine {
            channel: channel.name(),
            source: Some(source),
            derivation: Some(derivation),
            meaning: resolved.meaning.clone(),
            unit: Some(self.unit(header, resolved.plus).to_owned()),
            sample_rate_hz: Some(header.rate_hz(plus)),
            polarity: Some(resolved.polarity),
            confidence: Some(resolved.confidence),
            provenance: Some(resolved.provenance.clone()),
        }
    }

    fn unused_signal(&self, signal: &SignalHeader, header: &EdfHeader) -> UnusedSignal {
        let meaning = self.profile().vocabulary.meaning(&normalised(&signal.label));
        let why = match meaning {
            None => "its label is not known".to_owned(),
            Some(Meaning::Other(_)) => "it is no channel of the montage".to_owned(),
            Some(Meaning::Reference) => "nothing is referred to it".to_owned(),
            Some(Meaning::Channel(channel)) => {
                trouble(header, signal, *channel).unwrap_or_else(|| self.why_not(*channel))
            }
        };
        UnusedSignal {
            label: signal.label.clone(),
            unit: signal.unit.clone(),
            sample_rate_hz: header.rate_hz(signal),
            meaning: meaning.map(|meaning| meaning.name().to_owned()),
            why,
        }
    }

    /// Returns why a usable signal with a label of the channel does not feed it.
    fn why_not(&self, channel: Channel) -> String {
        if self.mask().contains(channel) {
            format!("another signal feeds {channel}")
        } else {
            format!("the signal that is to be taken off it for {channel} is missing")
        }
    }
}
