//! Tells by the labels of a file which profile it is to be read by.

use nocturne_edf::EdfHeader;

use super::label::normalised;
use super::resolve::Finder;
use super::{Channel, Profile, ResolvedChannel, embedded};
use crate::error::quoted;
use crate::{Warning, WarningCode};

/// Labels that a reason names.
const FEW: usize = 4;

/// The profile that a file's labels speak for.
pub(super) struct Detected {
    pub(super) profile: &'static Profile,
    pub(super) reason: String,
    pub(super) warning: Option<Warning>,
}

/// What speaks for a profile.
struct Evidence {
    profile: &'static Profile,
    /// Labels of the file by which the profile is known, as the file writes them.
    found: Vec<String>,
    n_certain: usize,
    /// Labels of the file that many profiles have.
    n_also: usize,
}

impl Evidence {
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

    /// A certain label counts as much as several others have to.
    fn own_points(&self) -> usize {
        self.found.len() + self.n_certain * self.profile.detect.least().saturating_sub(1)
    }

    fn points(&self) -> usize {
        self.own_points() + self.n_also
    }

    fn is_enough(&self) -> bool {
        !self.found.is_empty() && self.own_points() >= self.profile.detect.least()
    }

    fn sentence(&self) -> String {
        let n_known = self.profile.detect.certain.len() + self.profile.detect.labels.len();
        let mut named: Vec<String> = self.found.iter().take(FEW).map(|it| quoted(it)).collect();
        if self.found.len() > FEW {
            named.push("…".to_owned());
        }
        format!(
            "the file has {} of the {n_known} labels by which `{}` is known: {}",
            self.found.len(),
            self.profile.name,
            named.join(", ")
        )
    }
}

/// Chooses the profile with the most labels of its own in the file.
///
/// A profile whose channels are partly missing still counts by those that are there. Where several profiles have as many,
/// rates and units decide; where they do not, and the profiles would read the file differently, none of them is taken.
pub(super) fn detect(header: &EdfHeader) -> Detected {
    let mut evidence: Vec<Evidence> =
        embedded::all().iter().map(|profile| Evidence::of(profile, header)).collect();
    evidence.sort_by_key(|it| std::cmp::Reverse(it.points()));
    let (enough, weak): (Vec<_>, Vec<_>) = evidence.into_iter().partition(Evidence::is_enough);
    let Some(best) = enough.first() else {
        return general(weak.iter().find(|it| !it.found.is_empty()), None);
    };
    let tied: Vec<&Evidence> = enough.iter().filter(|it| it.points() == best.points()).collect();
    let tied = fitting_best(&tied, header);
    let [first, others @ ..] = tied.as_slice() else { return general(None, None) };
    if others.is_empty() {
        let next = enough.iter().chain(&weak).find(|it| it.profile.name != first.profile.name);
        let next = next.filter(|it| !it.found.is_empty()).map_or_else(String::new, |it| {
            format!("; next is `{}` with {}", it.profile.name, it.found.len())
        });
        let reason = format!("{}{next}", first.sentence());
        return Detected { profile: first.profile, reason, warning: None };
    }
    let names: Vec<String> = tied.iter().map(|it| format!("`{}`", it.profile.name)).collect();
    let names = names.join(", ");
    let differing = differing_channels(&tied, header);
    if differing.is_empty() {
        let reason = format!(
            "{}; of {names}, which fit equally and read every channel alike, it is the first",
            first.sentence()
        );
        return Detected { profile: first.profile, reason, warning: None };
    }
    let message = format!(
        "the labels speak equally for the profiles {names}, which read {} differently; read by `general` until one of them is chosen",
        differing.join(", ")
    );
    general(None, Some(Warning::new(WarningCode::Profile, message)))
}

/// Falls back to the profile that fits any file.
fn general(nearest: Option<&Evidence>, warning: Option<Warning>) -> Detected {
    let reason = match (&warning, nearest) {
        (Some(warning), _) => warning.message.clone(),
        (None, None) => "no other profile knows the file's labels".to_owned(),
        (None, Some(nearest)) => format!(
            "no other profile knows enough of the file's labels; {}, and {} are needed",
            nearest.sentence(),
            nearest.profile.detect.least()
        ),
    };
    Detected { profile: embedded::general(), reason, warning }
}

/// Returns those of the profiles whose rates and units agree with most signals of the file.
fn fitting_best<'a>(tied: &[&'a Evidence], header: &EdfHeader) -> Vec<&'a Evidence> {
    let agreements = |it: &Evidence| Finder::new(header, it.profile).n_agreements();
    let counts: Vec<usize> = tied.iter().map(|it| agreements(it)).collect();
    let most = counts.iter().max().copied().unwrap_or_default();
    tied.iter().zip(counts).filter(|(_, count)| *count == most).map(|(it, _)| *it).collect()
}

/// Returns the channels that the profiles would not all read alike.
fn differing_channels(tied: &[&Evidence], header: &EdfHeader) -> Vec<&'static str> {
    let read = |it: &&Evidence| Finder::new(header, it.profile).channels();
    let readings: Vec<Vec<ResolvedChannel>> = tied.iter().map(read).collect();
    let is_differing = |channel: &Channel| {
        let way = |i: usize| {
            let resolved = readings[i].iter().find(|it| it.channel == *channel)?;
            let codes = (*channel == Channel::Position).then_some(&tied[i].profile.positions);
            Some((way_of_reading(resolved), codes))
        };
        (1..readings.len()).any(|i| way(i) != way(0))
    };
    Channel::ALL.into_iter().filter(is_differing).map(Channel::name).collect()
}

/// Returns what decides the values of a channel; the sign of a chin EMG says nothing.
fn way_of_reading(resolved: &ResolvedChannel) -> (usize, Option<usize>, Option<super::Polarity>) {
    match (resolved.channel, resolved.minus) {
        (Channel::EmgChin, Some(minus)) => {
            (resolved.plus.min(minus), Some(resolved.plus.max(minus)), None)
        }
        _ => (resolved.plus, resolved.minus, Some(resolved.polarity)),
    }
}
