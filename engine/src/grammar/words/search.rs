//! Negation and signs in the words of a search: an expression over concepts instead of a text for the encoder.

use nocturne_concepts::{Concept, Input, Kind, Registry, Source};

use super::super::cursor::{Cursor, Parsed};
use super::super::problem::{Reason, Unreadable};
use super::super::question::Expression;
use super::super::typed::Typed;
use super::lexicon::{Class, Lexed, Lexeme, lexemes};

const EXPRESSION: &str = "known concepts, as in `N2 sleep without arousals` or `N2 & !arousal`";

/// Reads the words of a search as an expression over known concepts.
///
/// `None` if they contain neither a negation nor one of `&`, `|`, `!` nor a time such as `within 30 s`: then they are
/// free words for the encoder.
///
/// # Errors
///
/// [`Unreadable`] if there is a negation, a sign or a time, and not all of the words are understood: an encoder hardly
/// represents negation.
///
/// ```
/// use nocturne_concepts::Registry;
/// use nocturne_engine::grammar::parse_expression;
///
/// let expression = parse_expression("N2 sleep without arousals", Registry::shipped()).unwrap();
/// assert_eq!(expression.unwrap().to_string(), "N2 & !arousal");
/// assert_eq!(parse_expression("a burst of sigma activity", Registry::shipped()), Ok(None));
/// ```
pub fn parse_expression(text: &str, registry: &Registry) -> Result<Option<Expression>, Unreadable> {
    let cursor = match Cursor::new(text, registry) {
        Ok(cursor) => cursor,
        // Signs without a meaning are part of free words.
        Err(problem) if problem.reason == Reason::NotUnderstood && !has_sign(text) => {
            return Ok(None);
        }
        Err(problem) => return Err(problem),
    };
    let lexed = lexemes(&cursor);
    let is_negation = |it: &Lexed<'_>| {
        matches!(
            it.lexeme,
            Lexeme::Phrase(
                Class::No
                    | Class::Not
                    | Class::Outside
                    | Class::Absent
                    | Class::AbsentAfter
                    | Class::Unclear
                    | Class::NotOnly
            )
        )
    };
    let is_sign = |it: &Lexed<'_>| matches!(it.lexeme, Lexeme::Sign("&" | "|" | "!"));
    let is_window = |it: &[Lexed<'_>]| {
        it[0].lexeme == Lexeme::Phrase(Class::Within) && matches!(it[1].lexeme, Lexeme::Number(_))
    };
    // A known name such as `REM sleep without atonia` is one concept, and contains no negation.
    let negated_name = |it: &Lexed<'_>| match it.lexeme {
        Lexeme::Concept(_) => {
            let words = text[cursor.range(it.tokens.clone())].to_lowercase();
            ["without", "loss", "absence", "non"].iter().any(|word| words.contains(word))
        }
        Lexeme::Number(_)
        | Lexeme::Clock(_)
        | Lexeme::Sign(_)
        | Lexeme::Phrase(_)
        | Lexeme::Unknown => false,
    };
    let has_negation = lexed.iter().any(|it| is_negation(it) || negated_name(it));
    let has_window = lexed.windows(2).any(is_window);
    if lexed.iter().any(is_sign) || (has_window && !has_negation) {
        let mut typed = Typed::at(cursor);
        let expression = typed.expression()?;
        if !typed.cursor.is_at_end() {
            return typed.cursor.unexpected(EXPRESSION);
        }
        return Ok(Some(expression));
    }
    if !has_negation {
        return Ok(None);
    }
    Negated { cursor, lexed, at: 0 }.read().map(Some)
}

/// What a text without negation names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Named<'a> {
    /// Stages, events and states that channels of the encoder show, each once; perhaps none.
    ForTheEncoder(Vec<&'a Concept>),
    /// Concepts all of which must hold; at least one of them is on no channel of the encoder, such as the body position.
    ForTheTracks(Expression),
}

/// Returns the stages, events and states that a text names.
///
/// # Errors
///
/// [`Unreadable`] if one of them is on no channel of the encoder, and there are other words beside.
pub(crate) fn named_concepts<'a>(
    text: &str,
    registry: &'a Registry,
) -> Result<Named<'a>, Unreadable> {
    let Ok(cursor) = Cursor::new(text, registry) else {
        return Ok(Named::ForTheEncoder(Vec::new()));
    };
    let lexed = lexemes(&cursor);
    refuse_numbers(&cursor, &lexed)?;
    let mut named: Vec<&Concept> = Vec::new();
    for lexeme in &lexed {
        let Lexeme::Concept(concept) = lexeme.lexeme else { continue };
        let Some(concept) = registry.get(&concept.id) else { continue };
        if concept.kind != Kind::Measure && !named.iter().any(|it| it.id == concept.id) {
            named.push(concept);
        }
    }
    let Some(hidden) = named.iter().find(|it| is_hidden(it)) else {
        return Ok(Named::ForTheEncoder(named));
    };
    for (i, lexeme) in lexed.iter().enumerate() {
        let is_joint = matches!(
            lexeme.lexeme,
            Lexeme::Phrase(Class::Filler | Class::In | Class::Any | Class::And | Class::Noun)
        );
        let is_concept =
            matches!(lexeme.lexeme, Lexeme::Concept(concept) if concept.kind != Kind::Measure);
        if !is_joint && !is_concept {
            let expected = format!(
                "known concepts alone, as in `{} & R`, because no channel of the encoder shows `{}`",
                hidden.id, hidden.id
            );
            let range = cursor.range(lexed[i].tokens.clone());
            return Err(Unreadable::new(text, range, Reason::NotUnderstood, expected));
        }
    }
    Ok(Named::ForTheTracks(Expression::all(named.iter().map(|it| Expression::concept(&it.id)))))
}

