//! Learns a calibration from the scored nights of a collection.

use nocturne_concepts::calibration::{
    Calibration, EventLabels, FOLDS, MIN_CHANNELS, MIN_NIGHTS, NightPair, Population, fit_curves,
    fit_measure,
};
use nocturne_concepts::{EncodedNight, Registry, Source, Track};
use nocturne_index::Filter;
use serde::Serialize;

use crate::calibration::scored_nights::{self, LeftOutNight};
use crate::error::{Error, Result};
use crate::grammar::Quantity;
use crate::live::live_collection::PinnedSpace;
use crate::question::nights::night::{Estimates, Night};

/// Which nights to learn from.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrationRequest {
    /// The recordings.
    pub filter: Filter,
    /// What a reader knows the nights by, such as the name of a cohort.
    pub name: String,
}

/// What was learned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalibrationReport {
    /// The calibration, for the file beside the bundle.
    pub calibration: Calibration,
    /// Recordings that were not used.
    pub left_out: Vec<LeftOutNight>,
}

/// See [`Engine::calibrate`](crate::Engine::calibrate).
pub(crate) fn calibrate(
    space: &PinnedSpace,
    request: &CalibrationRequest,
    mut progress: impl FnMut(&str),
) -> Result<CalibrationReport> {
    let mut nights: Vec<EncodedNight> = Vec::new();
    let left_out = scored_nights::for_each(space, &request.filter, |_, night| {
        nights.push(night);
        Ok(())
    })?;
    let population = population(&nights, &request.name)?;
    progress(&format!("{} nights read", nights.len()));
    let registry = space.bundle.registry();
    let learner = Learner { space, registry, nights: &nights };
    let (mut calibration, folds) = learner.fit(&population)?;
    progress(&format!("{} concepts fitted", calibration.concepts.len()));
    learner.judge(&mut calibration, &folds);
    let tracks = learner.tracks(&folds)?;
    for quantity in scored_nights::measures(registry) {
        let pairs = pairs(registry, &tracks, &quantity);
        let is_constant = pairs.windows(2).all(|pair| pair[0].truth == pair[1].truth);
        if pairs.len() >= FOLDS && !is_constant {
            calibration.measures.push(fit_measure(&quantity.to_string(), &pairs));
        }
    }
    progress(&format!("{} measures fitted", calibration.measures.len()));
    Ok(CalibrationReport { calibration, left_out })
}

/// Returns the population of nights.
///
/// # Errors
///
/// [`Error::Field`] if there are too few of them, or if some are simulated and some are not.
fn population(nights: &[EncodedNight], name: &str) -> Result<Population> {
    if nights.len() < MIN_NIGHTS {
        let expected = format!(
            "at least {MIN_NIGHTS} nights with scored stages and events, 2 h of sleep and {MIN_CHANNELS} channels"
        );
        return Err(Error::field("nights", nights.len(), expected));
    }
    let origin = scored_nights::origin(&nights[0]);
    let n_others = nights.iter().filter(|night| scored_nights::origin(night) != origin).count();
    if n_others > 0 {
        let mixed =
            format!("{} of one origin and {n_others} of the other", nights.len() - n_others);
        return Err(Error::field("nights", mixed, "only simulated or only recorded nights"));
    }
    Ok(Population {
        origin,
        name: name.to_owned(),
        nights: nights.len(),
        min_channels: MIN_CHANNELS,
    })
}

/// What is learned from.
struct Learner<'a> {
    space: &'a PinnedSpace,
    registry: &'a Registry,
    nights: &'a [EncodedNight],
}

impl Learner<'_> {
    /// Fits curves to all nights, and for each fold to the nights of the others.
    fn fit(&self, population: &Population) -> Result<(Calibration, Vec<Calibration>)> {
        let fit = |fold: Option<usize>| {
            let rest = self.nights.iter().enumerate();
            let rest = rest.filter(|(i, _)| fold.is_none_or(|fold| i % FOLDS != fold));
            let rest: Vec<&EncodedNight> = rest.map(|(_, night)| night).collect();
            let mut calibration = Calibration::new(
                self.space.bundle.fingerprint.clone(),
                self.registry.fingerprint().to_owned(),
                population.clone(),
            );
            calibration.concepts = fit_curves(&rest, self.registry);
            calibration
        };
        std::thread::scope(|threads| {
            let folds: Vec<_> =
                (0..FOLDS).map(|fold| threads.spawn(move || fit(Some(fold)))).collect();
            let all = fit(None);
            let folds = folds.into_iter().map(|it| it.join().map_err(|_| Error::EncoderLost));
            Ok((all, folds.collect::<Result<_>>()?))
        })
    }

    /// Sets thresholds and qualities by the fold that each night was not fitted to. A concept that some fold has too few
    /// epochs for is left out.
    fn judge(&self, calibration: &mut Calibration, folds: &[Calibration]) {
        let is_everywhere = |id: &String| folds.iter().all(|it| it.concepts.contains_key(id));
        calibration.concepts.retain(|id, _| is_everywhere(id));
        for (id, model) in &mut calibration.concepts {
            let Some(concept) = self.registry.get(id) else { continue };
            let labels = EventLabels::new(concept, self.registry);
            let mut held_out = Vec::new();
            for (i, night) in self.nights.iter().enumerate().filter(|(_, it)| labels.is_scored(it))
            {
                let curve = &folds[i % FOLDS].concepts[id];
                let judged = labels.judged(night).into_iter();
                held_out.extend(
                    judged.map(|(row, has_it)| (curve.probability(&night.embeddings[row]), has_it)),
                );
            }
            model.judge(&held_out);
        }
    }

    /// Returns the track of each night, with the curves of the fold that the night is not part of.
    fn tracks(&self, folds: &[Calibration]) -> Result<Vec<Track>> {
        let builders = folds.iter().map(|fold| self.space.bundle.track_builder_with(Some(fold)));
        let builders = builders.collect::<Result<Vec<_>>>()?;
        let track = |(i, night): (usize, &EncodedNight)| {
            Ok(Track::from_vec(builders[i % FOLDS].build(night).to_bytes())?)
        };
        self.nights.iter().enumerate().map(track).collect()
    }
}

/// Returns what the model finds in each night, and what was scored; nights without either are left out.
fn pairs(registry: &Registry, tracks: &[Track], quantity: &Quantity) -> Vec<NightPair> {
    let value = |track: &Track, source: Source| {
        let night = Night::new(track, registry, Estimates::AsFound, Some(source), None);
        let measured = night.measure(quantity).ok().filter(|it| it.source == source);
        measured.map(|it| it.value)
    };
    let pair = |track: &Track| {
        Some(NightPair {
            found: value(track, Source::Model)?,
            truth: value(track, Source::Scored)?,
        })
    };
    tracks.iter().filter_map(pair).collect()
}
