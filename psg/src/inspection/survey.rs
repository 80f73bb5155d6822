//! Summarises many recordings: channels, unknown labels, warnings, files that cannot be read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use crate::annotation::{AnnotationFile, AnnotationSummary};
use crate::montage::{Channel, UnknownLabel};
use crate::recording::Recording;
use crate::warning::WarningCode;

/// Maximum number of example files for a label or a channel.
const MAX_EXAMPLES: usize = 5;

/// A summary of the recordings of an archive.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Survey {
    /// Number of recordings that can be read.
    pub recordings: usize,
    /// Number of recordings with scored stages.
    pub with_stages: usize,
    /// Number of recordings with scored events.
    pub with_events: usize,
    /// Number of recordings by profile.
    pub profiles: BTreeMap<String, usize>,
    /// Number of recordings with each channel, in the order of the montage.
    pub channels: Vec<ChannelCount>,
    /// Labels that are unknown in the profile of their recording.
    pub unknown_labels: BTreeMap<String, LabelCount>,
    /// Number of recordings with each kind of warning.
    pub warnings: BTreeMap<WarningCode, usize>,
    /// Annotation files of the recordings, and those that belong to no recording.
    pub annotation_files: Vec<SurveyedAnnotations>,
    /// Files that are neither recordings nor annotations that are understood.
    pub not_understood: Vec<PathBuf>,
    /// Files that cannot be read, with the error.
    pub failed: Vec<(PathBuf, String)>,
}

/// An annotation file of an archive.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SurveyedAnnotations {
    /// Whether it belongs to a recording.
    pub has_recording: bool,
    /// What was read of it.
    #[serde(flatten)]
    pub summary: AnnotationSummary,
}

/// Number of recordings with and without a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelCount {
    /// The channel.
    pub channel: &'static str,
    /// Recordings with a signal for it.
    pub present: usize,
    /// Recordings without a signal for it.
    pub missing: usize,
    /// Up to five of the recordings without it.
    pub examples: Vec<PathBuf>,
}

/// Number of recordings with an unknown label.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LabelCount {
    /// Recordings with the label.
    pub recordings: usize,
    /// Known labels with the most similar spelling.
    pub nearest: Vec<String>,
    /// Up to five of the recordings.
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
            let none = |channel| ChannelCount { channel, present: 0, missing: 0, examples: vec![] };
            self.channels = report.iter().map(|line| none(line.channel)).collect();
        }
        for (count, line) in self.channels.iter_mut().zip(&report) {
            // A position signal whose codes are not known is not used.
            let is_used =
                line.channel != Channel::Position.name() || montage.profile().has_position_codes();
            if line.source.is_some() && is_used {
                count.present += 1;
            } else {
                count.missing += 1;
                add_example(&mut count.examples, recording);
            }
        }
        for UnknownLabel { label, nearest } in montage.unknown_labels(file.header()) {
            let count = self.unknown_labels.entry(label).or_default();
            count.recordings += 1;
            count.nearest = nearest;
            add_example(&mut count.examples, recording);
        }
        let files = recording.annotation_files().iter().cloned();
        self.annotation_files
            .extend(files.map(|summary| SurveyedAnnotations { has_recording: true, summary }));
        self.not_understood.extend_from_slice(recording.unknown_files());
        let mut codes: Vec<WarningCode> =
            recording.warnings().iter().map(|warning| warning.code).collect();
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            *self.warnings.entry(code).or_default() += 1;
        }
    }

    /// Adds a file that is not a recording and belongs to none: annotations, or not understood.
    pub fn add_other(&mut self, path: PathBuf) {
        match AnnotationFile::open(&path, None) {
            Ok(file) => {
                let summary = AnnotationSummary::of(&file);
                self.annotation_files.push(SurveyedAnnotations { has_recording: false, summary });
            }
            Err(_) => self.not_understood.push(path),
        }
    }

    /// Returns the files that the summary mentions, besides the recordings that were read.
    pub fn files(&self) -> BTreeSet<PathBuf> {
        let annotations = self.annotation_files.iter().map(|file| &file.summary.path);
        let failed = self.failed.iter().map(|(path, _)| path);
        annotations.chain(&self.not_understood).chain(failed).cloned().collect()
    }

    /// Adds a file that cannot be read.
    pub fn add_failed(&mut self, path: PathBuf, error: &impl ToString) {
        self.failed.push((path, error.to_string()));
    }
}

fn add_example(examples: &mut Vec<PathBuf>, recording: &Recording) {
    if examples.len() < MAX_EXAMPLES {
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
            equipment: None,
            n_records: 30,
            record_duration_s: 1.0,
            signals: labels.iter().map(signal).collect(),
            annotations: Vec::new(),
        };
        recording.write_to(&path, &vec![vec![0.0; 3000]; labels.len()]).unwrap();
        Recording::open(&path).unwrap()
    }

    #[test]
    fn counts_channels_labels_and_warnings() {
        let folder = tempfile::tempdir().unwrap();
        let mut survey = Survey::default();
        survey.add(&recording(folder.path(), "a.edf", &["C3-M2", "C4-M1", "Bogus"]));
        survey.add(&recording(folder.path(), "b.edf", &["C3-M2", "Bogus"]));
        survey.add_failed("c.edf".into(), &"it is empty");
        assert_eq!((survey.recordings, survey.with_stages, survey.failed.len()), (2, 0, 1));
        let channel = |name| survey.channels.iter().find(|count| count.channel == name).unwrap();
        assert_eq!((channel("EEG_C3_A2").present, channel("EEG_C3_A2").missing), (2, 0));
        assert_eq!((channel("EEG_C4_A1").present, channel("EEG_C4_A1").missing), (1, 1));
        assert_eq!(channel("EEG_C4_A1").examples, [folder.path().join("b.edf")]);
        assert_eq!(survey.unknown_labels["Bogus"].recordings, 2);
        assert_eq!(survey.warnings[&WarningCode::MissingChannel], 2);
    }
}
