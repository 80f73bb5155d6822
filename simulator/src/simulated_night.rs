//! A finished night, and the three files that it is kept in.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use nocturne_psg::EPOCH_S;
use nocturne_psg::edf::{EdfWriter, NewSignal};

use super::plan::respiration::Desaturation;
use super::scoring_xml;
use super::site::Site;
use super::truth::Truth;
use crate::{Error, Result};

/// A simulated night with its signals.
#[derive(Debug, Clone)]
pub struct SimulatedNight {
    /// Name of the night's files without their endings, such as `night-0001`.
    pub id: String,
    /// Wall-clock time of the first sample, without a zone, on a day that stands for none.
    pub start: DateTime,
    /// Length in epochs.
    pub n_epochs: usize,
    /// Where it was recorded.
    pub site: Site,
    /// What was recorded: the header of each signal and its physical values.
    pub signals: Vec<(NewSignal, Vec<f32>)>,
    /// What is true of the night.
    pub truth: Truth,
    pub(super) desaturations: Vec<Desaturation>,
}

/// Where a night was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenNight {
    /// The signals, EDF+C.
    pub recording: PathBuf,
    /// The scoring, NSRR XML.
    pub scoring: PathBuf,
    /// The truth, JSON.
    pub truth: PathBuf,
}

impl SimulatedNight {
    /// Writes `ID.truth.json`, `ID-nsrr.xml` and `ID.edf` into a folder.
    ///
    /// Each file has its name only when it is whole and on the disk, the recording last: where it is, the others are.
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
        let mut json = serde_json::to_vec(&self.truth).expect(
            "a truth holds no map whose keys are not texts, and no number that is not finite",
        );
        json.push(b'\n');
        write_whole(&written.truth, &json)?;
        write_whole(&written.scoring, scoring_xml::scoring(&self).as_bytes())?;
        self.write_recording(&written.recording)?;
        Ok(written)
    }

    fn write_recording(self, path: &Path) -> Result<()> {
        let record_duration_s = self.site.record_duration_s();
        let n_records = self.n_epochs * (EPOCH_S as usize) / record_duration_s as usize;
        let (signals, samples): (Vec<_>, Vec<_>) = self.signals.into_iter().unzip();
        let layout = (n_records, f64::from(record_duration_s));
        let mut writer = EdfWriter::create(path, self.start, layout, signals, Vec::new())?;
        writer.write_samples(&samples)?;
        Ok(writer.commit()?)
    }
}

/// Writes a file under another name, makes it durable, and gives it its name.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let mut file = File::create(&temporary).map_err(Error::io(&temporary, "create"))?;
    file.write_all(bytes).map_err(Error::io(&temporary, "write"))?;
    file.sync_all().map_err(Error::io(&temporary, "write"))?;
    std::fs::rename(&temporary, path).map_err(Error::io(path, "rename"))
}
