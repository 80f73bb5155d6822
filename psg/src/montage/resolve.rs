//! Resolves the montage: finds the signals of a file that feed the channels.

use std::borrow::Cow;

use nocturne_edf::{EdfHeader, SignalHeader};

use super::channel_rule::{ChannelRule, Confidence, Polarity, SourceLabels};
use super::labels::{electrode_and_reference, normalised};
use super::voltage_unit::VoltageUnit;
use super::{
    Channel, ChannelMask, LegSignal, Profile, ProfileChoice, leg_signals, profile_detection,
};
use crate::error::{Result, quoted};
use crate::warning::{Warning, WarningCode};

/// The kind of signal in a profile that holds stages.
const HYPNOGRAM: &str = "hypnogram";

/// The montage of one file: which signal feeds which channel.
#[derive(Debug, Clone)]
pub struct ResolvedMontage {
    profile: Cow<'static, Profile>,
    reason: String,
    channels: Vec<ResolvedChannel>,
    saturation: Option<usize>,
    legs: Vec<LegSignal>,
    doubt: Option<Warning>,
}

/// A channel and its source.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedChannel {
    /// The channel.
    pub channel: Channel,
    /// Index of the signal in the header.
    pub plus: usize,
    /// Index of the signal that is subtracted, if the channel is a difference.
    pub minus: Option<usize>,
    /// Polarity in which the signal is stored; the reader corrects an inverted one.
    pub polarity: Polarity,
    /// Meaning of the signal in the profile, such as `C4-A1`, if its label does not say it.
    pub meaning: Option<String>,
    /// Unit in the profile, for signals without a unit in the header.
    pub unit: Option<String>,
    /// Whether the unit in the profile replaces one in the header, which is known to be wrong.
    pub replaces_unit: bool,
    /// Confidence that the source is the right one.
    pub confidence: Confidence,
    /// Where the definition comes from.
    pub provenance: String,
}

impl ResolvedMontage {
    /// Detects the profile and resolves each channel to the first of its sources that the file has.
    ///
    /// Labels are compared in normalised form; of signals with equal labels the first is used. Signals without a usable
    /// range and signals sampled too slowly for their channel are skipped. The profile is the one with the most
    /// detection labels in the file; missing channels do not exclude it.
    pub fn resolve(header: &EdfHeader) -> Self {
        let detected = profile_detection::detect(header);
        Self::with_profile(
            header,
            Cow::Borrowed(detected.profile),
            detected.reason,
            detected.warning,
        )
    }

    /// Resolves each channel with a chosen profile, see [`resolve`](Self::resolve).
    ///
    /// # Errors
    ///
    /// Those of [`ProfileChoice::profile`].
    pub fn resolve_with(header: &EdfHeader, choice: &ProfileChoice) -> Result<Self> {
        Ok(match choice.profile()? {
            None => Self::resolve(header),
            Some(profile) => Self::with_profile(header, profile, choice.reason(), None),
        })
    }

    fn with_profile(
        header: &EdfHeader,
        profile: Cow<'static, Profile>,
        reason: String,
        doubt: Option<Warning>,
    ) -> Self {
        let finder = SignalFinder::new(header, &profile);
        let (channels, saturation) = (finder.channels(), finder.saturation());
        let legs = leg_signals::find(header, &profile);
        Self { profile, reason, channels, saturation, legs, doubt }
    }

    /// Returns the profile.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Returns why the profile was chosen.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns the channels that have a source, in order.
    pub fn channels(&self) -> &[ResolvedChannel] {
        &self.channels
    }

    /// Returns the index of the oxygen saturation in the header, if the profile defines its label.
    ///
    /// It feeds no channel but is measured.
    pub fn saturation(&self) -> Option<usize> {
        self.saturation
    }

    /// Returns the leg EMGs, if the profile defines their labels: one of each leg, or one of an unnamed leg or both.
    ///
    /// They feed no channel but are measured.
    pub fn legs(&self) -> &[LegSignal] {
        &self.legs
    }

    /// Returns the index of the first signal that is a hypnogram by its label.
    pub(crate) fn hypnogram(&self, header: &EdfHeader) -> Option<usize> {
        leg_signals::signals_of_kind(header, &self.profile, HYPNOGRAM).into_iter().next()
    }

    /// Returns the set of channels that have a source.
    pub fn mask(&self) -> ChannelMask {
        self.channels.iter().map(|resolved| resolved.channel).collect()
    }

    /// Returns the unit of a signal in the header, or in the profile if the header has none or the profile replaces it.
    pub fn unit<'a>(&'a self, header: &'a EdfHeader, signal: usize) -> &'a str {
        let written = header.signals[signal].unit.as_str();
        let feeds = |it: &&ResolvedChannel| it.plus == signal || it.minus == Some(signal);
        let Some(resolved) = self.channels.iter().find(feeds) else { return written };
        let is_used = written.is_empty() || resolved.replaces_unit;
        resolved.unit.as_deref().filter(|_| is_used).unwrap_or(written)
    }

