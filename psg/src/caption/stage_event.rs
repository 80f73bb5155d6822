//! Sentences about the stage and the events of an epoch.

use std::collections::BTreeMap;

use super::EpochFacts;
use super::maker::Draw;
use super::templates::TEMPLATES;
use crate::{Event, EventKind};

/// From this number on, waves and spindles are many.
const MANY: usize = 6;

/// Returns the sentences of a stage and event caption, the stage first.
pub(super) fn sentences(facts: &EpochFacts, draw: &mut Draw) -> Vec<String> {
    let mut sentences: Vec<String> = stage(facts, draw).into_iter().collect();
    let (micro, scored) = split(&facts.events);
    sentences.extend(scored.iter().map(|event| timed(event, draw)));
    sentences.extend(micro.into_iter().map(|(kind, count)| counted(kind, count, draw)));
    if facts.events.is_empty() && facts.events_scored {
        sentences.push(draw.pick(&TEMPLATES.event.none).to_owned());
    }
    sentences
}

/// Returns short phrases: the stage first where it is known, then the events without their times.
pub(super) fn phrases(facts: &EpochFacts, draw: &mut Draw) -> Vec<String> {
    let mut phrases: Vec<String> = stage(facts, draw).into_iter().collect();
    let (micro, scored) = split(&facts.events);
    let mut kinds: Vec<EventKind> = scored.iter().map(|event| event.kind).collect();
    kinds.dedup();
    phrases.extend(kinds.into_iter().map(|kind| untimed(kind, draw)));
    for (kind, count) in micro {
        phrases.push(if count == 1 || draw.chance(0.3) {
            untimed(kind, draw)
        } else {
            counted(kind, count, draw)
        });
    }
    phrases
}

fn stage(facts: &EpochFacts, draw: &mut Draw) -> Option<String> {
    Some(draw.pick(&TEMPLATES.stage[&facts.stage?]).to_owned())
}

/// Parts the events that are told by their number from those that are told one by one.
fn split(events: &[Event]) -> (BTreeMap<EventKind, usize>, Vec<&Event>) {
    let mut micro = BTreeMap::new();
    let mut scored = Vec::new();
    for event in events {
        if TEMPLATES.micro.names.contains_key(&event.kind) {
            *micro.entry(event.kind).or_default() += 1;
        } else {
            scored.push(event);
        }
    }
    (micro, scored)
}

fn timed(event: &Event, draw: &mut Draw) -> String {
    let name = draw.pick(&TEMPLATES.event.names[&event.kind]);
    let sentence = draw.pick(&TEMPLATES.event.timed).replace("{name}", name);
    let sentence = sentence.replace("{begin}", &format!("{:.1}", event.onset_s));
    sentence.replace("{end}", &format!("{:.1}", event.end_s()))
}

fn untimed(kind: EventKind, draw: &mut Draw) -> String {
    let name = draw.pick(&TEMPLATES.event.names[&kind]);
    draw.pick(&TEMPLATES.event.untimed).replace("{name}", name)
}

fn counted(kind: EventKind, count: usize, draw: &mut Draw) -> String {
    if count == 1 {
        return untimed(kind, draw);
    }
    let names = draw.pick(&TEMPLATES.micro.names[&kind]);
    let sentences = if count >= MANY { &TEMPLATES.micro.many } else { &TEMPLATES.micro.few };
    draw.pick(sentences).replace("{names}", names).replace("{count}", &count.to_string())
}
