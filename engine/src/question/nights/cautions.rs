//! Limits of an answer about nights to keep in mind.

use std::collections::BTreeSet;

use nocturne_concepts::Source;
use nocturne_concepts::calibration::{MIN_CHANNELS, Origin};
use nocturne_psg::annotation::{AUTOMATIC, STAGE_SOURCE};
use nocturne_psg::montage::Channel;
use nocturne_psg::statistics::least_minutes;

use crate::grammar::Question;
use crate::live::live_collection::PinnedSpace;
use crate::question::nights::judge::JudgedNight;
use crate::question::nights::value::NoInterval;

/// Returns the cautions about an answer, the most important first.
pub(super) fn cautions(
    space: &PinnedSpace,
    question: &Question,
    nights: &[JudgedNight],
) -> Vec<String> {
    let modelled: Vec<&JudgedNight> = nights
        .iter()
        .filter(|night| night.hit.values.iter().any(|it| it.source == Source::Model))
        .collect();
    let mut cautions: Vec<String> = experimental(space, question).collect();
    let bundle = &space.bundle.manifest.name;
    let simulated =
        space.bundle.calibration().is_some_and(|it| it.population.origin == Origin::Simulated);
    let n_people = modelled.iter().filter(|night| !night.track.is_simulated()).count();
    if simulated && n_people > 0 {
        cautions.push(format!(
            "the bundle `{bundle}` was calibrated on simulated nights only; on {n_people} recorded nights its numbers are \
             estimates without an interval, not for publication"
        ));
    }
    let n_automatic = automatic(space, nights);
    if n_automatic > 0 {
        cautions.push(format!(
            "the stages of {n_automatic} nights are those of a program, not of a person, although their source is `scored`"
        ));
    }
    let with = |reason: NoInterval| {
        let has = |night: &&&JudgedNight| {
            night.hit.values.iter().any(|it| it.no_interval == Some(reason))
        };
        modelled.iter().filter(has).count()
    };
    let n_poor = with(NoInterval::FewChannels);
    if n_poor > 0 {
        let all = Channel::COUNT;
        cautions.push(format!("{n_poor} nights have fewer than {MIN_CHANNELS} of the {all} channels; their numbers may be far off"));
    }
    let n_short = with(NoInterval::LittleSleep);
    if n_short > 0 {
        let least = least_minutes::INTERVAL;
        cautions.push(format!("{n_short} nights have less than {least:.0} min of sleep; their numbers have no interval"));
    }
    cautions
}

/// Returns the number of nights with a scored value whose stages a program scored, by the metadata that indexing stores.
fn automatic(space: &PinnedSpace, nights: &[JudgedNight]) -> usize {
    let entries = space.snapshot().entries();
    let by_program: BTreeSet<&str> = entries
        .iter()
        .filter(|entry| entry.metadata.get(STAGE_SOURCE).is_some_and(|it| it == AUTOMATIC))
        .map(|entry| entry.id.as_str())
        .collect();
    let is_scored = |night: &&JudgedNight| {
        night.hit.values.iter().any(|it| it.source == Source::Scored)
            && by_program.contains(night.hit.recording.as_str())
    };
    nights.iter().filter(is_scored).count()
}

/// Returns a caution for each concept of a question that no accepted standard defines.
fn experimental<'a>(
    space: &'a PinnedSpace,
    question: &'a Question,
) -> impl Iterator<Item = String> + 'a {
    let quantities = question.ordering().map(|it| it.by).into_iter();
    let quantities = quantities.chain(question.quantities().into_iter().cloned());
    let mut ids: Vec<String> = Vec::new();
    for quantity in quantities {
        for measure in std::iter::once(&quantity.measure).chain(&quantity.over) {
            let parts = [measure.aggregate.expression(), measure.scope.states.as_ref()];
            for id in parts.into_iter().flatten().flat_map(|part| part.concepts()) {
                if !ids.iter().any(|known| known == id) {
                    ids.push(id.to_owned());
                }
            }
        }
    }
    let is_experimental =
        |id: &String| space.bundle.registry().get(id).is_some_and(|it| it.experimental);
    ids.into_iter().filter(is_experimental).map(|id| {
        format!("`{id}` is experimental: no accepted standard defines it for a single epoch")
    })
}
