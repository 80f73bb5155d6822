//! A recording: its file, its scoring, and the montage that fits it.

use std::path::{Path, PathBuf};

use crate::annotation::{self, Annotation, Scoring};
use crate::edf::EdfFile;
use crate::error::quoted;
use crate::montage::{ProfileChoice, ResolvedMontage};
use crate::{Event, Result, Warning, WarningCode};

/// How a recording is to be opened.
///
/// ```
/// use nocturne_psg::OpenOptions;
///
/// let options = OpenOptions { profile: "mros".into(), ..OpenOptions::default() };
/// assert_eq!(options.annotations, None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// The file with the annotations; those that lie beside the recording where it is `None`, see
    /// [`annotation::companion`].
    pub annotations: Option<PathBuf>,
    /// The profile by which the labels are read.
    pub profile: ProfileChoice,
}

/// A recording that is open for reading.
#[derive(Debug)]
pub struct Recording {
    file: EdfFile,
    montage: ResolvedMontage,
    annotations: Vec<Annotation>,
    annotations_path: Option<PathBuf>,
    scoring: Scoring,
    warnings: Vec<Warning>,
}

impl Recording {
    /// Opens a recording with the annotations that lie beside it, see [`annotation::companion`].
    ///
    /// # Errors
    ///
    /// Those of [`EdfFile::open`] and [`annotation::read`].
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_by(path, &OpenOptions::default())
    }

    /// Opens a recording with the annotations and by the profile of one's choice.
    ///
    /// # Errors
    ///
    /// Those of [`EdfFile::open`], [`annotation::read`] and [`ProfileChoice::profile`].
    pub fn open_by(path: &Path, options: &OpenOptions) -> Result<Self> {
        let beside = || annotation::companion(path);
        let annotations_path = options.annotations.clone().or_else(beside);
        Self::assemble(path, annotations_path.as_deref(), &options.profile)
    }

    /// Opens a recording with the annotations of another file, or without.
    ///
    /// The scoring is that of the other file where it scores anything, else that of the recording itself.
    ///
    /// # Errors
    ///
    /// Those of [`EdfFile::open`] and [`annotation::read`].
    pub fn open_with(path: &Path, annotations_path: Option<&Path>) -> Result<Self> {
        Self::assemble(path, annotations_path, &ProfileChoice::Auto)
    }

    fn assemble(
        path: &Path,
        annotations_path: Option<&Path>,
        profile: &ProfileChoice,
    ) -> Result<Self> {
        let file = EdfFile::open(path)?;
        let montage = ResolvedMontage::resolve_by(file.header(), profile)?;
        let mut annotations = file.annotations().to_vec();
        let mut scoring = Scoring::from_annotations(&annotations);
        if let Some(path) = annotations_path {
            let theirs = annotation::read(path)?;
            let their_scoring = Scoring::from_annotations(&theirs);
            if !their_scoring.is_empty() {
                scoring = their_scoring;
            }
            annotations.extend(theirs);
        }
        let mut warnings = file.warnings().to_vec();
        warnings.extend(montage.warnings(file.header()));
        if scoring.n_unknown > 0 {
            let message = format!(
                "{} annotations have no known name and were not understood",
                scoring.n_unknown
            );
            warnings.push(Warning::new(WarningCode::Annotation, message));
        }
        let annotations_path = annotations_path.map(Path::to_owned);
        Ok(Self { file, montage, annotations, annotations_path, scoring, warnings })
    }

    /// Returns the open file.
    pub fn file(&self) -> &EdfFile {
        &self.file
    }

    /// Returns which signal feeds which channel.
    pub fn montage(&self) -> &ResolvedMontage {
        &self.montage
    }

    /// Returns the annotations of the file, and then those of the file beside it.
    pub fn annotations(&self) -> &[Annotation] {
        &self.annotations
    }

    /// Returns the file beside the recording whose annotations were read.
    pub fn annotations_path(&self) -> Option<&Path> {
        self.annotations_path.as_deref()
    }

    /// Returns the stages and events.
    pub fn scoring(&self) -> &Scoring {
        &self.scoring
    }

    /// Puts other events in the place of the scored ones, such as those that the simulator knows of.
    pub fn set_events(&mut self, events: Vec<Event>) {
        self.scoring.events = events;
    }

    /// Returns what was odd about the recording.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the labels of the signals, quoted, for messages.
    pub(crate) fn quoted_labels(&self) -> String {
        let signals = self.file.header().signals.iter().filter(|signal| !signal.is_annotations);
        let labels: Vec<String> = signals.map(|signal| quoted(&signal.label)).collect();
        if labels.is_empty() { "none".to_owned() } else { labels.join(", ") }
    }
}
