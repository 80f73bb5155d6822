//! A rendered night and the three files it is written to.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use nocturne_edf::{NewRecording, NewSignal, SIMULATOR_EQUIPMENT};
use nocturne_psg::EPOCH_S;

use super::plan::respiration::Desaturation;
use super::scoring_xml;
use super::site::Site;
use super::truth::Truth;
use crate::{Error, Result};

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
        write_atomically(&written.truth, &json)?;
        write_atomically(&written.scoring, scoring_xml::scoring(&self).as_bytes())?;
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

/// Writes a temporary file, syncs it to disk, and renames it to `path`.
fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let mut file = File::create(&temporary).map_err(Error::io(&temporary, "create"))?;
    file.write_all(bytes).map_err(Error::io(&temporary, "write"))?;
    file.sync_all().map_err(Error::io(&temporary, "write"))?;
    std::fs::rename(&temporary, path).map_err(Error::io(path, "rename"))
}
