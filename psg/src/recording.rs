//! Opens a recording: its file, its annotations, its scoring and its montage.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::{Date, DateTime, Time};
use nocturne_edf::{self as edf, EdfReader};

use crate::annotation::names::{Meaning, meaning};
use crate::annotation::scorers::{self, ScorerPart};
use crate::annotation::stage_lengths;
use crate::annotation::{
    self, AnnotationFile, AnnotationFormat, AnnotationSummary, Companions, RecordingSpan,
    ScoredAnnotation, Scoring, ScoringOptions, ScoringSource,
};
use crate::error::{Error, Result, quoted};
use crate::hypnogram_signal::{self, HypnogramSignal};
use crate::montage::{ProfileChoice, ResolvedMontage, ScoredByDefault};
use crate::sleep::{Event, EventKind, EventSet, RATE_HZ, RecordingOrigin};
use crate::warning::{Warning, WarningCode};

/// Share of the recorded time that stages should cover.
const MIN_SCORED_SHARE: f64 = 0.5;

/// Kinds of event that the scoring of a simulated night contains.
const SCORED_IN_SIMULATIONS: [EventKind; 6] = [
    EventKind::Arousal,
    EventKind::ObstructiveApnea,
    EventKind::CentralApnea,
    EventKind::MixedApnea,
    EventKind::Hypopnea,
    EventKind::Desaturation,
];

// The reader of EDF joins data records that are less than half a sample of the encoder's input apart.
const _: () = assert!(edf::GAP_TOLERANCE_S == 0.5 / RATE_HZ);

/// Options for opening a recording.
///
/// ```
/// use nocturne_psg::OpenOptions;
///
/// let options = OpenOptions { profile: "mros".into(), ..OpenOptions::default() };
/// assert_eq!(options.annotations, None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Annotation files. `None` searches for them beside the recording ([`annotation::companions`]).
    pub annotations: Option<Vec<PathBuf>>,
    /// Files beside the recording that are not understood, to be named in warnings; used with given annotations.
    pub unknown: Vec<PathBuf>,
    /// The profile that defines the labels.
    pub profile: ProfileChoice,
    /// What the user says about the annotations; what this does not say, the profile may.
    pub scoring: ScoringOptions,
}

/// An open recording.
#[derive(Debug)]
pub struct Recording {
    file: EdfReader,
    montage: ResolvedMontage,
    annotations: Vec<ScoredAnnotation>,
    annotation_files: Vec<AnnotationSummary>,
    unknown_files: Vec<PathBuf>,
    scoring: Scoring,
    warnings: Vec<Warning>,
}

