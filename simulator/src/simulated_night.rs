//! A rendered night and the three files it is written to.

use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use nocturne_edf::{NewRecording, NewSignal, SIMULATOR_EQUIPMENT, durable};
use nocturne_psg::EPOCH_S;

use crate::error::{Error, Result};
use crate::plan::NightPlan;
use crate::plan::respiration::Desaturation;
use crate::site::Site;
use crate::truth::Truth;
use crate::{render, scoring_xml};

/// A simulated night with its signals.
#[derive(Debug, Clone)]
pub struct SimulatedNight {
    /// File name without extension, such as `night-0001`.
    pub id: String,
    /// Wall-clock time of the first sample, without a zone, on the evening of 1985-01-01.
    pub start: DateTime,
    /// Length in epochs.
    pub n_epochs: usize,
    /// Site that recorded the night.
    pub site: Site,
    /// Header and physical values of each signal, in file order.
    pub signals: Vec<(NewSignal, Vec<f32>)>,
    /// Stages, events and faults of the night.
    pub truth: Truth,
    pub(super) desaturations: Vec<Desaturation>,
}

/// Paths of a written night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenNight {
    /// Signals, EDF+C.
    pub recording: PathBuf,
    /// Scoring, NSRR XML.
    pub scoring: PathBuf,
    /// Truth file, JSON.
    pub truth: PathBuf,
}

impl NightPlan {
    /// Renders the signals.
    pub fn render(&self) -> SimulatedNight {
        SimulatedNight {
            id: self.id(),
            start: self.start,
            n_epochs: self.n_epochs,
            site: self.site,
            signals: render::signals(self),
            desaturations: self.desaturations.clone(),
            truth: self.truth(),
        }
    }
}

impl SimulatedNight {
    /// Writes `ID.truth.json`, `ID-nsrr.xml` and `ID.edf` into a folder.
    ///
    /// Each file gets its name only once it is complete and on disk. The recording comes last, so a recording always has
    /// its scoring and truth file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if a file cannot be written, [`Error::Recording`] if the recording cannot.
    pub fn write(self, folder: &Path) -> Result<WrittenNight> {
        let written = WrittenNight {
            recording: folder.join(format!("{}.edf", self.id)),
            scoring: folder.join(format!("{}-nsrr.xml", self.id)),
            truth: folder.join(format!("{}.truth.json", self.id)),
        };
        let mut json = serde_json::to_vec(&self.truth)
            .expect("every map in a truth has string keys, and every number is finite");
        json.push(b'\n');
        let scoring = scoring_xml::scoring(&self.truth, self.start, &self.desaturations);
        for (path, bytes) in [(&written.truth, &*json), (&written.scoring, scoring.as_bytes())] {
            durable::write(path, bytes).map_err(Error::io(path, "write"))?;
        }
        self.write_recording(&written.recording)?;
        Ok(written)
    }

    fn write_recording(self, path: &Path) -> Result<()> {
        let record_duration_s = self.site.record_duration_s();
        let n_records = self.n_epochs * (EPOCH_S as usize) / record_duration_s as usize;
        let (signals, samples): (Vec<_>, Vec<_>) = self.signals.into_iter().unzip();
        let recording = NewRecording {
            start: self.start,
            equipment: Some(equipment()),
            n_records,
            record_duration_s: f64::from(record_duration_s),
            signals,
            annotations: Vec::new(),
        };
        Ok(recording.write_to(path, &samples)?)
    }
}

/// Returns the equipment code by which readers know that a recording is simulated.
fn equipment() -> String {
    format!("{SIMULATOR_EQUIPMENT}_{}", env!("CARGO_PKG_VERSION"))
}
