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
    let mut sentences: Vec<Sentence> = kinds.into_iter().map(|kind| searched(kind, draw)).collect();
    for (kind, count) in micro {
        let is_loose = draw.chance(0.3);
        sentences.push(if is_loose { searched(kind, draw) } else { counted(kind, count, draw) });
    }
    sentences
}

/// Parts the events that are told by their number from those that are told one by one.
fn split(events: &[Event]) -> (BTreeMap<EventKind, usize>, Vec<&Event>) {
    let mut micro = BTreeMap::new();
    let mut scored = Vec::new();
    for event in events {
        if TEMPLATES.micro.kinds.contains(&event.kind) {
            *micro.entry(event.kind).or_default() += 1;
        } else {
            scored.push(event);
        }
    }
    (micro, scored)
}

fn timed(event: &Event, draw: &mut Draw) -> Sentence {
    let name = draw.pick(&TEMPLATES.event.names[&event.kind]);
    let sentence = named(draw.pick(&TEMPLATES.event.timed), name);
    let sentence = sentence.replace("{begin}", &format!("{:.1}", event.onset_s));
    Sentence::precise(sentence.replace("{end}", &format!("{:.1}", event.end_s())))
}

fn untimed(kind: EventKind, draw: &mut Draw) -> Sentence {
    let name = draw.pick(&TEMPLATES.event.names[&kind]);
    Sentence::new(named(draw.pick(&TEMPLATES.event.untimed), name), Claim::has(kind))
}

/// Returns a sentence as people search: in the singular or in the plural, as both mean an epoch that has the kind.
fn searched(kind: EventKind, draw: &mut Draw) -> Sentence {
    let plural = if draw.chance(0.4) { loose(kind, draw) } else { None };
    plural.unwrap_or_else(|| untimed(kind, draw))
}

/// Returns the plural, as people search for a kind, however many there are; `None` where the kind has none.
fn loose(kind: EventKind, draw: &mut Draw) -> Option<Sentence> {
    let names = draw.pick(TEMPLATES.event.plurals.get(&kind)?);
    Some(Sentence::new(
        draw.pick(&TEMPLATES.event.loose).replace("{names}", names),
        Claim::has(kind),
    ))
}

fn counted(kind: EventKind, count: usize, draw: &mut Draw) -> Sentence {
    if count == 1 {
        return untimed(kind, draw);
    }
    let names = draw.pick(&TEMPLATES.event.plurals[&kind]);
    let (sentences, at_least, at_most) = if count >= MANY {
        (&TEMPLATES.micro.many, MANY, usize::MAX)
    } else {
        (&TEMPLATES.micro.few, count, count)
    };
    let text =
        draw.pick(sentences).replace("{names}", names).replace("{count}", &count.to_string());
    Sentence::new(text, Claim::Events { kind, at_least, at_most })
}

/// Puts the name into the sentence, with the article that it takes.
fn named(sentence: &str, name: &str) -> String {
    let begins_with_vowel = name.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']);
    let article = if begins_with_vowel { "n" } else { "" };
    let with_article = |a: &str| format!("{a}{article} {name}");
    sentence
        .replace("A {name}", &with_article("A"))
        .replace(" a {name}", &with_article(" a"))
        .replace("{name}", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_article() {
        assert_eq!(named("There is a {name}.", "arousal"), "There is an arousal.");
        assert_eq!(named("A {name} occurs.", "hypopnea"), "A hypopnea occurs.");
        assert_eq!(named("A {name} occurs.", "EEG arousal"), "An EEG arousal occurs.");
        assert_eq!(named("{name}.", "Apnea"), "Apnea.");
    }
}
