//! Parses a filter expression into its syntax tree, by recursive descent.

use super::grammar::{Comparator, Comparison, Literal, Member, Node, is_keyword, is_text};
use super::problem::FilterProblem;

/// Maximum length of an expression, in bytes.
pub const MAX_FILTER_BYTES: usize = 8192;

/// Maximum depth of nested parentheses, which bounds the recursion.
pub const MAX_FILTER_DEPTH: usize = 50;

const COMPARISON: &str = "a filter is made of comparisons such as `stage = N2`, `event:arousal`, `age >= 60`, joined by AND, OR and NOT";
const ESCAPES: &str = "quote texts with blanks or special characters, as in `clock >= \"02:30\"`";

type Parsed<T> = Result<T, FilterProblem>;

/// Parses an expression; a blank one has no conditions.
pub(super) fn parse(text: &str) -> Parsed<Node> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    if text.len() > MAX_FILTER_BYTES {
        let problem = format!("it has {} bytes; expected at most {MAX_FILTER_BYTES}", text.len());
        return Err(FilterProblem::new("", 0, problem, "split it into several questions"));
    }
    parser.skip_blanks();
    if parser.rest().is_empty() {
        return Ok(Node::All(Vec::new()));
    }
    let node = parser.expression(None)?;
    match parser.rest() {
        "" => Ok(node),
        rest if rest.starts_with(')') => Err(parser.problem("a `)` closes nothing", COMPARISON)),
        _ => Err(parser.problem("expected AND, OR or another comparison", ESCAPES)),
    }
}

