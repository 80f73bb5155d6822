//! What is in many recordings: which channels they lack, which labels nobody knows, what was odd.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::montage::UnknownLabel;
use crate::{Recording, WarningCode};

/// Files that are named for a label or a channel.
const FEW: usize = 5;

/// How the recordings of an archive were read, summed up.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Survey {
    /// Recordings that can be read.
    pub recordings: usize,
    /// Recordings with stages.
    pub with_stages: usize,
    /// Recordings with events.
    pub with_events: usize,
    /// How many recordings are read by which profile.
    pub profiles: BTreeMap<String, usize>,
    /// How many recordings feed each channel, in the order of the montage.
    pub channels: Vec<ChannelCount>,
    /// Labels that the profile of their recording does not know, by label.
    pub unknown_labels: BTreeMap<String, LabelCount>,
    /// In how many recordings each kind of oddity was met.
    pub warnings: BTreeMap<WarningCode, usize>,
    /// Recordings that cannot be read, and why.
    pub failed: Vec<(PathBuf, String)>,
}

/// How many recordings feed a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelCount {
    /// The channel.
    pub channel: &'static str,
    /// Recordings that feed it.
    pub fed: usize,
    /// Recordings that lack it.
    pub lacking: usize,
    /// Some of those that lack it.
    pub examples: Vec<PathBuf>,
}

/// How often an unknown label was met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LabelCount {
    /// Recordings that have it.
    pub recordings: usize,
    /// Known labels that are spelt most like it.
    pub nearest: Vec<String>,
    /// Some of the recordings.
    pub examples: Vec<PathBuf>,
}

impl Survey {
    /// Adds a recording.
    pub fn add(&mut self, recording: &Recording) {
        let file = recording.file();
        let montage = recording.montage();
        self.recordings += 1;
        self.with_stages += usize::from(recording.scoring().hypnogram.end_s() > 0.0);
        self.with_events += usize::from(!recording.scoring().events.is_empty());
        *self.profiles.entry(montage.profile().name.clone()).or_default() += 1;
        let report = montage.report(file.header());
        if self.channels.is_empty() {
            let none = |channel| ChannelCount { channel, fed: 0, lacking: 0, examples: vec![] };
            self.channels = report.iter().map(|line| none(line.channel)).collect();
        }
        for (count, line) in self.channels.iter_mut().zip(&report) {
            if line.source.is_some() {
                count.fed += 1;
            } else {
                count.lacking += 1;
                remember(&mut count.examples, recording);
            }
        }
        for UnknownLabel { label, nearest } in montage.unknown_labels(file.header()) {
            let count = self.unknown_labels.entry(label).or_default();
            count.recordings += 1;
            count.nearest = nearest;
            remember(&mut count.examples, recording);
        }
        let mut codes: Vec<WarningCode> =
            recording.warnings().iter().map(|warning| warning.code).collect();
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            *self.warnings.entry(code).or_default() += 1;
        }
    }

    /// Notes a recording that cannot be read.
    pub fn fail(&mut self, path: PathBuf, error: &impl ToString) {
        self.failed.push((path, error.to_string()));
    }
}

fn remember(examples: &mut Vec<PathBuf>, recording: &Recording) {
    if examples.len() < FEW {
        examples.push(recording.file().path().to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nocturne_edf::{NewRecording, NewSignal};

    fn recording(folder: &std::path::Path, name: &str, labels: &[&str]) -> Recording {
        let path = folder.join(name);
        let signal = |label: &&str| NewSignal {
            label: (*label).to_owned(),
            unit: "uV".to_owned(),
            physical_range: (-100.0, 100.0),
            samples_per_record: 100,
        };
        let recording = NewRecording {
            start: jiff::civil::date(2020, 1, 1).at(22, 0, 0, 0),
            n_records: 30,
            record_duration_s: 1.0,
            signals: labels.iter().map(signal).collect(),
            annotations: Vec::new(),
        };
        recording.write_to(&path, &vec![vec![0.0; 3000]; labels.len()]).unwrap();
        Recording::open(&path).unwrap()
    }

    #[test]
    fn recordings_are_summed_up() {
        let folder = tempfile::tempdir().unwrap();
        let mut survey = Survey::default();
        survey.add(&recording(folder.path(), "a.edf", &["C3-M2", "C4-M1", "Bogus"]));
        survey.add(&recording(folder.path(), "b.edf", &["C3-M2", "Bogus"]));
        survey.fail("c.edf".into(), &"it is empty");
        assert_eq!((survey.recordings, survey.with_stages, survey.failed.len()), (2, 0, 1));
        let channel = |name| survey.channels.iter().find(|count| count.channel == name).unwrap();
        assert_eq!((channel("EEG_C3_A2").fed, channel("EEG_C3_A2").lacking), (2, 0));
        assert_eq!((channel("EEG_C4_A1").fed, channel("EEG_C4_A1").lacking), (1, 1));
        assert_eq!(channel("EEG_C4_A1").examples, [folder.path().join("b.edf")]);
        assert_eq!(survey.unknown_labels["Bogus"].recordings, 2);
        assert_eq!(survey.warnings[&WarningCode::MissingChannel], 2);
    }
}
