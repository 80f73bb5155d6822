//! Generates short phrases as typed in a search.

use super::caption_claim::{Caption, CaptionClaim, StageFamily};
use super::generate::SeededChoice;
use super::templates::{MeasureWords, PhraseTemplates, StageWords, TEMPLATES};
use super::word_sentences::{claims, true_words};
use super::wording_grammar::{bare, capitalised, question, statement};
use super::{EpochFacts, stage_event_sentences};
use crate::sleep::{EventKind, Position};

/// A term of a search phrase.
struct SearchTerm {
    form: TermForm,
    text: String,
    claims: Vec<CaptionClaim>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TermForm {
    /// `deep sleep`, `an arousal`, `fast breathing`.
    Noun,
    /// `in deep sleep`, after "the sleeper is".
    State,
    /// `{who} stop[s] breathing`, as in the data files.
    Clause,
}

/// Generates a phrase with one term, or two that are true of the epoch.
///
/// Returns `None` if there are no facts.
pub(super) fn search_phrase(facts: &EpochFacts, draw: &mut SeededChoice) -> Option<Caption> {
    let stage = stage(facts, draw);
    let mut others = events(facts, draw);
    others.extend(true_words(facts).map(|words| measure(words, draw)));
    draw.shuffle(&mut others);
    let position = facts.features.position;
    // Most questions name the stage; an event or a measure is combined with it or used alone.
    let starts_with_stage = stage.is_some() && (others.is_empty() || draw.chance(0.5));
    let mut others = others.into_iter();
    let first = if starts_with_stage { stage } else { others.next() };
    let templates = &TEMPLATES.phrase;
    let Some(first) = first else {
        let position = position?;
        let words = draw.pick(&templates.position[&position]);
        return Some(finished(words.to_owned(), vec![CaptionClaim::Position(position)], draw));
    };
    if let Some(position) = position.filter(|_| draw.chance(0.15)) {
        if draw.chance(0.3) {
            let words = draw.pick(&templates.position[&position]);
            return Some(finished(words.to_owned(), vec![CaptionClaim::Position(position)], draw));
        }
        if first.form != TermForm::Clause {
            return Some(placed(first, position, draw));
        }
    }
    // Do not combine two terms that both name a stage.
    let is_compatible = |term: &SearchTerm| {
        term.form == TermForm::Noun && !(first.names_a_stage() && term.names_a_stage())
    };
    let second = others.find(is_compatible).filter(|_| draw.chance(0.4));
    Some(match second {
        Some(second) if first.form != TermForm::Clause => pair(first, second, draw),
        Some(_) | None => alone(first, templates, draw),
    })
}

impl SearchTerm {
    fn names_a_stage(&self) -> bool {
        self.claims
            .iter()
            .any(|claim| matches!(claim, CaptionClaim::Stage(_) | CaptionClaim::AnyStage(_)))
    }