    /// Returns warnings about the channels and their sources.
    pub fn warnings(&self, header: &EdfHeader) -> Vec<Warning> {
        let missing: Vec<&str> =
            ChannelMask::ALL.without(self.mask()).iter().map(Channel::name).collect();
        let mut warnings: Vec<Warning> = self.doubt.clone().into_iter().collect();
        // A file with annotations only is a scoring, not a recording with missing channels.
        let has_signals = header.signals.iter().any(|signal| !signal.is_annotations);
        if has_signals && !missing.is_empty() {
            let message = format!(
                "no signal for {}; the channels are empty and marked as missing",
                missing.join(", ")
            );
            warnings.push(Warning::new(WarningCode::MissingChannel, message));
        }
        for resolved in &self.channels {
            let (channel, signal) = (resolved.channel, &header.signals[resolved.plus]);
            let label = quoted(&signal.label);
            match resolved.confidence {
                Confidence::Exact | Confidence::Documented => {}
                Confidence::Assumed => {
                    let message = format!(
                        "{label} is used for {channel}, although its label does not say that it is that channel"
                    );
                    warnings.push(Warning::new(WarningCode::AssumedChannel, message));
                }
                Confidence::Substitute => {
                    let message = format!(
                        "{label} substitutes for {channel}, which the recording does not have"
                    );
                    warnings.push(Warning::new(WarningCode::SubstituteChannel, message));
                }
            }
            let unit = self.unit(header, resolved.plus);
            if channel.is_voltage() && !unit.is_empty() && VoltageUnit::of(unit).is_none() {
                let message = format!(
                    "{label}, which feeds {channel}, has the unit {}, which is not a voltage; read as microvolts",
                    quoted(unit)
                );
                warnings.push(Warning::new(WarningCode::Unit, message));
            }
        }
        warnings
    }
}

/// Finds the signals of a file by their normalised labels.
pub(super) struct SignalFinder<'a> {
    header: &'a EdfHeader,
    labels: Vec<String>,
    profile: &'a Profile,
}

impl<'a> SignalFinder<'a> {
    pub(super) fn new(header: &'a EdfHeader, profile: &'a Profile) -> Self {
        let labels = header.signals.iter().map(|signal| normalised(&signal.label)).collect();
        Self { header, labels, profile }
    }

    /// Returns the channels that have a source, in order.
    pub(super) fn channels(&self) -> Vec<ResolvedChannel> {
        let found = Channel::ALL.into_iter().filter_map(|channel| self.find(channel));
        found.map(|(_, resolved)| resolved).collect()
    }

    /// Returns the first readable signal that the profile defines as an oxygen saturation.
    fn saturation(&self) -> Option<usize> {
        let is_saturation = |i: &usize| {
            let signal = &self.header.signals[*i];
            let is_readable = !signal.is_annotations && signal.scaling().is_some();
            is_readable && self.profile.is_of_kind(&self.labels[*i], "spo2")
        };
        (0..self.labels.len()).find(is_saturation)
    }

    /// Returns the number of rates and units that agree with the profile.
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
                replaces_unit: rule.replaces_unit,
                confidence: rule.confidence,
                provenance: rule.source.clone(),
            };
            Some((rule, resolved))
        })
    }

    fn find_source(
        &self,
        channel: Channel,
        source: &SourceLabels,
    ) -> Option<(usize, Option<usize>)> {
        let Some(minus) = source.minus() else {
            return Some((self.find_signal(channel, source.plus())?, None));
        };
        let both = self.find_signal(channel, source.plus()).zip(self.find_signal(channel, minus));
        let (plus, minus) = both.or_else(|| self.find_referenced(channel, source.plus(), minus))?;
        Some((plus, Some(minus)))
    }

    /// Finds two electrodes that were recorded against one common reference, which cancels in their difference.
    fn find_referenced(&self, channel: Channel, plus: &str, minus: &str) -> Option<(usize, usize)> {
        let (plus, minus) = (normalised(plus), normalised(minus));
        let is_usable =
            |i: &usize| unusable_reason(self.header, &self.header.signals[*i], channel).is_none();
        let referenced = |electrode: &str, reference: Option<&str>| {
            (0..self.labels.len()).filter(is_usable).find_map(|i| {
                let (known, common) = electrode_and_reference(&self.labels[i])?;
                let is_it = known == electrode && reference.is_none_or(|it| it == common);
                is_it.then(|| (i, common.to_owned()))
            })
        };
        let (plus, reference) = referenced(&plus, None)?;
        let (minus, _) = referenced(&minus, Some(&reference))?;
        Some((plus, minus))
    }

    fn find_signal(&self, channel: Channel, label: &str) -> Option<usize> {
        let label = normalised(label);
        let is_usable =
            |i: &usize| unusable_reason(self.header, &self.header.signals[*i], channel).is_none();
        (0..self.labels.len()).filter(|i| self.labels[*i] == label).find(is_usable)
    }
}

/// Returns why a signal cannot feed a channel regardless of its label, or `None` if it can.
pub(super) fn unusable_reason(
    header: &EdfHeader,
    signal: &SignalHeader,
    channel: Channel,
) -> Option<String> {
    if signal.is_annotations {
        return Some("the signal contains annotations".to_owned());
    }
    if signal.scaling().is_none_or(|(gain, _)| gain == 0.0) {
        return Some("the range is empty".to_owned());
    }
    let (rate_hz, min_hz) = (header.rate_hz(signal), min_rate_hz(channel));
    (rate_hz < min_hz).then(|| format!("the rate is {rate_hz} Hz; {channel} requires {min_hz} Hz"))
}

/// Returns the minimum sampling rate of a channel in hertz.
fn min_rate_hz(channel: Channel) -> f64 {
    match channel {
        Channel::EegC3A2 | Channel::EegC4A1 | Channel::EmgChin | Channel::Ecg => 50.0,
        Channel::EogLeft | Channel::EogRight => 25.0,
        Channel::Abdomen | Channel::Thorax | Channel::Airflow => 1.0,
        // One sample per data record suffices.
        Channel::Position => 1e-3,
    }
}