/// Refuses measures of whole nights and bounds: a similarity compares no numbers.
fn refuse_numbers(cursor: &Cursor<'_>, lexed: &[Lexed<'_>]) -> Parsed<()> {
    let is_measure = |it: &Lexed<'_>| matches!(it.lexeme, Lexeme::Concept(concept) if concept.kind == Kind::Measure);
    let is_bound = |it: &[Lexed<'_>]| {
        matches!(
            it[0].lexeme,
            Lexeme::Phrase(Class::Compare(_)) | Lexeme::Sign("<" | ">" | "<=" | ">=")
        ) && matches!(it[1].lexeme, Lexeme::Number(_))
    };
    let measure = lexed.iter().position(is_measure);
    let Some(at) = measure.or_else(|| lexed.windows(2).position(is_bound)) else { return Ok(()) };
    let expected = "words about what an epoch shows: numbers are asked of whole nights";
    Err(cursor.problem(lexed[at].tokens.clone(), Reason::NotOfEpochs, expected))
}

/// Returns whether no channel of the encoder shows a concept. A position is read from its channel, not guessed.
fn is_hidden(concept: &Concept) -> bool {
    let is_shown = |group: &Vec<Input>| group.iter().any(|it| matches!(it, Input::Channel(_)));
    !concept.has_source(Source::Model)
        && (concept.kind == Kind::State
            || concept.needs.is_empty()
            || !concept.needs.iter().all(is_shown))
}

fn has_sign(text: &str) -> bool {
    text.contains(['&', '|', '!'])
}

/// Reads concepts side by side, some of them negated.
struct Negated<'a> {
    cursor: Cursor<'a>,
    lexed: Vec<Lexed<'a>>,
    at: usize,
}

impl<'a> Negated<'a> {
    fn read(mut self) -> Parsed<Expression> {
        let mut parts = Vec::new();
        while let Some(lexeme) = self.peek() {
            match lexeme {
                Lexeme::Concept(concept) if concept.kind != Kind::Measure => {
                    let expression = self.any_of()?;
                    let precedes_concept = matches!(
                        self.lexed.get(self.at + 1).map(|it| it.lexeme),
                        Some(Lexeme::Concept(_))
                    );
                    let is_absent = match self.peek() {
                        Some(Lexeme::Phrase(Class::AbsentAfter)) => true,
                        Some(Lexeme::Phrase(Class::Absent)) => !precedes_concept,
                        Some(_) | None => false,
                    };
                    self.at += usize::from(is_absent);
                    parts.push(if is_absent { expression.negated() } else { expression });
                }
                Lexeme::Phrase(Class::No | Class::Not | Class::Outside | Class::Absent) => {
                    self.at += 1;
                    self.skip(&[Class::Filler, Class::Any, Class::In]);
                    let is_double = matches!(
                        self.peek(),
                        Some(Lexeme::Phrase(
                            Class::No
                                | Class::Not
                                | Class::Outside
                                | Class::Absent
                                | Class::AbsentAfter
                        ))
                    );
                    if is_double {
                        let expected = "one negation: a double negation has several meanings";
                        return self.refuse(Reason::Ambiguous, expected);
                    }
                    parts.push(self.any_of()?.negated());
                    if matches!(self.peek(), Some(Lexeme::Phrase(Class::AbsentAfter))) {
                        return self.refuse(Reason::Ambiguous, "one negation");
                    }
                }
                Lexeme::Phrase(
                    Class::Filler
                    | Class::With
                    | Class::And
                    | Class::But
                    | Class::In
                    | Class::Noun
                    | Class::Any,
                )
                | Lexeme::Sign(",") => self.at += 1,
                Lexeme::Concept(_)
                | Lexeme::Number(_)
                | Lexeme::Clock(_)
                | Lexeme::Sign(_)
                | Lexeme::Phrase(_)
                | Lexeme::Unknown => return self.refuse(Reason::NotUnderstood, EXPRESSION),
            }
        }
        if parts.is_empty() {
            return self.refuse(Reason::NotUnderstood, EXPRESSION);
        }
        // `N2 sleep` is N2.
        let sleep = Expression::concept("sleep");
        if parts.len() > 1 {
            parts.retain(|part| *part != sleep);
        }
        Ok(Expression::all(parts))
    }

    /// Reads a concept and what `or` joins to it; `without A or B` negates both.
    fn any_of(&mut self) -> Parsed<Expression> {
        let mut parts = Vec::new();
        loop {
            match self.peek() {
                Some(Lexeme::Concept(concept)) if concept.kind != Kind::Measure => {
                    parts.push(Expression::concept(&concept.id));
                }
                Some(_) | None => return self.refuse(Reason::NotUnderstood, EXPRESSION),
            }
            self.at += 1;
            if self.peek() != Some(Lexeme::Phrase(Class::Or)) {
                return Ok(Expression::any(parts));
            }
            self.at += 1;
            self.skip(&[Class::Filler]);
        }
    }

    fn skip(&mut self, classes: &[Class]) {
        while let Some(Lexeme::Phrase(class)) = self.peek()
            && classes.contains(&class)
        {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<Lexeme<'a>> {
        self.lexed.get(self.at).map(|lexed| lexed.lexeme)
    }

    fn refuse<T>(&self, reason: Reason, expected: &str) -> Parsed<T> {
        let end = self.cursor.len();
        let tokens = self.lexed.get(self.at).map_or(end..end, |lexed| lexed.tokens.clone());
        Err(self.cursor.problem(tokens, reason, expected))
    }
}
