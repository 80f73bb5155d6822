//! Reports on a montage: the source of each channel, unused signals, unknown labels.

use nocturne_edf::{EdfHeader, SignalHeader};
use serde::Serialize;

use super::channel_rule::{Confidence, Polarity};
use super::label_vocabulary::LabelMeaning;
use super::labels::{nearest, normalised};
use super::resolve::{ResolvedMontage, unusable_reason};
use super::{Channel, embedded_profiles};

/// The source of a channel of the montage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MontageLine {
    /// Name of the channel.
    pub channel: &'static str,
    /// Labels of the signals that feed it, or `None` if the channel is missing.
    pub source: Option<String>,
    /// The derivation, such as `C3 - A2`, or `-(ROC-LOC)` if the sign is inverted.
    pub derivation: Option<String>,
    /// Meaning of the signal in the profile, such as `C4-A1` or `thermistor`, if the label does not say it.
    pub meaning: Option<String>,
    /// Unit of the source in the header, or in the profile if the header has none.
    pub unit: Option<String>,
    /// Sampling rate of the source in hertz.
    pub sample_rate_hz: Option<f64>,
    /// Polarity in which the source is stored.
    pub polarity: Option<Polarity>,
    /// Confidence that the source is the right one.
    pub confidence: Option<Confidence>,
    /// Where the definition comes from.
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
    /// Meaning of the label in the profile, such as `spo2` or `EEG_C3_A2`; `None` if unknown.
    pub meaning: Option<String>,
    /// Why it is not used.
    pub why: String,
}

/// A label that is unknown in the profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnknownLabel {
    /// The label.
    pub label: String,
    /// Known labels with a similar spelling, nearest first; often empty.
    pub nearest: Vec<String>,
}

impl ResolvedMontage {
    /// Returns the source of each of the ten channels.
    pub fn report(&self, header: &EdfHeader) -> Vec<MontageLine> {
        Channel::ALL.into_iter().map(|channel| self.line(channel, header)).collect()
    }

    /// Returns the signals that feed no channel, except annotation signals and a hypnogram, in file order.
    pub fn unused(&self, header: &EdfHeader) -> Vec<UnusedSignal> {
        let hypnogram = self.hypnogram(header);
        let is_used = |i: usize| Some(i) == hypnogram || self.feeds_a_channel(i);
        let signals = header.signals.iter().enumerate();
        let unused = signals.filter(|(i, signal)| !signal.is_annotations && !is_used(*i));
        unused.map(|(_, signal)| self.unused_signal(signal, header)).collect()
    }

    /// Returns the labels of signals that feed no channel and are unknown in the profile, each once, in file order.
    pub fn unknown_labels(&self, header: &EdfHeader) -> Vec<UnknownLabel> {
        let vocabulary = &self.profile().vocabulary;
        let mut unknown: Vec<UnknownLabel> = Vec::new();
        let signals = header.signals.iter().enumerate();
        let signals =
            signals.filter(|(i, signal)| !signal.is_annotations && !self.feeds_a_channel(*i));
        for (_, signal) in signals {
            let label = &signal.label;
            let is_known = vocabulary.meaning(&normalised(label)).is_some();
            if is_known || label.is_empty() || unknown.iter().any(|it| it.label == *label) {
                continue;
            }
            let known = vocabulary.labels().chain(embedded_profiles::general().vocabulary.labels());
            unknown.push(UnknownLabel { label: label.clone(), nearest: nearest(label, known) });
        }
        unknown
    }

    fn feeds_a_channel(&self, signal: usize) -> bool {
        self.channels().iter().any(|it| it.plus == signal || it.minus == Some(signal))
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
            None => "the label is unknown".to_owned(),
            Some(LabelMeaning::Other(_)) => "the montage has no such channel".to_owned(),
            Some(LabelMeaning::Reference) => "no channel uses this reference".to_owned(),
            Some(LabelMeaning::Channel(channel)) => unusable_reason(header, signal, *channel)
                .unwrap_or_else(|| self.unused_reason(*channel)),
        };
        UnusedSignal {
            label: signal.label.clone(),
            unit: signal.unit.clone(),
            sample_rate_hz: header.rate_hz(signal),
            meaning: meaning.map(|meaning| meaning.name().to_owned()),
            why,
        }
    }

    /// Returns why a usable signal labelled as the channel does not feed it.
    fn unused_reason(&self, channel: Channel) -> String {
        if self.mask().contains(channel) {
            format!("another signal feeds {channel}")
        } else {
            format!("the reference for {channel} is missing")
        }
    }
}
