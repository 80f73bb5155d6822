//! Sentences about the stage and the events of an epoch.

use std::collections::BTreeMap;

use super::EpochFacts;
use super::claim::{Claim, Sentence};
use super::maker::Draw;
use super::templates::TEMPLATES;
use crate::{Event, EventKind};

/// From this number on, waves and spindles are many.
const MANY: usize = 6;

/// Returns the sentences of a stage and event caption, the stage first.
pub(super) fn sentences(facts: &EpochFacts, draw: &mut Draw) -> Vec<Sentence> {
    let mut sentences: Vec<Sentence> = stage(facts, draw).into_iter().collect();
    let (micro, scored) = split(&facts.events);
    sentences.extend(scored.iter().map(|event| timed(event, draw)));
    sentences.extend(micro.into_iter().map(|(kind, count)| counted(kind, count, draw)));
    if facts.events.is_empty() && facts.events_scored {
        sentences.push(Sentence::new(draw.pick(&TEMPLATES.event.none), Claim::NoEvents));
    }
    sentences
}

/// Returns a sentence that names the stage, where it is known.
pub(super) fn stage(facts: &EpochFacts, draw: &mut Draw) -> Option<Sentence> {
    let stage = facts.stage?;
    Some(Sentence::new(draw.pick(&TEMPLATES.stage[&stage]), Claim::Stage(stage)))
}

/// Returns a short sentence for each kind of event, without times.
pub(super) fn events(facts: &EpochFacts, draw: &mut Draw) -> Vec<Sentence> {
    let (micro, scored) = split(&facts.events);
    let mut kinds: Vec<EventKind> = scored.iter().map(|event| event.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut sentences: Vec<Sentence> = kinds.into_iter().map(|kind| untimed(kind, draw)).collect();
    for (kind, count) in micro {
        let is_loose = draw.chance(0.3);
        sentences.push(if is_loose { untimed(kind, draw) } else { counted(kind, count, draw) });
    }
    sentences
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

fn timed(event: &Event, draw: &mut Draw) -> Sentence {
    let name = draw.pick(&TEMPLATES.event.names[&event.kind]);
    let sentence = draw.pick(&TEMPLATES.event.timed).replace("{name}", name);
    let sentence = sentence.replace("{begin}", &format!("{:.1}", event.onset_s));
    Sentence::precise(sentence.replace("{end}", &format!("{:.1}", event.end_s())))
}

fn untimed(kind: EventKind, draw: &mut Draw) -> Sentence {
    let name = draw.pick(&TEMPLATES.event.names[&kind]);
    Sentence::new(draw.pick(&TEMPLATES.event.untimed).replace("{name}", name), Claim::has(kind))
}

fn counted(kind: EventKind, count: usize, draw: &mut Draw) -> Sentence {
    if count == 1 {
        return untimed(kind, draw);
    }
    let names = draw.pick(&TEMPLATES.micro.names[&kind]);
    let (sentences, at_least, at_most) = if count >= MANY {
        (&TEMPLATES.micro.many, MANY, usize::MAX)
    } else {
        (&TEMPLATES.micro.few, count, count)
    };
    let text =
        draw.pick(sentences).replace("{names}", names).replace("{count}", &count.to_string());
    Sentence::new(text, Claim::Events { kind, at_least, at_most })
}
