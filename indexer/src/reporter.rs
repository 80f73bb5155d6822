//! Collects the report of a run, and reports each recording when it is done.

use nocturne_psg::RecordingId;

use crate::identical_files::IdenticalFiles;
use crate::report::{Acknowledged, Failed, Progress, Report};

/// The report of a run so far, and the caller's function for progress.
pub(crate) struct Reporter<'a> {
    pub(crate) report: Report,
    pub(crate) identical_files: IdenticalFiles,
    progress: &'a mut dyn FnMut(Progress<'_>),
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(progress: &'a mut dyn FnMut(Progress<'_>)) -> Self {
        Self { report: Report::default(), identical_files: IdenticalFiles::default(), progress }
    }

    pub(crate) fn found(&mut self, n_recordings: usize) {
        (self.progress)(Progress::Found { n_recordings });
    }

    pub(crate) fn acknowledged(&mut self, acknowledged: Acknowledged) {
        (self.progress)(Progress::Acknowledged(&acknowledged));
        self.report.acknowledged.push(acknowledged);
    }

    pub(crate) fn unchanged(&mut self, id: RecordingId) {
        (self.progress)(Progress::Unchanged(&id));
        self.report.unchanged.push(id);
    }

    pub(crate) fn failed(&mut self, failed: Failed) {
        (self.progress)(Progress::Failed(&failed));
        self.report.failed.push(failed);
    }

    pub(crate) fn damaged(&mut self, recording: &RecordingId, error: &nocturne_index::Error) {
        (self.progress)(Progress::Damaged { recording, error });
    }

    pub(crate) fn removed(&mut self, id: RecordingId) {
        (self.progress)(Progress::Removed(&id));
        self.report.removed.push(id);
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::error::RecordingError;

    fn id(name: &str) -> RecordingId {
        RecordingId::new(name).unwrap()
    }

    #[test]
    fn each_event_is_reported_and_counted() {
        let mut events = Vec::new();
        let mut progress = |event: Progress<'_>| {
            events.push(match event {
                Progress::Found { n_recordings } => format!("found {n_recordings}"),
                Progress::Damaged { recording, .. } => format!("damaged {recording}"),
                Progress::Acknowledged(done) => format!("acknowledged {}", done.recording),
                Progress::Unchanged(id) => format!("unchanged {id}"),
                Progress::Removed(id) => format!("removed {id}"),
                Progress::Failed(failed) => format!("failed {}", failed.path.display()),
            });
        };
        let mut reporter = Reporter::new(&mut progress);
        reporter.found(4);
        reporter.damaged(&id("b"), &nocturne_index::Error::PageToken);
        for (name, n_epochs) in [("a", 960), ("b", 840)] {
            let recording = id(name);
            reporter.acknowledged(Acknowledged { recording, n_epochs, warnings: Vec::new() });
        }
        reporter.unchanged(id("c"));
        reporter.removed(id("d"));
        let error = RecordingError::OwnProfile { id: id("e"), sha256: "2c26".to_owned() };
        reporter.failed(Failed { path: PathBuf::from("e.edf"), error });
        let report = reporter.report;
        assert_eq!((report.acknowledged.len(), report.n_epochs()), (2, 1800));
        assert_eq!((report.unchanged, report.removed), (vec![id("c")], vec![id("d")]));
        assert_eq!(report.failed.len(), 1);
        let expected = [
            "found 4",
            "damaged b",
            "acknowledged a",
            "acknowledged b",
            "unchanged c",
            "removed d",
            "failed e.edf",
        ];
        assert_eq!(events, expected);
    }
}
