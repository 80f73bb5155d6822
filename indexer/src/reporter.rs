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
