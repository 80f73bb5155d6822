//! Why a phrase without a place in the grammar is refused.

use super::super::problem::{Reason, Unreadable};
use super::lexicon::{Class, Lexed, Lexeme};
use super::reader::{PHRASE, Reader};

impl<'a> Reader<'a> {
    /// Describes the refusal of the phrase at the position.
    pub(super) fn unknown_problem(&self) -> Unreadable {
        let is_known = |it: &Lexed<'a>| {
            !matches!(
                it.lexeme,
                Lexeme::Unknown | Lexeme::Phrase(Class::Filler | Class::Noun | Class::With)
            )
        };
        let captions = nocturne_psg::caption::words();
        let is_content = |it: &&Lexed<'a>| {
            matches!(
                it.lexeme,
                Lexeme::Unknown | Lexeme::Concept(_) | Lexeme::Phrase(Class::Quality { .. })
            )
        };
        let content: Vec<&Lexed<'a>> = self.lexed.iter().filter(is_content).collect();
        let is_described = |it: &&&Lexed<'a>| match it.lexeme {
            Lexeme::Unknown => {
                let words = &self.cursor.text[self.cursor.range(it.tokens.clone())];
                nocturne_psg::caption::words_of(words).all(|word| captions.contains(&word))
            }
            Lexeme::Concept(_)
            | Lexeme::Number(_)
            | Lexeme::Clock(_)
            | Lexeme::Sign(_)
            | Lexeme::Phrase(_) => true,
        };
        let is_plain = self.lexed.iter().all(|it| {
            matches!(
                it.lexeme,
                Lexeme::Unknown
                    | Lexeme::Concept(_)
                    | Lexeme::Phrase(
                        Class::Filler
                            | Class::Noun
                            | Class::With
                            | Class::Quality { .. }
                            | Class::And
                    )
            )
        });
        let reason =
            if !self.lexed.iter().any(is_known) && !content.iter().any(|it| is_described(&it)) {
                Reason::UnknownWords
            } else if is_plain && content.iter().all(|it| is_described(&it)) {
                Reason::FreeWords
            } else {
                Reason::NotUnderstood
            };
        self.cursor.problem(self.tokens_at(self.at), reason, PHRASE)
    }
}
