//! The table: rows of fixtures, columns of runtimes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::compare::{Outcome, Tolerance, compare};
use super::fixtures::Fixtures;
use super::tensors::Tensors;

/// What computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Runtime {
    /// The model of this package.
    Trainer,
    /// The graphs that a bundle has of it.
    OnnxRuntime,
}

/// One tensor that the reference has written down, and how close each runtime came.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The fixture's file.
    pub file: String,
    /// The tensor in it.
    pub name: String,
    /// How far numbers may be apart.
    pub tolerance: Tolerance,
    /// What each runtime gave.
    pub outcomes: BTreeMap<Runtime, Outcome>,
}

/// Every row of a folder of fixtures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// In order of the files and of the names.
    pub rows: Vec<Row>,
    /// Files that the folder may have and does not.
    pub absent: Vec<String>,
}

impl Runtime {
    /// Returns the name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trainer => "trainer",
            Self::OnnxRuntime => "ONNX Runtime",
        }
    }

    /// Returns whether the runtime computes what is in a file: a graph cannot be trained.
    fn covers(self, file: &str) -> bool {
        match self {
            Self::Trainer => true,
            Self::OnnxRuntime => !file.starts_with("train."),
        }
    }
}

impl Report {
    /// Makes a row for every tensor of the fixtures.
    pub(super) fn new(fixtures: &Fixtures) -> Self {
        let row = |(file, name): (&str, &str)| Row {
            file: file.to_owned(),
            name: name.to_owned(),
            tolerance: Tolerance::of(file, name),
            outcomes: BTreeMap::new(),
        };
        let names = fixtures.expected().map(|(file, name, _)| (file, name));
        Self { rows: names.map(row).collect(), absent: fixtures.absent().to_vec() }
    }

    /// Fills the column of a runtime in.
    pub(super) fn fill(&mut self, fixtures: &Fixtures, runtime: Runtime, found: &Tensors) {
        for (row, (file, name, expected)) in self.rows.iter_mut().zip(fixtures.expected()) {
            let outcome = if runtime.covers(file) {
                compare(found.get(name), expected, row.tolerance)
            } else {
                Outcome::NotAsked
            };
            row.outcomes.insert(runtime, outcome);
        }
    }

    /// Returns the names of rows in which a runtime failed.
    pub fn failures(&self) -> impl Iterator<Item = (Runtime, &str)> {
        self.rows.iter().flat_map(|row| {
            let failed = row.outcomes.iter().filter(|(_, outcome)| outcome.fails());
            failed.map(|(runtime, _)| (*runtime, row.name.as_str()))
        })
    }

    /// Returns one sentence on all of it, without the dot.
    pub fn summary(&self) -> String {
        let count = |wanted: fn(&Outcome) -> bool| {
            self.rows
                .iter()
                .flat_map(|row| row.outcomes.values())
                .filter(|outcome| wanted(outcome))
                .count()
        };
        let (asked, failed) =
            (count(|outcome| *outcome != Outcome::NotAsked), count(Outcome::fails));
        let runtimes: BTreeSet<&str> = self
            .rows
            .iter()
            .flat_map(|row| row.outcomes.keys().map(|runtime| runtime.name()))
            .collect();
        let runtimes = runtimes.into_iter().rev().collect::<Vec<_>>().join(" and ");
        match self.failures().next() {
            None => {
                format!("all {asked} comparisons of {runtimes} are within their tolerance")
            }
            Some((runtime, name)) => format!(
                "{failed} of {asked} comparisons of {runtimes} fail, the first `{name}` of {}",
                runtime.name()
            ),
        }
    }
}
