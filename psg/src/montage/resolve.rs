//! Finds the signals of a file that feed the montage.

use std::borrow::Cow;

use nocturne_edf::{EdfHeader, SignalHeader};

use super::label::normalised;
use super::rule::{ChannelRule, Confidence, Polarity, Source};
use super::unit::VoltageUnit;
use super::{Channel, ChannelMask, Profile, ProfileChoice, detect};
use crate::error::quoted;
use crate::{Result, Warning, WarningCode};

/// Which signal of a file feeds which channel: a montage that fits this file.
#[derive(Debug, Clone)]
pub struct ResolvedMontage {
    profile: Cow<'static, Profile>,
    reason: String,
    channels: Vec<ResolvedChannel>,
    saturation: Option<usize>,
    doubt: Option<Warning>,
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
    /// Which way up the signal is stored; an inverted one is turned when it is read.
    pub polarity: Polarity,
    /// What the profile says that the signal is, such as `C4-A1`, where its label does not tell.
    pub meaning: Option<String>,
    /// The unit of the profile, for signals whose header names none.
    pub unit: Option<String>,
    /// How sure it is.
    pub confidence: Confidence,
    /// Where the knowledge comes from.
    pub provenance: String,
}

impl ResolvedMontage {
    /// Finds, for each channel, the first of its sources in the profile that the file has.
    ///
    /// Labels are compared without regard to case, blanks, `_`, `/` and `:`. Of signals with one label the first counts.
    /// Signals without a usable range, and signals sampled too slowly for their channel are passed over. The profile is
    /// the one with the most labels of its own among those of the file; a missing channel does not hide it.
    pub fn resolve(header: &EdfHeader) -> Self {
        let detected = detect::detect(header);
        Self::by(header, Cow::Borrowed(detected.profile), detected.reason, detected.warning)
    }

    /// Finds the sources of each channel by the profile of one's choice, see [`resolve`](Self::resolve).
    ///
    /// # Errors
    ///
    /// Those of [`ProfileChoice::profile`].
    pub fn resolve_by(header: &EdfHeader, choice: &ProfileChoice) -> Result<Self> {
        Ok(match choice.profile()? {
            None => Self::resolve(header),
            Some(profile) => Self::by(header, profile, choice.reason(), None),
        })
    }

    fn by(
        header: &EdfHeader,
        profile: Cow<'static, Profile>,
        reason: String,
        doubt: Option<Warning>,
    ) -> Self {
        let finder = Finder::new(header, &profile);
        let (channels, saturation) = (finder.channels(), finder.saturation());
        Self { profile, reason, channels, saturation, doubt }
    }

    /// Returns the profile by which the labels were read.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Returns why that profile was chosen.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns the channels that a signal feeds, in order.
    pub fn channels(&self) -> &[ResolvedChannel] {
        &self.channels
    }

    /// Returns the signal of the oxygen saturation, by its place in the header, where the profile knows one. It feeds no
    /// channel, but captions may speak of it.
    pub fn saturation(&self) -> Option<usize> {
        self.saturation
    }

    /// Returns the set of channels that a signal feeds.
    pub fn mask(&self) -> ChannelMask {
        self.channels.iter().map(|resolved| resolved.channel).collect()
    }

    /// Returns the unit of a signal: that of its header, or where that is empty, that of the profile.
    pub fn unit<'a>(&'a self, header: &'a EdfHeader, signal: usize) -> &'a str {
        let written = header.signals[signal].unit.as_str();
        let feeds = |it: &&ResolvedChannel| it.plus == signal || it.minus == Some(signal);
        let known = || self.channels.iter().find(feeds)?.unit.as_deref();
        if written.is_empty() { known().unwrap_or(written) } else { written }
    }

    /// Returns what is worth knowing about how the channels are fed.
    pub fn warnings(&self, header: &EdfHeader) -> Vec<Warning> {
        let missing: Vec<&str> =
            ChannelMask::ALL.without(self.mask()).iter().map(Channel::name).collect();
        let mut warnings: Vec<Warning> = self.doubt.clone().into_iter().collect();
        // A file of annotations alone is no recording that lacks something.
        let has_signals = header.signals.iter().any(|signal| !signal.is_annotations);
        if has_signals && !missing.is_empty() {
            let message =
                format!("no signal feeds {}; left empty and marked as missing", missing.join(", "));
            warnings.push(Warning::new(WarningCode::MissingChannel, message));
        }
        for resolved in &self.channels {
            let (channel, signal) = (resolved.channel, &header.signals[resolved.plus]);
            let label = quoted(&signal.label);
            match resolved.confidence {
                Confidence::Exact | Confidence::Documented => {}
                Confidence::Assumed => {
                    let message =
                        format!("{label} is taken for {channel}; its label leaves that open");
                    warnings.push(Warning::new(WarningCode::AssumedChannel, message));
                }
                Confidence::Substitute => {
                    let message =
                        format!("{label} stands in for {channel}, which the recording lacks");
                    warnings.push(Warning::new(WarningCode::SubstituteChannel, message));
                }
            }
            let unit = self.unit(header, resolved.plus);
            if channel.is_voltage() && !unit.is_empty() && VoltageUnit::of(unit).is_none() {
                let message = format!(
                    "{label}, which feeds {channel}, is in {}, which is no voltage; read as microvolts",
                    quoted(unit)
                );
                warnings.push(Warning::new(WarningCode::Unit, message));
            }
        }
        warnings
    }
}

