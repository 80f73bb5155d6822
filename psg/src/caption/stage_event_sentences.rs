//! Sentences about the stage and the events of an epoch.

use std::collections::BTreeMap;

use super::EpochFacts;
use super::caption_claim::{CaptionClaim, Sentence};
use super::generate::SeededChoice;
use super::templates::{EventWords, StageWords, TEMPLATES};
use super::wording_grammar::{bare, capitalised, named, sentence, statement};
use crate::sleep::{Event, EventKind};

/// Minimum number of waves or spindles that are called "many".
pub(super) const MANY: usize = 6;

/// Returns the sentences of a stage and event caption, the stage first.
pub(super) fn sentences(facts: &EpochFacts, draw: &mut SeededChoice) -> Vec<Sentence> {
    let mut sentences: Vec<Sentence> = stage(facts, draw).into_iter().collect();
    let (counted_kinds, scored) = split(&facts.events);
    sentences.extend(scored.iter().map(|event| timed(event, draw)));
    sentences.extend(counted_kinds.into_iter().map(|(kind, count)| counted(kind, count, draw)));
    if facts.events.is_empty() && facts.events_scored {
        sentences.push(Sentence::new(draw.pick(&TEMPLATES.event.none), CaptionClaim::NoEvents));
    }
    sentences
}

/// Returns a sentence that names the stage, or `None` if it is unknown.
pub(super) fn stage(facts: &EpochFacts, draw: &mut SeededChoice) -> Option<Sentence> {
    let stage = facts.stage?;
    Some(Sentence::new(
        stage_words(&TEMPLATES.stage.stage[&stage], draw),
        CaptionClaim::Stage(stage),
    ))
}

fn stage_words(words: &StageWords, draw: &mut SeededChoice) -> String {
    if draw.chance(0.3) {
        let who = draw.pick(&TEMPLATES.phrase.who);
        return sentence(&format!("{who} is {}", draw.pick(&words.states)));
    }
    let noun = draw.pick(&words.nouns);
    sentence(&draw.pick(&TEMPLATES.stage.sentences).replace("{noun}", noun))
}

/// Returns a short sentence for each kind of event, without times.
pub(super) fn events(facts: &EpochFacts, draw: &mut SeededChoice) -> Vec<Sentence> {
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

/// Separates the kinds that are counted from the events that are listed one by one.
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

fn timed(event: &Event, draw: &mut SeededChoice) -> Sentence {
    let name = draw.pick(&TEMPLATES.event.event[&event.kind].names);
    let text = capitalised(&named(draw.pick(&TEMPLATES.event.timed), name));
    let text = text.replace("{begin}", &format!("{:.1}", event.onset_s));
    Sentence::precise(text.replace("{end}", &format!("{:.1}", event.end_s())))
}

/// Returns a sentence as in a search: singular, plural or a clause, all of which mean at least one event of the kind or
/// of a family of kinds.
fn searched(kind: EventKind, draw: &mut SeededChoice) -> Sentence {
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

/// Returns the words of a kind, or in two of five cases of a family to which it belongs, with their claim.
pub(super) fn words_of(
    kind: EventKind,
    draw: &mut SeededChoice,
) -> (&'static EventWords, CaptionClaim) {
    let families: Vec<_> = TEMPLATES.event.family.iter().filter(|(it, _)| it.holds(kind)).collect();
    if families.is_empty() || draw.chance(0.6) {
        return (&TEMPLATES.event.event[&kind], CaptionClaim::has_event(kind));
    }
    let (family, words) = families[draw.below(families.len())];
    (words, CaptionClaim::AnyEvent(*family))
}

fn counted(kind: EventKind, count: usize, draw: &mut SeededChoice) -> Sentence {
    let words = &TEMPLATES.event.event[&kind];
    if count == 1 {
        let text = named(draw.pick(&TEMPLATES.event.untimed), draw.pick(&words.names));
        return Sentence::new(capitalised(&text), CaptionClaim::has_event(kind));
    }
    let (sentences, claim) = number_of(kind, count);
    let text = draw.pick(sentences).replace("{names}", draw.pick(&words.plurals));
    Sentence::new(capitalised(&text.replace("{count}", &count.to_string())), claim)
}

/// Returns the sentences that count two or more events, with their claim.
fn number_of(kind: EventKind, count: usize) -> (&'static [String], CaptionClaim) {
    if count >= MANY {
        let claim = CaptionClaim::Events { kind, at_least: MANY, at_most: usize::MAX };
        (&TEMPLATES.event.many, claim)
    } else {
        (&TEMPLATES.event.few, CaptionClaim::Events { kind, at_least: count, at_most: count })
    }
}

/// Returns a search term for a number of events, such as `4 spindles` or `many spindles`, with its claim.
pub(super) fn counted_noun(
    kind: EventKind,
    count: usize,
    draw: &mut SeededChoice,
) -> (String, CaptionClaim) {
    let words = &TEMPLATES.event.event[&kind];
    if count == 1 {
        return (bare(draw.pick(&words.names)).to_owned(), CaptionClaim::has_event(kind));
    }
    let names = draw.pick(&words.plurals);
    let (_, claim) = number_of(kind, count);
    let text = if count >= MANY { format!("many {names}") } else { format!("{count} {names}") };
    (text, claim)
}
