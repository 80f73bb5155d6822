//! Reads a registry file and checks its entries.

use serde::Deserialize;

use super::Registry;
use super::concept::{Aggregate, Class, Concept, Kind, Source};
use crate::error::{Error, Result};

/// The contents of a registry file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) version: u32,
    pub(super) concepts: Vec<Concept>,
}

/// Parses a file and checks each entry on its own.
pub(super) fn parse(name: &str, text: &str) -> Result<File> {
    let table: toml::Table = toml::from_str(text).map_err(|source: toml::de::Error| {
        Error::Malformed { file: name.to_owned(), problem: source.to_string().trim().to_owned() }
    })?;
    let header = |field, value: String, expected: &str| Error::Header {
        file: name.to_owned(),
        field,
        value,
        expected: expected.to_owned(),
    };
    if let Some(field) = table.keys().find(|key| !["version", "concept"].contains(&key.as_str())) {
        return Err(header("concept", format!("beside `{field}`"), "`version` and `[[concept]]`"));
    }
    let version = table.get("version").and_then(toml::Value::as_integer);
    let version = version.and_then(|version| u32::try_from(version).ok()).ok_or_else(|| {
        header("version", shown(table.get("version")), "a number, which grows with every change")
    })?;
    let entries = table.get("concept").and_then(toml::Value::as_array).ok_or_else(|| {
        header("concept", shown(table.get("concept")), "entries that start with `[[concept]]`")
    })?;
    let concepts = entries.iter().enumerate().map(|(i, entry)| {
        let id = entry.get("id").and_then(toml::Value::as_str);
        let concept = Concept::deserialize(entry.clone()).map_err(|problem| Error::Entry {
            file: name.to_owned(),
            entry: id.map_or_else(|| format!("#{}", i + 1), str::to_owned),
            problem: problem.to_string().trim().replace('\n', " "),
        })?;
        check(&concept, name)?;
        Ok(concept)
    });
    Ok(File { version, concepts: concepts.collect::<Result<_>>()? })
}

fn shown(value: Option<&toml::Value>) -> String {
    value.map_or_else(|| "missing".to_owned(), |value| format!("`{value}`"))
}

/// Checks what one entry shows.
fn check(concept: &Concept, file: &str) -> Result<()> {
    let error = |field, value: String, expected: &str| {
        Err(Error::Field {
            file: file.to_owned(),
            entry: concept.id.clone(),
            field,
            value,
            expected: expected.to_owned(),
        })
    };
    let is_word = |it: &str| it.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let starts = |it: &str| it.starts_with(|first: char| first.is_ascii_alphabetic());
    if !starts(&concept.id) || !is_word(&concept.id) {
        let expected = "letters, digits and `_`, a letter first";
        return error("id", format!("`{}`", concept.id), expected);
    }
    for name in &concept.names {
        if super::words::words_of(name).is_empty() {
            return error("names", format!("`{name}`"), "names with letters or digits");
        }
    }
    if concept.sources.is_empty() {
        return error("sources", "empty".to_owned(), "at least one of scored, signal, model");
    }
    if concept.needs.iter().any(Vec::is_empty) {
        return error("needs", "an empty group".to_owned(), "groups of at least one channel");
    }
    let is_measure = concept.kind == Kind::Measure;
    if is_measure != concept.aggregate.is_some() {
        let value = concept.aggregate.map_or("missing", |_| "present").to_owned();
        return error("aggregate", value, "it for a measure, and only there");
    }
    if is_measure != concept.unit.is_some() {
        let value = concept.unit.map_or("missing", |_| "present").to_owned();
        return error("unit", value, "it for a measure, and only there");
    }
    let counts = concept.aggregate.is_some_and(|aggregate| aggregate != Aggregate::Statistic);
    if counts && concept.members.is_empty() {
        return error("members", "empty".to_owned(), "what the measure counts");
    }
    if concept.prompts.is_empty() != concept.negatives.is_empty() {
        return error(
            "negatives",
            concept.negatives.len().to_string(),
            "prompts and negatives, or neither",
        );
    }
    let is_model_answer = concept.sources.contains(&Source::Model)
        && concept.kind == Kind::Event
        && concept.members.is_empty()
        && concept.positive_prompts().is_empty()
        && concept.stages.is_empty();
    if is_model_answer {
        let expected = "prompts and negatives, because the model answers and no prompt set has a label of that id";
        return error("prompts", "empty".to_owned(), expected);
    }
    if concept.least_fall_percent.is_some_and(|least| !(0.0..=100.0).contains(&least)) {
        let value = concept.least_fall_percent.map_or_else(String::new, |it| it.to_string());
        return error("least_fall_percent", value, "0 to 100");
    }
    for Class { name, from, below } in &concept.classes {
        let is_range = match (from, below) {
            (Some(from), Some(below)) => from < below,
            (Some(bound), None) | (None, Some(bound)) => bound.is_finite(),
            (None, None) => false,
        };
        if !is_range {
            return error("classes", format!("`{name}`"), "`from`, `below` or both, in this order");
        }
    }
    Ok(())
}

/// Checks that all members exist and that no group contains itself; `homes` is the file of each concept.
pub(super) fn check_members(registry: &Registry, homes: &[String]) -> Result<()> {
    for (concept, file) in registry.concepts().iter().zip(homes) {
        let error = |member: &String, expected: &str| {
            Err(Error::Field {
                file: file.clone(),
                entry: concept.id.clone(),
                field: "members",
                value: format!("`{member}`"),
                expected: expected.to_owned(),
            })
        };
        for member in &concept.members {
            if registry.get(member).is_none() {
                return error(member, "ids of concepts");
            }
            let inner = registry.members(member);
            if inner.iter().any(|it| it.id == concept.id) {
                return error(member, "concepts that do not contain this one");
            }
        }
    }
    Ok(())
}
