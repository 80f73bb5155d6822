//! Keeps the report of a run, and tells of each recording as it is done.

use std::collections::BTreeSet;

use nocturne_psg::RecordingId;

use crate::report::{Acknowledged, Failed, Progress, Report};
use crate::twins::Twins;

/// A report that grows, and whoever is told.
pub(crate) struct Tally<'a> {
    pub(crate) report: Report,
    pub(crate) twins: Twins,
    progress: &'a mut dyn FnMut(Progress<'_>),
    /// Recordings of which it was told that another indexer is at work on them.
    held: BTreeSet<RecordingId>,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(progress: &'a mut dyn FnMut(Progress<'_>)) -> Self {
        Self { report: Report::default(), twins: Twins::default(), progress, held: BTreeSet::new() }
    }

    pub(crate) fn acknowledged(&mut self, acknowledged: Acknowledged) {
        (self.progress)(Progress::Acknowledged(&acknowledged));
        self.report.acknowledged.push(acknowledged);
    }

    pub(crate) fn unchanged(&mut self, id: RecordingId) {
        (self.progress)(Progress::Unchanged(&id));
        self.report.unchanged.push(id);
    }

    pub(crate) fn by_others(&mut self, id: RecordingId) {
        (self.progress)(Progress::ByOthers(&id));
        self.report.by_others.push(id);
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

    /// Tells once of each recording that it is held.
    pub(crate) fn held(&mut self, id: &RecordingId, holder: &str) {
        if self.held.insert(id.clone()) {
            (self.progress)(Progress::Held { recording: id, holder });
        }
    }
}
