//! A position among the tokens of a question, with the errors of that position.

use std::ops::Range;

use nocturne_concepts::{Concept, Registry};

use super::problem::{Reason, Unreadable};
use super::token::{Token, TokenKind, tokens};

pub(super) type Parsed<T> = Result<T, Unreadable>;

/// Reads tokens one after another.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) registry: &'a Registry,
    tokens: Vec<Token>,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, registry: &'a Registry) -> Parsed<Self> {
        Ok(Self { text, registry, tokens: tokens(text)?, at: 0 })
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.tokens.len()
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        self.get(self.at).is_some_and(|token| token.is_sign(sign))
    }

    /// Returns whether the next tokens are these words.
    pub(super) fn is_words(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(i, word)| {
            let token = self.get(self.at + i);
            matches!(token.map(|it| &it.kind), Some(TokenKind::Word(own)) if own == word)
        })
    }

    /// Skips a sign if it is next.
    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let is_next = self.is_sign(sign);
        self.at += usize::from(is_next);
        is_next
    }

    /// Skips words if they are next.
    pub(super) fn take_words(&mut self, words: &[&str]) -> bool {
        let is_next = self.is_words(words);
        self.at += if is_next { words.len() } else { 0 };
        is_next
    }

    /// Takes a number if it is next.
    pub(super) fn take_number(&mut self) -> Option<f64> {
        let TokenKind::Number(number) = self.get(self.at)?.kind else { return None };
        self.at += 1;
        Some(number)
    }

    /// Takes a time of day if it is next.
    pub(super) fn take_clock(&mut self) -> Option<u16> {
        let TokenKind::Clock(minutes) = self.get(self.at)?.kind else { return None };
        self.at += 1;
        Some(minutes)
    }

    /// Returns the concept with the longest name that starts at a token, and the number of its tokens.
    pub(super) fn concept_at(&self, at: usize) -> Option<(usize, &'a Concept)> {
        let most = self.registry.longest_name().min(self.len() - at.min(self.len()));
        let mut keys = Vec::with_capacity(most);
        let mut best = None;
        for i in 0.. {
            let Some(token) = self.get(at + i).filter(|_| keys.len() < most) else { break };
            match &token.kind {
                TokenKind::Word(_) | TokenKind::Number(_) => keys.push(token.key()),
                // Names are compared without punctuation, as in `apnea/hypopnea index`.
                TokenKind::Sign("/" | "-") if i > 0 && self.is_tight(at + i) => continue,
                TokenKind::Sign(_) | TokenKind::Clock(_) => break,
            }
            if let Some(concept) = self.registry.with_words(&keys) {
                best = Some((i + 1, concept));
            }
        }
        best
    }

    /// Returns whether no blank surrounds a token.
    fn is_tight(&self, at: usize) -> bool {
        let end_before =
            at.checked_sub(1).and_then(|before| self.get(before)).map(|it| it.range.end);
        let start_after = self.get(at + 1).map(|it| it.range.start);
        let own = self.get(at).map(|it| (it.range.start, it.range.end));
        own.is_some() && own == end_before.zip(start_after)
    }

    /// Takes the concept with the longest name that is next.
    pub(super) fn take_concept(&mut self) -> Option<&'a Concept> {
        let (n, concept) = self.concept_at(self.at)?;
        self.at += n;
        Some(concept)
    }

    /// Returns the bytes of tokens.
    pub(super) fn range(&self, tokens: Range<usize>) -> Range<usize> {
        let end = self.text.len();
        let start = self.get(tokens.start).map_or(end, |it| it.range.start);
        let last = tokens.end.checked_sub(1).filter(|last| *last >= tokens.start);
        start..last.and_then(|last| self.get(last)).map_or(start, |it| it.range.end)
    }

    /// Refuses the next token.
    pub(super) fn unexpected<T>(&self, expected: &str) -> Parsed<T> {
        Err(self.problem(self.at..self.at + 1, Reason::NotUnderstood, expected))
    }

    /// Describes a refusal of tokens.
    pub(super) fn problem(
        &self,
        tokens: Range<usize>,
        reason: Reason,
        expected: &str,
    ) -> Unreadable {
        Unreadable::new(self.text, self.range(tokens), reason, expected).with_nearest(self.registry)
    }
}
