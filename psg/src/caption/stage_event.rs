//! Sentences about the stage and the events of an epoch.

use std::collections::BTreeMap;

use super::EpochFacts;
use super::claim::{Claim, Sentence};
use super::maker::Draw;
use super::templates::{EventWords, StageWords, TEMPLATES};
use super::text::{bare, capitalised, named, sentence, statement};
use crate::{Event, EventKind};

/// From this number on, waves and spindles are many.
pub(super) const MANY: usize = 6;

/// Returns the sentences of a stage and event caption, the stage first.
pub(super) fn sentences(facts: &EpochFacts, draw: &mut Draw) -> Vec<Sentence> {
    let mut sentences: Vec<Sentence> = stage(facts, draw).into_iter().collect();
    let (counted_kinds, scored) = split(&facts.events);
    sentences.extend(scored.iter().map(|event| timed(event, draw)));
    sentences.extend(counted_kinds.into_iter().map(|(kind, count)| counted(kind, count, draw)));
    if facts.events.is_empty() && facts.events_scored {
        sentences.push(Sentence::new(draw.pick(&TEMPLATES.event.none), Claim::NoEvents));
    }
    sentences
}

/// Returns a sentence that names the stage, where it is known.
pub(super) fn stage(facts: &EpochFacts, draw: &mut Draw) -> Option<Sentence> {
    let stage = facts.stage?;
    Some(Sentence::new(stage_words(&TEMPLATES.stage.stage[&stage], draw), Claim::Stage(stage)))
}

fn stage_words(words: &StageWords, draw: &mut Draw) -> String {
    if draw.chance(0.3) {
        let who = draw.pick(&TEMPLATES.phrase.who);
        return sentence(&format!("{who} is {}", draw.pick(&words.states)));
    }
    let noun = draw.pick(&words.nouns);
    sentence(&draw.pick(&TEMPLATES.stage.sentences).replace("{noun}", noun))
}

/// Returns a short sentence for each kind of event, without times.
pub(super) fn events(facts: &EpochFacts, draw: &mut Draw) -> Vec<Sentence> {
    let (counted_kinds, scored) = split(&facts.events);
    let mut kinds: Vec<EventKind> = scored.iter().map(|event| event.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut sentences: Vec<Sentence> = kinds.into_iter().map(|kind| searched(kind, draw)).collect();
    for (kind, count) in counted_kinds {
        let is_loose = draw.chance(0.3);
        sentences.push(if is_loose { searched(kind, draw) } else { counted(kind, count, draw) });
    }
    sentences
}

/// Parts the events that are told by their number from those that are told one by one.
pub(super) fn split(events: &[Event]) -> (BTreeMap<EventKind, usize>, Vec<&Event>) {
    let mut counted = BTreeMap::new();
    let mut scored = Vec::new();
    for event in events {
        if TEMPLATES.event.counted_kinds.contains(&event.kind) {
            *counted.entry(event.kind).or_default() += 1;
        } else {
            scored.push(event);
        }
    }
    (counted, scored)
}

fn timed(event: &Event, draw: &mut Draw) -> Sentence {
    let name = draw.pick(&TEMPLATES.event.event[&event.kind].names);
    let text = capitalised(&named(draw.pick(&TEMPLATES.event.timed), name));
    let text = text.replace("{begin}", &format!("{:.1}", event.onset_s));
    Sentence::precise(text.replace("{end}", &format!("{:.1}", event.end_s())))
}

/// Returns a sentence as people search: in the singular, in the plural or as a clause; all mean an epoch that has the
/// kind, or a family of kinds.
fn searched(kind: EventKind, draw: &mut Draw) -> Sentence {
    let (words, claim) = words_of(kind, draw);
    let text = if !words.clauses.is_empty() && draw.chance(0.25) {
        let clause = draw.pick(&words.clauses);
        sentence(&statement(clause, draw.pick(&TEMPLATES.phrase.who)))
    } else if draw.chance(0.4) {
        let names = draw.pick(&words.plurals);
        capitalised(&draw.pick(&TEMPLATES.event.loose).replace("{names}", names))
    } else {
        let name = draw.pick(&words.names);
        capitalised(&named(draw.pick(&TEMPLATES.event.untimed), name))
    };
    Sentence::new(text, claim)
}

/// Returns the words of a kind, or sometimes those of a family to which it belongs, and what they claim.
pub(super) fn words_of(kind: EventKind, draw: &mut Draw) -> (&'static EventWords, Claim) {
    let families: Vec<_> = TEMPLATES.event.family.iter().filter(|(it, _)| it.holds(kind)).collect();
    if families.is_empty() || draw.chance(0.6) {
        return (&TEMPLATES.event.event[&kind], Claim::has(kind));
    }
    let (family, words) = families[draw.below(families.len())];
    (words, Claim::AnyEvent(*family))
}

fn counted(kind: EventKind, count: usize, draw: &mut Draw) -> Sentence {
    let words = &TEMPLATES.event.event[&kind];
    if count == 1 {
        let text = named(draw.pick(&TEMPLATES.event.untimed), draw.pick(&words.names));
        return Sentence::new(capitalised(&text), Claim::has(kind));
    }
    let (sentences, claim) = number_of(kind, count);
    let text = draw.pick(sentences).replace("{names}", draw.pick(&words.plurals));
    Sentence::new(capitalised(&text.replace("{count}", &count.to_string())), claim)
}

/// Returns how two events or more are counted, and what that claims.
fn number_of(kind: EventKind, count: usize) -> (&'static [String], Claim) {
    if count >= MANY {
        let claim = Claim::Events { kind, at_least: MANY, at_most: usize::MAX };
        (&TEMPLATES.event.many, claim)
    } else {
        (&TEMPLATES.event.few, Claim::Events { kind, at_least: count, at_most: count })
    }
}

/// Returns what one looks for who wants events in such a number: `4 spindles`, `many spindles`.
pub(super) fn counted_noun(kind: EventKind, count: usize, draw: &mut Draw) -> (String, Claim) {
    let words = &TEMPLATES.event.event[&kind];
    if count == 1 {
        return (bare(draw.pick(&words.names)).to_owned(), Claim::has(kind));
    }
    let names = draw.pick(&words.plurals);
    let (_, claim) = number_of(kind, count);
    let text = if count >= MANY { format!("many {names}") } else { format!("{count} {names}") };
    (text, claim)
}