impl Recording {
    /// Opens a recording with the annotation files beside it and the profile detected from its labels.
    ///
    /// # Errors
    ///
    /// Those of [`open_with`](Self::open_with).
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, &OpenOptions::default())
    }

    /// Opens a recording with the given annotations and profile.
    ///
    /// Stages come from the first annotation file that has any, and so do the events of each kind; then come the recording's
    /// own annotations, then a signal that is a hypnogram. Scorers of one file count as files, and programs come after
    /// people. Contradictions give a warning.
    ///
    /// # Errors
    ///
    /// Those of [`EdfReader::open`], [`AnnotationFile::open`] and [`ProfileChoice::profile`], and [`Error::Scorer`] if the
    /// scorer of the options scored nothing, but others did.
    pub fn open_with(path: &Path, options: &OpenOptions) -> Result<Self> {
        let file = EdfReader::open(path)?;
        let montage = ResolvedMontage::resolve_with(file.header(), &options.profile)?;
        let scoring_options = options.scoring.clone().or(&montage.profile().scoring);
        let Companions { annotations: annotations_paths, unknown } = match &options.annotations {
            Some(given) => {
                Companions { annotations: given.clone(), unknown: options.unknown.clone() }
            }
            None => annotation::companions(path).of_format(scoring_options.format),
        };
        let mut warnings: Vec<Warning> = file.warnings().iter().map(Warning::from).collect();
        warnings.extend(unknown.iter().map(|path| not_understood(path)));
        let end_s = end_of_signals_s(&file);
        let mut parts = ScoringParts { end_s, ..ScoringParts::default() };
        parts.add(&name(path), own_annotations(&file, &scoring_options), &mut warnings);
        let n_own = parts.sources.len();
        warnings.extend(montage.warnings(file.header()));
        let mut annotation_files = Vec::new();
        for annotations_path in &annotations_paths {
            let span = RecordingSpan { start: clock_start(&file), length_s: end_s };
            let opened = AnnotationFile::open_for(annotations_path, span, &scoring_options)?;
            let summary = AnnotationSummary::of(&opened);
            parts.add(&name(annotations_path), opened.annotations, &mut warnings);
            warnings.extend(opened.warnings);
            annotation_files.push(summary);
        }
        // The recording's own annotations come after those of files, and a signal after both.
        parts.sources.rotate_left(n_own);
        if let Some(signal) = hypnogram_signal::read(&file, &montage, &scoring_options.stage_map)? {
            let HypnogramSignal { label, annotations, warnings: of_signal } = signal;
            let name = format!("{}, signal {label}", name(path));
            parts.add(&name, annotations, &mut warnings);
            warnings.extend(of_signal);
        }
        let ScoringParts { annotations, sources, .. } = parts;
        let scorer = scoring_options.scorer.as_deref();
        let sources = annotation::in_order(sources, scorer).map_err(|known| Error::Scorer {
            path: path.to_owned(),
            scorer: scorer.unwrap_or_default().to_owned(),
            known,
        })?;
        let (scoring, conflicts) = annotation::combine(&sources);
        warnings.extend(conflicts);
        warnings.extend(scoring.warnings());
        warnings.extend(short_scoring(&scoring, &file));
        Ok(Self {
            file,
            montage,
            annotations,
            annotation_files,
            unknown_files: unknown,
            scoring,
            warnings,
        })
    }

    /// Returns the open file.
    pub fn file(&self) -> &EdfReader {
        &self.file
    }

    /// Returns the montage: which signal feeds which channel.
    pub fn montage(&self) -> &ResolvedMontage {
        &self.montage
    }

    /// Returns the annotations of the recording, followed by those of its annotation files.
    pub fn annotations(&self) -> &[ScoredAnnotation] {
        &self.annotations
    }

    /// Returns the first annotation file, if any.
    pub fn annotations_path(&self) -> Option<&Path> {
        self.annotation_files.first().map(|file| file.path.as_path())
    }

    /// Returns what was read of each annotation file.
    pub fn annotation_files(&self) -> &[AnnotationSummary] {
        &self.annotation_files
    }

    /// Returns the files beside the recording that were not understood.
    pub fn unknown_files(&self) -> &[PathBuf] {
        &self.unknown_files
    }

    /// Returns whether the recording is of a person or simulated, by the header.
    pub fn origin(&self) -> RecordingOrigin {
        if self.file.header().is_simulated {
            RecordingOrigin::Simulated
        } else {
            RecordingOrigin::Recorded
        }
    }

    /// Returns the scored stages and events.
    pub fn scoring(&self) -> &Scoring {
        &self.scoring
    }

    /// Returns the kinds of events that were scored even if none occurred: what the profile declares, if the recording has a
    /// scoring, and what the simulator marks, if it has an event.
    pub fn declared_events(&self) -> EventSet {
        let Scoring { hypnogram, events, .. } = &self.scoring;
        if hypnogram.is_empty() && events.is_empty() {
            return EventSet::EMPTY;
        }
        let ScoredByDefault { events: by_profile, annotations } = self.montage.profile().scored;
        let own = (!self.file.annotations().is_empty()).then_some(AnnotationFormat::EdfPlus);
        let has_format = |format| {
            self.annotation_files.iter().map(|it| it.format).chain(own).any(|it| it == format)
        };
        let by_profile =
            if annotations.is_none_or(has_format) { by_profile } else { EventSet::EMPTY };
        // The scoring of a simulated night without any event may be one of stages alone.
        let is_simulated = self.origin() == RecordingOrigin::Simulated && !events.is_empty();
        let simulated = if is_simulated { &SCORED_IN_SIMULATIONS[..] } else { &[] };
        by_profile.iter().chain(simulated.iter().copied()).collect()
    }

    /// Replaces the scored events, for example by those of a truth file.
    pub fn set_events(&mut self, events: Vec<Event>) {
        self.scoring.events = events;
    }

    /// Returns the warnings of the file, its annotations and its montage.
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

/// The annotations of a recording, and its scorings as they are read.
#[derive(Default)]
struct ScoringParts {
    /// End of the recording in seconds, if it limits annotations.
    end_s: Option<f64>,
    annotations: Vec<ScoredAnnotation>,
    sources: Vec<ScoringSource>,
}