/// The field and comparator of args in parentheses.
type Compared<'a> = Option<(&'a Member, Comparator)>;

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn expression(&mut self, compared: Compared<'_>) -> Parsed<Node> {
        let mut nodes = vec![self.factor(compared)?];
        loop {
            self.skip_blanks();
            if self.keyword("AND") || self.starts_term() {
                nodes.push(self.factor(compared)?);
            } else {
                return Ok(joined(nodes, Node::All));
            }
        }
    }

    fn factor(&mut self, compared: Compared<'_>) -> Parsed<Node> {
        let mut nodes = vec![self.term(compared)?];
        loop {
            self.skip_blanks();
            if !self.keyword("OR") {
                return Ok(joined(nodes, Node::Any));
            }
            nodes.push(self.term(compared)?);
        }
    }

    fn term(&mut self, compared: Compared<'_>) -> Parsed<Node> {
        self.skip_blanks();
        // After a comparator, a minus starts a number.
        let is_negated = self.keyword("NOT") || (compared.is_none() && self.take("-"));
        if is_negated {
            self.skip_blanks();
            return Ok(Node::Not(Box::new(self.simple(compared)?)));
        }
        self.simple(compared)
    }

    fn simple(&mut self, compared: Compared<'_>) -> Parsed<Node> {
        if self.rest().starts_with('(') {
            return self.composite(compared);
        }
        if let Some((field, comparator)) = compared {
            let literal = self.literal()?;
            return Ok(Node::Is(Comparison { field: field.clone(), comparator, literal }));
        }
        let field = self.member()?;
        self.skip_blanks();
        let Some(comparator) = Comparator::ALL.into_iter().find(|it| self.take(it.sign())) else {
            let problem = match self.rest().chars().next() {
                Some('(') => format!("`{field}` is a function; this filter has none"),
                _ => format!("`{field}` has no comparator; expected one after it"),
            };
            return Err(FilterProblem::new(self.text, field.at, problem, COMPARISON));
        };
        self.skip_blanks();
        if self.rest().starts_with('(') {
            return self.composite(Some((&field, comparator)));
        }
        let literal = self.literal()?;
        Ok(Node::Is(Comparison { field, comparator, literal }))
    }

    fn composite(&mut self, compared: Compared<'_>) -> Parsed<Node> {
        if self.depth == MAX_FILTER_DEPTH {
            let problem = format!("more than {MAX_FILTER_DEPTH} nested parentheses");
            return Err(self.problem(problem, "AND and OR need no parentheses of their own"));
        }
        let open = self.at;
        self.at += 1;
        self.depth += 1;
        let node = self.expression(compared)?;
        self.depth -= 1;
        self.skip_blanks();
        if self.take(")") {
            return Ok(node);
        }
        match self.rest() {
            "" => Err(FilterProblem::new(self.text, open, "this `(` is never closed", COMPARISON)),
            _ => Err(self.problem("expected AND, OR, another comparison or `)`", ESCAPES)),
        }
    }

    fn member(&mut self) -> Parsed<Member> {
        let at = self.at;
        let mut parts = vec![self.value(false)?];
        while self.take(".") {
            parts.push(self.value(true)?);
        }
        Ok(Member { parts, at })
    }

    /// Parses a part of a field's name; after a dot, a keyword is a name too.
    fn value(&mut self, is_after_dot: bool) -> Parsed<String> {
        if let Some(pieces) = self.quoted()? {
            return Ok(pieces.join("*"));
        }
        let text = self.text_of(is_text);
        if text.is_empty() || (is_keyword(text) && !is_after_dot) {
            self.at -= text.len();
            return Err(self.problem("expected the name of a field", COMPARISON));
        }
        Ok(text.to_owned())
    }

    fn literal(&mut self) -> Parsed<Literal> {
        let at = self.at;
        let pieces = if let Some(pieces) = self.quoted()? {
            pieces
        } else {
            let text = self.text_of(|it| is_text(it) || it == '.');
            if text.is_empty() || is_keyword(text) {
                self.at = at;
                return Err(self.problem("expected a value", ESCAPES));
            }
            text.split('*').map(str::to_owned).collect()
        };
        if self.rest().starts_with([':', '=', '<', '>', '!']) {
            return Err(self.problem("a comparator after a value", ESCAPES));
        }
        Ok(Literal { pieces, at })
    }

    /// Parses a quoted string, split at its wildcards; `None` if there is none.
    fn quoted(&mut self) -> Parsed<Option<Vec<String>>> {
        let open = self.at;
        let Some(quote) = self.rest().chars().next().filter(|it| ['"', '\''].contains(it)) else {
            return Ok(None);
        };
        let mut characters = self.rest().char_indices().skip(1);
        let mut pieces = vec![String::new()];
        while let Some((offset, character)) = characters.next() {
            let piece = pieces.last_mut().expect("there is always at least one piece");
            match character {
                '\\' => piece.extend(characters.next().map(|(_, character)| character)),
                '*' => pieces.push(String::new()),
                character if character == quote => {
                    self.at += offset + 1;
                    return Ok(Some(pieces));
                }
                character => piece.push(character),
            }
        }
        let problem = format!("this {quote} is never closed");
        Err(FilterProblem::new(self.text, open, problem, "close it with the same quote"))
    }

    fn text_of(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let text = &rest[..rest.find(|it| !is_part(it)).unwrap_or(rest.len())];
        self.at += text.len();
        text
    }

    fn starts_term(&self) -> bool {
        let is_start = |it| is_text(it) || ['(', '"', '\''].contains(&it);
        self.rest().starts_with(is_start) && !self.is_at_keyword("OR")
    }

    fn is_at_keyword(&self, keyword: &str) -> bool {
        let after = self.rest().strip_prefix(keyword);
        after.is_some_and(|after| !after.starts_with(|it| is_text(it) || it == '.'))
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        self.is_at_keyword(keyword) && self.take(keyword)
    }

    fn take(&mut self, sign: &str) -> bool {
        let is_next = self.rest().starts_with(sign);
        self.at += if is_next { sign.len() } else { 0 };
        is_next
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn problem(&self, problem: impl Into<String>, hint: &str) -> FilterProblem {
        FilterProblem::new(self.text, self.at, problem, hint)
    }
}

/// Joins nodes, unless there is only one.
fn joined(mut nodes: Vec<Node>, join: impl FnOnce(Vec<Node>) -> Node) -> Node {
    if nodes.len() == 1 { nodes.remove(0) } else { join(nodes) }
}