    /// Returns the text, in three of five cases without its article.
    fn written(&self, draw: &mut SeededChoice) -> String {
        let text = if self.form == TermForm::Noun && draw.chance(0.6) {
            bare(&self.text)
        } else {
            &self.text
        };
        text.to_owned()
    }
}

fn alone(term: SearchTerm, templates: &PhraseTemplates, draw: &mut SeededChoice) -> Caption {
    let who = draw.pick(&templates.who);
    let said = term.written(draw);
    let text = match term.form {
        TermForm::Noun => draw.pick(&templates.nouns).replace("{x}", &said),
        TermForm::State => draw.pick(&templates.states).replace("{x}", &said).replace("{who}", who),
        TermForm::Clause if draw.chance(0.3) => {
            draw.pick(&templates.questions).replace("{x}", &question(&said, who))
        }
        TermForm::Clause => draw.pick(&templates.clauses).replace("{x}", &statement(&said, who)),
    };
    finished(text, term.claims, draw)
}

/// Combines a term with a position.
fn placed(term: SearchTerm, position: Position, draw: &mut SeededChoice) -> Caption {
    let templates = &TEMPLATES.phrase;
    let list =
        if term.form == TermForm::State { &templates.states_placed } else { &templates.placed };
    let text = draw.pick(list).replace("{x}", &term.written(draw));
    let text = text.replace("{at}", draw.pick(&templates.position[&position]));
    let text = text.replace("{who}", draw.pick(&templates.who));
    let claims = term.claims.into_iter().chain([CaptionClaim::Position(position)]).collect();
    finished(text, claims, draw)
}

fn pair(first: SearchTerm, second: SearchTerm, draw: &mut SeededChoice) -> Caption {
    let templates = &TEMPLATES.phrase;
    let list = if first.form == TermForm::State {
        &templates.states_with
    } else if first.names_a_stage() && draw.chance(0.5) {
        &templates.during
    } else {
        &templates.pairs
    };
    let text = draw.pick(list).replace("{x}", &first.written(draw));
    let text = text.replace("{and}", &second.written(draw));
    let text = text.replace("{who}", draw.pick(&templates.who));
    finished(text, first.claims.into_iter().chain(second.claims).collect(), draw)
}

/// Finishes a phrase as people type: mostly in lower case.
fn finished(text: String, claims: Vec<CaptionClaim>, draw: &mut SeededChoice) -> Caption {
    let text = if draw.chance(0.2) { capitalised(&text) } else { text };
    Caption { text, claims }
}

/// Returns a term for the stage or for a group of stages.
fn stage(facts: &EpochFacts, draw: &mut SeededChoice) -> Option<SearchTerm> {
    let stage = facts.stage?;
    let families: Vec<StageFamily> =
        StageFamily::ALL.into_iter().filter(|family| family.holds(stage)).collect();
    if families.is_empty() || draw.chance(0.75) {
        return Some(staged(&TEMPLATES.stage.stage[&stage], CaptionClaim::Stage(stage), draw));
    }
    let family = families[draw.below(families.len())];
    Some(staged(&TEMPLATES.stage.family[&family], CaptionClaim::AnyStage(family), draw))
}

fn staged(words: &StageWords, claim: CaptionClaim, draw: &mut SeededChoice) -> SearchTerm {
    let (form, list) = if draw.chance(0.7) {
        (TermForm::Noun, &words.nouns)
    } else {
        (TermForm::State, &words.states)
    };
    SearchTerm { form, text: draw.pick(list).to_owned(), claims: vec![claim] }
}

/// Returns a term for each kind of event.
fn events(facts: &EpochFacts, draw: &mut SeededChoice) -> Vec<SearchTerm> {
    let (counted, scored) = stage_event_sentences::split(&facts.events);
    let mut kinds: Vec<EventKind> = scored.iter().map(|event| event.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut terms: Vec<SearchTerm> = kinds.into_iter().map(|kind| event(kind, draw)).collect();
    for (kind, count) in counted {
        terms.push(if draw.chance(0.5) {
            let (text, claim) = stage_event_sentences::counted_noun(kind, count, draw);
            SearchTerm { form: TermForm::Noun, text, claims: vec![claim] }
        } else {
            event(kind, draw)
        });
    }
    terms
}

fn event(kind: EventKind, draw: &mut SeededChoice) -> SearchTerm {
    let (words, claim) = stage_event_sentences::words_of(kind, draw);
    let (form, list) = if !words.clauses.is_empty() && draw.chance(0.25) {
        (TermForm::Clause, &words.clauses)
    } else if draw.chance(0.5) {
        (TermForm::Noun, &words.plurals)
    } else {
        (TermForm::Noun, &words.names)
    };
    SearchTerm { form, text: draw.pick(list).to_owned(), claims: vec![claim] }
}

fn measure(words: &MeasureWords, draw: &mut SeededChoice) -> SearchTerm {
    let n_nouns = words.nouns.len();
    let at = draw.below(n_nouns + words.clauses.len() + words.states.len());
    let (form, text) = if let Some(noun) = words.nouns.get(at) {
        (TermForm::Noun, noun.as_str())
    } else if let Some(clause) = words.clauses.get(at - n_nouns) {
        (TermForm::Clause, clause.as_str())
    } else {
        (TermForm::State, draw.pick(&words.states))
    };
    SearchTerm { form, text: text.to_owned(), claims: claims(words) }
}
