//! Short phrases in plain words, such as a person would search for.

use super::claim::{Caption, Claim, StageFamily};
use super::maker::Draw;
use super::templates::{MeasureWords, PhraseTemplates, StageWords, TEMPLATES};
use super::text::{bare, capitalised, question, statement};
use super::words::{claims, holding};
use super::{EpochFacts, stage_event};
use crate::EventKind;
use crate::montage::Position;

/// Something that one looks for.
struct Thing {
    form: Form,
    text: String,
    claims: Vec<Claim>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `deep sleep`, `an arousal`, `fast breathing`.
    Noun,
    /// `in deep sleep`, behind "the sleeper is".
    State,
    /// `{who} stop[s] breathing`, as in the data.
    Clause,
}

/// Makes a phrase of one thing, or of two that are true of the epoch together.
///
/// Returns `None` where nothing is known.
pub(super) fn phrase(facts: &EpochFacts, draw: &mut Draw) -> Option<Caption> {
    let stage = stage(facts, draw);
    let mut others = events(facts, draw);
    others.extend(holding(facts).map(|words| measure(words, draw)));
    draw.shuffle(&mut others);
    let position = facts.features.position;
    // The stage is what most questions name; an event or a measure stands beside it or alone.
    let begins_with_stage = stage.is_some() && (others.is_empty() || draw.chance(0.5));
    let mut others = others.into_iter();
    let first = if begins_with_stage { stage } else { others.next() };
    let templates = &TEMPLATES.phrase;
    let Some(first) = first else {
        let position = position?;
        let words = draw.pick(&templates.position[&position]);
        return Some(finished(words.to_owned(), vec![Claim::Position(position)], draw));
    };
    if let Some(position) = position.filter(|_| draw.chance(0.15)) {
        if draw.chance(0.3) {
            let words = draw.pick(&templates.position[&position]);
            return Some(finished(words.to_owned(), vec![Claim::Position(position)], draw));
        }
        if first.form != Form::Clause {
            return Some(placed(first, position, draw));
        }
    }
    // What names a stage itself says nothing new beside a stage.
    let goes_with = |thing: &Thing| {
        thing.form == Form::Noun && !(first.names_a_stage() && thing.names_a_stage())
    };
    let second = others.find(goes_with).filter(|_| draw.chance(0.4));
    Some(match second {
        Some(second) if first.form != Form::Clause => pair(first, second, draw),
        Some(_) | None => alone(first, templates, draw),
    })
}

impl Thing {
    fn names_a_stage(&self) -> bool {
        self.claims.iter().any(|claim| matches!(claim, Claim::Stage(_) | Claim::AnyStage(_)))
    }

    /// Returns the words, without their article now and then.
    fn said(&self, draw: &mut Draw) -> String {
        let text =
            if self.form == Form::Noun && draw.chance(0.6) { bare(&self.text) } else { &self.text };
        text.to_owned()
    }
}

fn alone(thing: Thing, templates: &PhraseTemplates, draw: &mut Draw) -> Caption {
    let who = draw.pick(&templates.who);
    let said = thing.said(draw);
    let text = match thing.form {
        Form::Noun => draw.pick(&templates.nouns).replace("{x}", &said),
        Form::State => draw.pick(&templates.states).replace("{x}", &said).replace("{who}", who),
        Form::Clause if draw.chance(0.3) => {
            draw.pick(&templates.questions).replace("{x}", &question(&said, who))
        }
        Form::Clause => draw.pick(&templates.clauses).replace("{x}", &statement(&said, who)),
    };
    finished(text, thing.claims, draw)
}

/// Says that somebody lies in a position meanwhile.
fn placed(thing: Thing, position: Position, draw: &mut Draw) -> Caption {
    let templates = &TEMPLATES.phrase;
    let list = if thing.form == Form::State { &templates.states_placed } else { &templates.placed };
    let text = draw.pick(list).replace("{x}", &thing.said(draw));
    let text = text.replace("{at}", draw.pick(&templates.position[&position]));
    let text = text.replace("{who}", draw.pick(&templates.who));
    let claims = thing.claims.into_iter().chain([Claim::Position(position)]).collect();
    finished(text, claims, draw)
}

fn pair(first: Thing, second: Thing, draw: &mut Draw) -> Caption {
    let templates = &TEMPLATES.phrase;
    let list = if first.form == Form::State {
        &templates.states_with
    } else if first.names_a_stage() && draw.chance(0.5) {
        &templates.during
    } else {
        &templates.pairs
    };
    let text = draw.pick(list).replace("{x}", &first.said(draw));
    let text = text.replace("{and}", &second.said(draw));
    let text = text.replace("{who}", draw.pick(&templates.who));
    finished(text, first.claims.into_iter().chain(second.claims).collect(), draw)
}

/// Writes a phrase as people type: mostly in lower case.
fn finished(text: String, claims: Vec<Claim>, draw: &mut Draw) -> Caption {
    let text = if draw.chance(0.2) { capitalised(&text) } else { text };
    Caption { text, claims }
}

/// Returns the stage, or a word that holds for several stages.
fn stage(facts: &EpochFacts, draw: &mut Draw) -> Option<Thing> {
    let stage = facts.stage?;
    let families: Vec<StageFamily> =
        StageFamily::ALL.into_iter().filter(|family| family.holds(stage)).collect();
    if families.is_empty() || draw.chance(0.75) {
        return Some(staged(&TEMPLATES.stage.stage[&stage], Claim::Stage(stage), draw));
    }
    let family = families[draw.below(families.len())];
    Some(staged(&TEMPLATES.stage.family[&family], Claim::AnyStage(family), draw))
}

fn staged(words: &StageWords, claim: Claim, draw: &mut Draw) -> Thing {
    let (form, list) =
        if draw.chance(0.7) { (Form::Noun, &words.nouns) } else { (Form::State, &words.states) };
    Thing { form, text: draw.pick(list).to_owned(), claims: vec![claim] }
}

/// Returns what one looks for of each kind of event.
fn events(facts: &EpochFacts, draw: &mut Draw) -> Vec<Thing> {
    let (counted, scored) = stage_event::split(&facts.events);
    let mut kinds: Vec<EventKind> = scored.iter().map(|event| event.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut things: Vec<Thing> = kinds.into_iter().map(|kind| event(kind, draw)).collect();
    for (kind, count) in counted {
        things.push(if draw.chance(0.5) {
            let (text, claim) = stage_event::counted_noun(kind, count, draw);
            Thing { form: Form::Noun, text, claims: vec![claim] }
        } else {
            event(kind, draw)
        });
    }
    things
}

fn event(kind: EventKind, draw: &mut Draw) -> Thing {
    let (words, claim) = stage_event::words_of(kind, draw);
    let (form, list) = if !words.clauses.is_empty() && draw.chance(0.25) {
        (Form::Clause, &words.clauses)
    } else if draw.chance(0.5) {
        (Form::Noun, &words.plurals)
    } else {
        (Form::Noun, &words.names)
    };
    Thing { form, text: draw.pick(list).to_owned(), claims: vec![claim] }
}

fn measure(words: &MeasureWords, draw: &mut Draw) -> Thing {
    let n_nouns = words.nouns.len();
    let at = draw.below(n_nouns + words.clauses.len() + words.states.len());
    let (form, text) = if let Some(noun) = words.nouns.get(at) {
        (Form::Noun, noun.as_str())
    } else if let Some(clause) = words.clauses.get(at - n_nouns) {
        (Form::Clause, clause.as_str())
    } else {
        (Form::State, draw.pick(&words.states))
    };
    Thing { form, text: text.to_owned(), claims: claims(words) }
}