/// Looks for signals by their normalised labels.
pub(super) struct Finder<'a> {
    header: &'a EdfHeader,
    labels: Vec<String>,
    profile: &'a Profile,
}

impl<'a> Finder<'a> {
    pub(super) fn new(header: &'a EdfHeader, profile: &'a Profile) -> Self {
        let labels = header.signals.iter().map(|signal| normalised(&signal.label)).collect();
        Self { header, labels, profile }
    }

    /// Returns the channels that the profile finds, in order.
    pub(super) fn channels(&self) -> Vec<ResolvedChannel> {
        let found = Channel::ALL.into_iter().filter_map(|channel| self.find(channel));
        found.map(|(_, resolved)| resolved).collect()
    }

    /// Returns the first signal that the profile takes for an oxygen saturation and whose range can be read.
    fn saturation(&self) -> Option<usize> {
        let is_saturation = |i: &usize| {
            let signal = &self.header.signals[*i];
            let is_readable = !signal.is_annotations && signal.scaling().is_some();
            is_readable && self.profile.is_saturation(&self.labels[*i])
        };
        (0..self.labels.len()).find(is_saturation)
    }

    /// Returns how often the rate or the unit of a signal is the one that the profile expects.
    pub(super) fn n_agreements(&self) -> usize {
        let agreements = |(rule, resolved): (&ChannelRule, ResolvedChannel)| {
            let signal = &self.header.signals[resolved.plus];
            let unit = rule.unit.as_ref().is_some_and(|unit| {
                *unit == signal.unit
                    || VoltageUnit::of(unit)
                        .is_some_and(|unit| VoltageUnit::of(&signal.unit) == Some(unit))
            });
            let rate_hz = self.header.rate_hz(signal);
            let rate =
                rule.rate_hz.is_some_and(|expected_hz| (rate_hz / expected_hz - 1.0).abs() < 0.01);
            usize::from(unit) + usize::from(rate)
        };
        Channel::ALL.into_iter().filter_map(|channel| self.find(channel)).map(agreements).sum()
    }

    fn find(&self, channel: Channel) -> Option<(&'a ChannelRule, ResolvedChannel)> {
        let mut rules = self.profile.rules.iter().filter(|rule| rule.name == channel);
        rules.find_map(|rule| {
            let (plus, minus) =
                rule.sources.iter().find_map(|source| self.find_source(channel, source))?;
            let resolved = ResolvedChannel {
                channel,
                plus,
                minus,
                polarity: rule.polarity,
                meaning: rule.meaning.clone(),
                unit: rule.unit.clone(),
                confidence: rule.confidence,
                provenance: rule.source.clone(),
            };
            Some((rule, resolved))
        })
    }

    fn find_source(&self, channel: Channel, source: &Source) -> Option<(usize, Option<usize>)> {
        let plus = self.find_signal(channel, source.plus())?;
        match source.minus() {
            None => Some((plus, None)),
            Some(minus) => Some((plus, Some(self.find_signal(channel, minus)?))),
        }
    }

    fn find_signal(&self, channel: Channel, label: &str) -> Option<usize> {
        let label = normalised(label);
        let is_usable =
            |i: &usize| trouble(self.header, &self.header.signals[*i], channel).is_none();
        (0..self.labels.len()).filter(|i| self.labels[*i] == label).find(is_usable)
    }
}

/// Returns why a signal cannot feed a channel, whatever its label says.
pub(super) fn trouble(
    header: &EdfHeader,
    signal: &SignalHeader,
    channel: Channel,
) -> Option<String> {
    if signal.is_annotations {
        return Some("holds annotations".to_owned());
    }
    if signal.scaling().is_none_or(|(gain, _)| gain == 0.0) {
        return Some("its range is empty".to_owned());
    }
    let (rate_hz, lowest_hz) = (header.rate_hz(signal), lowest_rate_hz(channel));
    (rate_hz < lowest_hz)
        .then(|| format!("too slow for {channel}: {rate_hz} Hz, and {lowest_hz} Hz are needed"))
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
