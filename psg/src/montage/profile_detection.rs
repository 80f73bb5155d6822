//! Detects the profile of a file from its labels.

use nocturne_edf::EdfHeader;

use super::labels::normalised;
use super::resolve::SignalFinder;
use super::{Channel, Profile, ResolvedChannel, embedded_profiles};
use crate::error::quoted;
use crate::warning::{Warning, WarningCode};

/// Maximum number of labels in a reason.
const MAX_NAMED: usize = 4;

/// The detected profile and why it was chosen.
pub(super) struct DetectedProfile {
    pub(super) profile: &'static Profile,
    pub(super) reason: String,
    pub(super) warning: Option<Warning>,
}

/// The evidence for a profile in a file.
struct ProfileEvidence {
    profile: &'static Profile,
    /// Detection labels of the profile that the file has, as written in the file.
    found: Vec<String>,
    n_certain: usize,
    /// Number of labels in common that many profiles have.
    n_also: usize,
}

impl ProfileEvidence {
    fn of(profile: &'static Profile, header: &EdfHeader) -> Self {
        let has = |label: &&String| {
            let mut signals = header.signals.iter().filter(|signal| !signal.is_annotations);
            signals.any(|signal| normalised(&signal.label) == **label)
        };
        let written = |label: &String| {
            let signal = header.signals.iter().find(|it| normalised(&it.label) == *label);
            signal.map_or_else(|| label.clone(), |signal| signal.label.clone())
        };
        let certain: Vec<String> = profile.detect.certain.iter().filter(has).map(written).collect();
        let n_certain = certain.len();
        let labels = profile.detect.labels.iter().filter(has).map(written);
        let found = certain.into_iter().chain(labels).collect();
        let n_also = profile.detect.also.iter().filter(has).count();
        Self { profile, found, n_certain, n_also }
    }

    /// Returns the score of the distinctive labels; a certain label counts as much as the required minimum.
    fn own_points(&self) -> usize {
        self.found.len() + self.n_certain * self.profile.detect.min_labels().saturating_sub(1)
    }

    fn points(&self) -> usize {
        self.own_points() + self.n_also
    }

    fn is_enough(&self) -> bool {
        !self.found.is_empty() && self.own_points() >= self.profile.detect.min_labels()
    }

    fn sentence(&self) -> String {
        let n_known = self.profile.detect.certain.len() + self.profile.detect.labels.len();
        let mut named: Vec<String> =
            self.found.iter().take(MAX_NAMED).map(|it| quoted(it)).collect();
        if self.found.len() > MAX_NAMED {
            named.push("…".to_owned());
        }
        format!(
            "the file has {} of the {n_known} detection labels of `{}`: {}",
            self.found.len(),
            self.profile.name,
            named.join(", ")
        )
    }
}

/// Chooses the profile with the most detection labels in the file.
///
/// Missing channels do not exclude a profile. If several profiles have equally many labels, rates and units decide. If
/// they do not, and the profiles would read the file differently, the general profile is used with a warning.
pub(super) fn detect(header: &EdfHeader) -> DetectedProfile {
    let mut evidence: Vec<ProfileEvidence> = embedded_profiles::all()
        .iter()
        .map(|profile| ProfileEvidence::of(profile, header))
        .collect();
    evidence.sort_by_key(|it| std::cmp::Reverse(it.points()));
    let (enough, weak): (Vec<_>, Vec<_>) =
        evidence.into_iter().partition(ProfileEvidence::is_enough);
    let Some(best) = enough.first() else {
        return general(weak.iter().find(|it| !it.found.is_empty()), None);
    };
    let tied: Vec<&ProfileEvidence> =
        enough.iter().filter(|it| it.points() == best.points()).collect();
    let tied = best_by_rates_and_units(&tied, header);
    let [first, others @ ..] = tied.as_slice() else { return general(None, None) };
    if others.is_empty() {
        let next = enough.iter().chain(&weak).find(|it| it.profile.name != first.profile.name);
        let next = next.filter(|it| !it.found.is_empty()).map_or_else(String::new, |it| {
            format!("; the next best is `{}` with {}", it.profile.name, it.found.len())
        });
        let reason = format!("{}{next}", first.sentence());
        return DetectedProfile { profile: first.profile, reason, warning: None };
    }
    let names: Vec<String> = tied.iter().map(|it| format!("`{}`", it.profile.name)).collect();
    let names = names.join(", ");
    let differing = differing_channels(&tied, header);
    if differing.is_empty() {
        let reason = format!(
            "{}; {names} match equally and read every channel alike, so the first is used",
            first.sentence()
        );
        return DetectedProfile { profile: first.profile, reason, warning: None };
    }
    let message = format!(
        "the labels match the profiles {names} equally, which read {} differently; falling back to `general`: choose a profile by name",
        differing.join(", ")
    );
    general(None, Some(Warning::new(WarningCode::Profile, message)))
}

/// Falls back to the general profile.
fn general(nearest: Option<&ProfileEvidence>, warning: Option<Warning>) -> DetectedProfile {
    let reason = match (&warning, nearest) {
        (Some(warning), _) => warning.message.clone(),
        (None, None) => "no other profile matches the labels".to_owned(),
        (None, Some(nearest)) => format!(
            "no other profile matches enough labels: {}, but {} are required",
            nearest.sentence(),
            nearest.profile.detect.min_labels()
        ),
    };
    DetectedProfile { profile: embedded_profiles::general(), reason, warning }
}

/// Returns the profiles whose rates and units agree with the most signals of the file.
fn best_by_rates_and_units<'a>(
    tied: &[&'a ProfileEvidence],
    header: &EdfHeader,
) -> Vec<&'a ProfileEvidence> {
    let agreements = |it: &ProfileEvidence| SignalFinder::new(header, it.profile).n_agreements();
    let counts: Vec<usize> = tied.iter().map(|it| agreements(it)).collect();
    let most = counts.iter().max().copied().unwrap_or_default();
    tied.iter().zip(counts).filter(|(_, count)| *count == most).map(|(it, _)| *it).collect()
}

/// Returns the channels that the profiles would read differently.
fn differing_channels(tied: &[&ProfileEvidence], header: &EdfHeader) -> Vec<&'static str> {
    let read = |it: &&ProfileEvidence| SignalFinder::new(header, it.profile).channels();
    let readings: Vec<Vec<ResolvedChannel>> = tied.iter().map(read).collect();
    let is_differing = |channel: &Channel| {
        let reading = |i: usize| {
            let resolved = readings[i].iter().find(|it| it.channel == *channel)?;
            let codes = (*channel == Channel::Position).then_some(&tied[i].profile.positions);
            Some((reading_of(resolved), codes))
        };
        (1..readings.len()).any(|i| reading(i) != reading(0))
    };
    Channel::ALL.into_iter().filter(is_differing).map(Channel::name).collect()
}

/// Returns what determines the values of a channel. The sign of a bipolar chin EMG is irrelevant.
fn reading_of(resolved: &ResolvedChannel) -> (usize, Option<usize>, Option<super::Polarity>) {
    match (resolved.channel, resolved.minus) {
        (Channel::EmgChin, Some(minus)) => {
            (resolved.plus.min(minus), Some(resolved.plus.max(minus)), None)
        }
        _ => (resolved.plus, resolved.minus, Some(resolved.polarity)),
    }
}
