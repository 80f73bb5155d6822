//! Finds the signals of a file that feed the montage.

use serde::Serialize;

use super::profile::{ChannelRule, Confidence, Profile, Source, normalised};
use super::{Channel, ChannelMask};
use crate::edf::Header;
use crate::{Warning, WarningCode};

/// Which signal of a file feeds which channel: a montage that fits this file.
#[derive(Debug, Clone)]
pub struct ResolvedMontage {
    profile: &'static Profile,
    reason: String,
    channels: Vec<ResolvedChannel>,
}

/// A channel and what feeds it.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedChannel {
    /// The channel.
    pub channel: Channel,
    /// The signal, by its place in the header.
    pub plus: usize,
    /// The signal that is subtracted, if the channel is a difference.
    pub minus: Option<usize>,
    /// How sure it is.
    pub confidence: Confidence,
}

/// A line of the report: how a channel of the montage is fed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MontageLine {
    /// The channel's name.
    pub channel: &'static str,
    /// Labels of the signals that feed it, `None` where nothing does.
    pub source: Option<String>,
    /// How the channel is made of them, such as `C3 - A2`.
    pub derivation: Option<String>,
    /// Unit of the source as the file gives it.
    pub unit: Option<String>,
    /// Sampling rate of the source in hertz.
    pub sample_rate_hz: Option<f64>,
    /// How sure it is.
    pub confidence: Option<Confidence>,
}

impl ResolvedMontage {
    /// Finds the signals that feed each channel.
    ///
    /// Annotation signals, signals without a usable range, and signals sampled too slowly for their channel are passed
    /// over. The profile is the first whose tell-tale labels the file has.
    pub fn resolve(header: &Header) -> Self {
        let labels: Vec<String> =
            header.signals.iter().map(|signal| normalised(&signal.label)).collect();
        let profile = Profile::detect(&labels);
        let reason = match profile.tell_tale_labels() {
            [] => "no other profile knows the file's labels".to_owned(),
            tell_tale => format!("the file has the labels {}", tell_tale.join(", ")),
        };
        let finder = Finder { header, labels: &labels };
        let channels = Channel::ALL
            .into_iter()
            .filter_map(|channel| finder.find(channel, &profile.rules))
            .collect();
        Self { profile, reason, channels }
    }

    /// Returns the profile by which the labels were read.
    pub fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// Returns why that profile was chosen.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns the channels that a signal feeds, in order.
    pub fn channels(&self) -> &[ResolvedChannel] {
        &self.channels
    }

    /// Returns the set of channels that a signal feeds.
    pub fn mask(&self) -> ChannelMask {
        self.channels.iter().map(|resolved| resolved.channel).collect()
    }

    /// Returns a line for each of the ten channels.
    pub fn report(&self, header: &Header) -> Vec<MontageLine> {
        Channel::ALL.into_iter().map(|channel| self.line(channel, header)).collect()
    }

    /// Returns what is worth knowing about how the channels are fed.
    pub fn warnings(&self, header: &Header) -> Vec<Warning> {
        let missing: Vec<&str> =
            ChannelMask::ALL.without(self.mask()).iter().map(Channel::name).collect();
        let mut warnings = Vec::new();
        if !missing.is_empty() {
            let message =
                format!("no signal feeds {}; left empty and marked as missing", missing.join(", "));
            warnings.push(Warning::new(WarningCode::MissingChannel, message));
        }
        for resolved in
            self.channels.iter().filter(|resolved| resolved.confidence == Confidence::Substitute)
        {
            let label = &header.signals[resolved.plus].label;
            let message =
                format!("`{label}` stands in for {}, which the recording lacks", resolved.channel);
            warnings.push(Warning::new(WarningCode::SubstituteChannel, message));
        }
        warnings
    }

    fn line(&self, channel: Channel, header: &Header) -> MontageLine {
        let Some(resolved) = self.channels.iter().find(|resolved| resolved.channel == channel)
        else {
            return MontageLine {
                channel: channel.name(),
                source: None,
                derivation: None,
                unit: None,
                sample_rate_hz: None,
                confidence: None,
            };
        };
        let plus = &header.signals[resolved.plus];
        let minus = resolved.minus.map(|minus| &header.signals[minus].label);
        MontageLine {
            channel: channel.name(),
            source: Some(
                minus
                    .map_or_else(|| plus.label.clone(), |minus| format!("{}, {minus}", plus.label)),
            ),
            derivation: Some(
                minus.map_or_else(
                    || plus.label.clone(),
                    |minus| format!("{} - {minus}", plus.label),
                ),
            ),
            unit: Some(plus.unit.clone()),
            sample_rate_hz: Some(header.rate_hz(plus)),
            confidence: Some(resolved.confidence),
        }
    }
}

/// Looks for signals by their normalised labels.
struct Finder<'a> {
    header: &'a Header,
    labels: &'a [String],
}

impl Finder<'_> {
    fn find(&self, channel: Channel, rules: &[ChannelRule]) -> Option<ResolvedChannel> {
        rules.iter().filter(|rule| rule.name == channel).find_map(|rule| {
            let (plus, minus) =
                rule.sources.iter().find_map(|source| self.find_source(channel, source))?;
            Some(ResolvedChannel { channel, plus, minus, confidence: rule.confidence })
        })
    }

    fn find_source(&self, channel: Channel, source: &Source) -> Option<(usize, Option<usize>)> {
        match source {
            Source::Label(label) => Some((self.find_signal(channel, label)?, None)),
            Source::Difference { plus, minus } => {
                Some((self.find_signal(channel, plus)?, Some(self.find_signal(channel, minus)?)))
            }
        }
    }

    fn find_signal(&self, channel: Channel, label: &str) -> Option<usize> {
        let label = normalised(label);
        let is_usable = |i: &usize| {
            let signal = &self.header.signals[*i];
            !signal.is_annotations
                && signal.scaling().is_some_and(|(gain, _)| gain != 0.0)
                && self.header.rate_hz(signal) >= lowest_rate_hz(channel)
        };
        (0..self.labels.len()).filter(|i| self.labels[*i] == label).find(is_usable)
    }
}

/// Returns the sampling rate in hertz below which a signal cannot show what its channel is for.
fn lowest_rate_hz(channel: Channel) -> f64 {
    match channel {
        Channel::EegC3A2 | Channel::EegC4A1 | Channel::EmgChin | Channel::Ecg => 50.0,
        Channel::EogLeft | Channel::EogRight => 25.0,
        Channel::Abdomen | Channel::Thorax | Channel::Airflow => 1.0,
        // One sample for each data record is enough.
        Channel::Position => 1e-3,
    }
}
