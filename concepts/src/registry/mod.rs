//! The concepts that can be asked about: the shipped ones and the user's own.

pub mod concept;
mod file;
mod nearest;
pub mod words;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use nocturne_psg::hash::sha256;
use nocturne_psg::{EventSet, Stage};

use crate::error::{Error, Result};
use concept::Concept;
pub use nearest::Suggestion;

/// The name of the shipped file in messages.
const SHIPPED_NAME: &str = "registry.toml";
const SHIPPED_TEXT: &str = include_str!("../../registry.toml");

static SHIPPED: LazyLock<Registry> = LazyLock::new(|| {
    Registry::parse(&[(SHIPPED_NAME, SHIPPED_TEXT)])
        .expect("the shipped registry is checked by a test")
});

/// Concepts with unique ids and names.
#[derive(Debug, Clone)]
pub struct Registry {
    version: u32,
    concepts: Vec<Concept>,
    by_id: HashMap<String, usize>,
    /// From the words of a name to the concept.
    by_name: HashMap<Vec<String>, usize>,
    longest_name: usize,
    /// What each concept covers with its members.
    covered: Vec<Covered>,
    fingerprint: String,
}

/// What a concept covers, itself and with its members.
#[derive(Debug, Clone)]
struct Covered {
    events: EventSet,
    stages: Vec<Stage>,
}

impl Registry {
    /// Returns the shipped registry.
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// Returns the shipped registry together with the concepts of files of the user.
    ///
    /// # Errors
    ///
    /// Those of reading the files; [`Error::NameClash`] if two concepts share a name.
    pub fn with_files(paths: &[PathBuf]) -> Result<Self> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path)
                .map(|text| (path.display().to_string(), text))
                .map_err(|source| Error::Io { path: path.clone(), source })
        };
        let files = paths.iter().map(read).collect::<Result<Vec<_>>>()?;
        let own = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let all: Vec<_> = std::iter::once((SHIPPED_NAME, SHIPPED_TEXT)).chain(own).collect();
        Self::parse(&all)
    }

    /// Returns the shipped registry together with the concepts of a text; `name` is that of its file for messages.
    ///
    /// # Errors
    ///
    /// Those of [`parse`](Self::parse).
    pub fn with_text(name: &str, text: &str) -> Result<Self> {
        Self::parse(&[(SHIPPED_NAME, SHIPPED_TEXT), (name, text)])
    }

    /// Parses registry files, each given by its name for messages and its text; later ones add to the first.
    ///
    /// # Errors
    ///
    /// An [`Error`] that names the file, the entry and the field.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self> {
        let mut registry = Self {
            version: 0,
            concepts: Vec::new(),
            by_id: HashMap::new(),
            by_name: HashMap::new(),
            longest_name: 0,
            covered: Vec::new(),
            fingerprint: String::new(),
        };
        let mut homes = Vec::new();
        for (i, (name, text)) in files.iter().enumerate() {
            let file = file::parse(name, text)?;
            if i == 0 {
                registry.version = file.version;
            }
            for concept in file.concepts {
                registry.add(concept, name, &mut homes)?;
            }
        }
        file::check_members(&registry, &homes)?;
        let ids = registry.concepts.iter().map(|concept| concept.id.as_str());
        registry.covered = ids.map(|id| Covered::by(&registry.members(id))).collect();
        registry.fingerprint = fingerprint(&registry.concepts);
        Ok(registry)
    }

    fn add(&mut self, concept: Concept, file: &str, homes: &mut Vec<String>) -> Result<()> {
        let at = self.concepts.len();
        for name in std::iter::once(&concept.id).chain(&concept.names) {
            let words = words::words_of(name);
            self.longest_name = self.longest_name.max(words.len());
            match self.by_name.insert(words, at) {
                Some(other) if other != at => {
                    return Err(Error::NameClash {
                        file: file.to_owned(),
                        entry: concept.id.clone(),
                        name: name.clone(),
                        other: self.concepts[other].id.clone(),
                        other_file: homes[other].clone(),
                    });
                }
                Some(_) | None => {}
            }
        }
        self.by_id.insert(concept.id.clone(), at);
        self.concepts.push(concept);
        homes.push(file.to_owned());
        Ok(())
    }

    /// Returns the version of the first file.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Returns a hash of everything in it, in hexadecimal.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns the concepts in the order of the files.
    pub fn concepts(&self) -> &[Concept] {
        &self.concepts
    }

    /// Returns the concept with an id.
    pub fn get(&self, id: &str) -> Option<&Concept> {
        self.by_id.get(id).map(|at| &self.concepts[*at])
    }

    /// Returns the concept with a name or an id, in any spelling that [`words::words_of`] unifies.
    pub fn named(&self, name: &str) -> Option<&Concept> {
        self.with_words(&words::words_of(name))
    }

    /// Returns the concept whose name has exactly these words, as [`words::word`] returns them.
    pub fn with_words(&self, words: &[String]) -> Option<&Concept> {
        self.by_name.get(words).map(|at| &self.concepts[*at])
    }

    /// Returns the number of words of the longest name.
    pub fn longest_name(&self) -> usize {
        self.longest_name
    }

    /// Returns a concept and everything that it contains, without duplicates; groups precede their members.
    ///
    /// Empty if there is no concept with that id.
    pub fn members(&self, id: &str) -> Vec<&Concept> {
        let mut found: Vec<&Concept> = self.get(id).into_iter().collect();
        let mut next = 0;
        while let Some(concept) = found.get(next) {
            for member in concept.members.iter().filter_map(|member| self.get(member)) {
                if !found.iter().any(|known| known.id == member.id) {
                    found.push(member);
                }
            }
            next += 1;
        }
        found
    }

    /// Returns the kinds of scored event that a concept covers, its own and those of its members.
    pub fn events_of(&self, id: &str) -> EventSet {
        self.by_id.get(id).map_or(EventSet::EMPTY, |at| self.covered[*at].events)
    }

    /// Returns the stages that a concept covers, its own and those of its members.
    pub fn stages_of(&self, id: &str) -> &[Stage] {
        self.by_id.get(id).map_or(&[], |at| &self.covered[*at].stages)
    }
}

impl Covered {
    fn by(concepts: &[&Concept]) -> Self {
        let covers = |stage: &Stage| concepts.iter().any(|it| it.stages.contains(stage));
        Self {
            events: concepts.iter().flat_map(|it| it.events.iter().copied()).collect(),
            stages: Stage::ALL.into_iter().filter(covers).collect(),
        }
    }
}

fn fingerprint(concepts: &[Concept]) -> String {
    #[derive(serde::Serialize)]
    struct Contents<'a> {
        concept: &'a [Concept],
    }
    let text = toml::to_string(&Contents { concept: concepts });
    sha256(text.expect("concepts are text, numbers and lists"))
}

#[cfg(test)]
mod tests;