impl ScoringParts {
    /// Adds the annotations of a file, as one scoring for each of its scorers.
    fn add(&mut self, name: &str, annotations: Vec<ScoredAnnotation>, warnings: &mut Vec<Warning>) {
        let parts = scorers::split(annotations);
        let has_several = parts.len() > 1;
        for ScorerPart { scorer, mut annotations } in parts {
            warnings.extend(stage_lengths::fill(&mut annotations, self.end_s));
            let is_automatic = scorers::is_program(scorer.as_deref().unwrap_or(name));
            let name = match scorer.as_deref().filter(|_| has_several) {
                Some(scorer) => format!("{name}, {scorer}"),
                None => name.to_owned(),
            };
            let scoring = scoring_within(&annotations, self.end_s, &name, warnings);
            self.sources.push(ScoringSource { name, scorer, is_automatic, scoring });
            self.annotations.append(&mut annotations);
        }
    }
}

/// Returns the annotations within a recording.
fn own_annotations(file: &EdfReader, options: &ScoringOptions) -> Vec<ScoredAnnotation> {
    let path: Arc<Path> = file.path().into();
    let scored = |annotation: &edf::Annotation| ScoredAnnotation {
        file: Some(Arc::clone(&path)),
        ..ScoredAnnotation::from(annotation.clone())
    };
    let mut annotations: Vec<ScoredAnnotation> = file.annotations().iter().map(scored).collect();
    options.stage_map.apply(&mut annotations);
    annotations
}

/// Returns a warning about a file beside a recording.
pub(crate) fn not_understood(path: &Path) -> Warning {
    let message = format!(
        "{} lies beside the recording and was not used: it is not a known kind of annotations or not of the chosen \
         format, or it is a list of stages that could be of any recording",
        quoted(&name(path))
    );
    Warning::new(WarningCode::Annotation, message)
}

/// Returns a warning if the stages cover less than half of what was recorded.
fn short_scoring(scoring: &Scoring, file: &EdfReader) -> Option<Warning> {
    let recorded_s: f64 = file.runs().iter().map(|run| run.duration_s).sum();
    let scored_s = scoring.hypnogram.scored_s();
    let has_signals = end_of_signals_s(file).is_some();
    let is_short = has_signals && scored_s > 0.0 && scored_s < MIN_SCORED_SHARE * recorded_s;
    is_short.then(|| {
        let message =
            format!("the stages cover {scored_s:.0} s of a recording of {recorded_s:.0} s");
        Warning::new(WarningCode::Annotation, message)
    })
}

/// Returns the start of a recording for the clock times of its annotations; without a valid date, on a day of its own. Midnight
/// with a void date is void, too.
fn clock_start(file: &EdfReader) -> Option<DateTime> {
    file.start().or_else(|| {
        let time = file.header().start_time.filter(|time| *time != Time::midnight())?;
        Some(Date::constant(1985, 1, 1).to_datetime(time))
    })
}

/// Returns the end of the recording in seconds, or `None` if the file has no signals and so does not limit annotations.
fn end_of_signals_s(file: &EdfReader) -> Option<f64> {
    file.header().signals.iter().find(|signal| !signal.is_annotations)?;
    file.runs().last().map(|last| last.start_s + last.duration_s)
}

/// Returns the scoring of annotations without stages and events that are entirely outside the recording.
fn scoring_within(
    annotations: &[ScoredAnnotation],
    end_s: Option<f64>,
    name: &str,
    warnings: &mut Vec<Warning>,
) -> Scoring {
    let Some(end_s) = end_s else { return Scoring::from_annotations(annotations) };
    let is_outside = |annotation: &&ScoredAnnotation| {
        let is_scored = match meaning(&annotation.text) {
            Some(Meaning::Stage(stage)) => stage.is_some(),
            Some(Meaning::Event(_)) => true,
            Some(Meaning::LightsOff | Meaning::LightsOn | Meaning::Other | Meaning::Ambiguous)
            | None => false,
        };
        let ends_before = annotation.onset_s < 0.0 && annotation.end_s() <= 0.0;
        is_scored && (ends_before || annotation.onset_s >= end_s)
    };
    let n_outside = annotations.iter().filter(is_outside).count();
    if n_outside > 0 {
        let message = format!(
            "{n_outside} stages and events in `{name}` are outside the recording, which lasts {end_s} s; ignored"
        );
        warnings.push(Warning::new(WarningCode::Annotation, message));
    }
    Scoring::from_annotations(annotations.iter().filter(|annotation| !is_outside(annotation)))
}

/// Returns the name of a file, for messages.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
