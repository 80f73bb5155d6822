//! The parity report: rows of fixtures, columns of runtimes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::compare::{ComparisonOutcome, ParityTolerance, compare};
use super::fixture_tensors::FixtureTensors;
use super::fixtures::Fixtures;

/// A runtime that computes tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParityRuntime {
    /// The model of this package.
    Trainer,
    /// The exported graphs in ONNX Runtime.
    OnnxRuntime,
}

/// One tensor of the reference, and the result of each runtime.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParityRow {
    /// The fixture's file.
    pub file: String,
    /// The tensor in it.
    pub name: String,
    /// The allowed difference.
    pub tolerance: ParityTolerance,
    /// The result of each runtime.
    pub outcomes: BTreeMap<ParityRuntime, ComparisonOutcome>,
}

/// Every row of a folder of fixtures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParityReport {
    /// Ordered by file and name.
    pub rows: Vec<ParityRow>,
    /// Optional files that the folder does not have.
    pub absent: Vec<String>,
}

impl ParityRuntime {
    /// Returns the name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trainer => "trainer",
            Self::OnnxRuntime => "ONNX Runtime",
        }
    }

    /// Returns whether the runtime computes the tensors of a file: a graph cannot be trained.
    fn covers(self, file: &str) -> bool {
        match self {
            Self::Trainer => true,
            Self::OnnxRuntime => !file.starts_with("train."),
        }
    }
}

impl ParityReport {
    /// Creates a row for every tensor of the fixtures.
    pub(super) fn new(fixtures: &Fixtures) -> Self {
        let row = |(file, name): (&str, &str)| ParityRow {
            file: file.to_owned(),
            name: name.to_owned(),
            tolerance: ParityTolerance::of(file, name),
            outcomes: BTreeMap::new(),
        };
        let names = fixtures.expected().map(|(file, name, _)| (file, name));
        Self { rows: names.map(row).collect(), absent: fixtures.absent().to_vec() }
    }

    /// Fills the column of a runtime.
    pub(super) fn fill(
        &mut self,
        fixtures: &Fixtures,
        runtime: ParityRuntime,
        found: &FixtureTensors,
    ) {
        for (row, (file, name, expected)) in self.rows.iter_mut().zip(fixtures.expected()) {
            let outcome = if runtime.covers(file) {
                compare(found.get(name), expected, row.tolerance)
            } else {
                ComparisonOutcome::NotApplicable
            };
            row.outcomes.insert(runtime, outcome);
        }
    }

    /// Returns the runtime and the row name of each failed comparison.
    pub fn failures(&self) -> impl Iterator<Item = (ParityRuntime, &str)> {
        self.rows.iter().flat_map(|row| {
            let failed = row.outcomes.iter().filter(|(_, outcome)| outcome.fails());
            failed.map(|(runtime, _)| (*runtime, row.name.as_str()))
        })
    }

    /// Returns a one-sentence summary, without the final dot.
    pub fn summary(&self) -> String {
        let count = |wanted: fn(&ComparisonOutcome) -> bool| {
            self.rows
                .iter()
                .flat_map(|row| row.outcomes.values())
                .filter(|outcome| wanted(outcome))
                .count()
        };
        let (compared, failed) = (
            count(|outcome| *outcome != ComparisonOutcome::NotApplicable),
            count(ComparisonOutcome::fails),
        );
        let runtimes: BTreeSet<&str> = self
            .rows
            .iter()
            .flat_map(|row| row.outcomes.keys().map(|runtime| runtime.name()))
            .collect();
        let runtimes = runtimes.into_iter().rev().collect::<Vec<_>>().join(" and ");
        match self.failures().next() {
            None => {
                format!("all {compared} comparisons of {runtimes} are within their tolerance")
            }
            Some((runtime, name)) => format!(
                "{failed} of {compared} comparisons of {runtimes} fail, the first `{name}` of {}",
                runtime.name()
            ),
        }
    }
}
