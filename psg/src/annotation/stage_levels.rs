//! The `Levels` of columns that BIDS keeps in a JSON file beside a table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::names::normalised;
use super::stage_map::StageMap;

/// Maximum length of a description in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Number of folders above a table in which a description may lie (BIDS: session, subject, dataset).
const MAX_FOLDERS: usize = 4;

/// The stages that the values of each column mean.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct StageLevels(BTreeMap<String, StageMap>);

/// What the user and the description of a table say about its values.
#[derive(Debug, Clone, Copy)]
pub(super) struct StageMaps<'a> {
    pub(super) of_user: &'a StageMap,
    pub(super) levels: &'a StageLevels,
}

impl StageMaps<'_> {
    /// Returns what the values of a column mean; the user comes first.
    pub(super) fn of_column(self, column: Option<&str>) -> StageMap {
        let levels = column.and_then(|column| self.levels.0.get(&normalised(column)));
        levels.map_or_else(|| self.of_user.clone(), |levels| self.of_user.clone().or(levels))
    }
}

impl StageLevels {
    /// Reads the descriptions of a table: that beside it, and those of the folders above whose names are parts of its name
    /// (the inheritance principle of BIDS). A description that cannot be read says nothing.
    pub(super) fn of_table(table: &Path) -> Self {
        let mut all = Self::default();
        for path in descriptions(table) {
            let Some(levels) = read(&path) else { continue };
            for (column, map) in levels.0 {
                let nearer = all.0.remove(&column).unwrap_or_default();
                all.0.insert(column, nearer.or(&map));
            }
        }
        all
    }

    fn parse(text: &str) -> Option<Self> {
        let description: serde_json::Map<String, Value> = serde_json::from_str(text).ok()?;
        let map = |(column, properties): (&String, &Value)| {
            let levels = properties.get("Levels")?.as_object()?;
            let pairs = levels.iter().filter_map(|(value, meaning)| {
                let text = meaning.as_str().or_else(|| meaning.get("Description")?.as_str())?;
                Some((value.as_str(), text))
            });
            let map = StageMap::of_names(pairs);
            (!map.is_empty()).then(|| (normalised(column), map))
        };
        Some(Self(description.iter().filter_map(map).collect()))
    }
}

fn read(path: &Path) -> Option<StageLevels> {
    let (file, bytes) = crate::regular_file::open(path).ok()?;
    if bytes > MAX_BYTES {
        return None;
    }
    StageLevels::parse(&std::io::read_to_string(file).ok()?)
}

/// Returns the descriptions of a table, the nearest first.
fn descriptions(table: &Path) -> Vec<PathBuf> {
    let Some(stem) = table.file_stem().and_then(|stem| stem.to_str()) else { return Vec::new() };
    let is_part_of = |name: &str| {
        let parts: Vec<&str> = stem.split('_').collect();
        name.strip_suffix(".json").is_some_and(|name| {
            name.split('_').next_back() == parts.last().copied()
                && name.split('_').all(|part| parts.contains(&part))
        })
    };
    let folders = table.parent().into_iter().flat_map(Path::ancestors).take(MAX_FOLDERS);
    let mut found = Vec::new();
    for folder in folders {
        // The parent of a relative path of one part is the current folder.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<PathBuf> = entries
            .filter(|entry| entry.file_name().to_str().is_some_and(is_part_of))
            .map(|entry| entry.path())
            .collect();
        // Of several in one folder, that with the most parts is the nearest.
        names.sort_by_key(|path| std::cmp::Reverse(path.as_os_str().len()));
        found.extend(names);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn description_is_inherited_and_the_nearest_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("sub-01");
        std::fs::create_dir(&run).unwrap();
        let write = |path: PathBuf, levels: &str| {
            std::fs::write(path, format!("{{\"stage\": {{\"Levels\": {levels}}}}}")).unwrap();
        };
        let dataset = folder.path();
        write(dataset.join("task-sleep_events.json"), "{\"3\": \"N3\", \"4\": \"N3\"}");
        write(dataset.join("task-rest_events.json"), "{\"5\": \"REM\"}");
        write(
            run.join("sub-01_task-sleep_events.json"),
            "{\"4\": {\"Description\": \"REM\"}, \"9\": \"a note\"}",
        );
        let levels = StageLevels::of_table(&run.join("sub-01_task-sleep_events.tsv"));
        let of_user = StageMap::default();
        let maps = StageMaps { of_user: &of_user, levels: &levels };
        assert_eq!(maps.of_column(Some("Stage")).to_string(), "3=N3,4=R");
        assert_eq!(maps.of_column(Some("value")), StageMap::default());
    }
}
