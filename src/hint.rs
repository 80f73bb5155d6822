//! Next steps after an error, worded with the commands and flags of this program.
//!
//! The libraries' `hint()` names neither, because a server or a notebook shows it as well.
//! Where a command or a flag is the better advice, this file says so, one function for each library.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use nocturne_engine::grammar::Reason;
use nocturne_index::qdrant::QdrantError;
use nocturne_index::{FoundInstead, LocationName};

/// A next step for the user.
pub(crate) type Hint<'a> = Cow<'a, str>;

/// An error with a next step that depends on the command.
#[derive(Debug)]
struct Hinted {
    error: Box<dyn Error + Send + Sync>,
    hint: &'static str,
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)
    }
}

impl Error for Hinted {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

/// Returns an error with a next step that replaces the general one.
pub(crate) fn with(error: impl Error + Send + Sync + 'static, hint: &'static str) -> anyhow::Error {
    Hinted { error: Box::new(error), hint }.into()
}

/// Returns the next step after an error of one of our libraries.
pub(crate) fn of<'a>(error: &'a (dyn Error + 'static)) -> Option<Hint<'a>> {
    let hinted = error.downcast_ref().map(|it: &Hinted| Hint::from(it.hint));
    hinted
        .or_else(|| error.downcast_ref().and_then(of_service))
        .or_else(|| error.downcast_ref().and_then(of_eval))
        .or_else(|| error.downcast_ref().and_then(of_engine))
        .or_else(|| error.downcast_ref().and_then(of_indexer))
        .or_else(|| error.downcast_ref().and_then(of_recording))
        .or_else(|| error.downcast_ref().and_then(of_index))
        .or_else(|| error.downcast_ref().and_then(of_encoder))
        .or_else(|| error.downcast_ref().and_then(of_simulator))
        .or_else(|| error.downcast_ref().and_then(of_psg))
        .or_else(|| error.downcast_ref().and_then(of_edf))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's own hint serves for the rest")]
fn of_edf(error: &nocturne_psg::edf::Error) -> Option<Hint<'_>> {
    use nocturne_psg::edf::Error;
    match error {
        Error::NotAFile { .. } => {
            Some("pass a recording file, or index its folder with `nocturne index DIR`".into())
        }
        error => error.hint().map(Hint::from),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's own hint serves for the rest")]
fn of_psg(error: &nocturne_psg::Error) -> Option<Hint<'_>> {
    use nocturne_psg::Error;
    let hint = match error {
        Error::Edf(error) => return of_edf(error),
        Error::NoChannel { .. } => {
            "`nocturne inspect FILE` lists the signals; assign them to channels in a profile (`--profile FILE`)"
        }
        Error::UnknownProfile { .. } => {
            "pass the path of a TOML file to use a profile of your own (`--profile FILE`)"
        }
        error => return error.hint().map(Hint::from),
    };
    Some(hint.into())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's own hint serves for the rest")]
fn of_simulator(error: &nocturne_simulator::Error) -> Option<Hint<'_>> {
    match error {
        nocturne_simulator::Error::Recording(error) => of_edf(error),
        error => error.hint().map(Hint::from),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's own hint serves for the rest")]
fn of_encoder(error: &nocturne_encoder::Error) -> Option<Hint<'_>> {
    use nocturne_encoder::Error;
    let hint = match error {
        Error::Concept { .. } => "write the concept file with `nocturne-train fewshot`",
        Error::OtherConcept { .. } => {
            "learn the concept again with `nocturne-train fewshot`, or pass its bundle with `--bundle DIR`"
        }
        Error::NoCaptioner { .. } => {
            "pass a bundle that has a caption decoder (`--bundle DIR`), or `--source rules` for captions from the signals \
             and annotations"
        }
        Error::NoRuntime { .. } | Error::Runtime { .. } => {
            "run `cargo xtask setup`, or pass the library with `--onnxruntime FILE`"
        }
        Error::NoCuda { .. } => {
            "`--device auto` falls back to the CPU; CUDA needs the GPU build of ONNX Runtime"
        }
        Error::NotABundle { .. } => {
            "`--bundle` expects a folder that contains `bundle.toml` and its models"
        }
        error => return error.hint().map(Hint::from),
    };
    Some(hint.into())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's own hint serves for the rest")]
fn of_index(error: &nocturne_index::Error) -> Option<Hint<'_>> {
    use nocturne_index::{Error, StoredFile};
    let hint = match error {
        Error::NotACollection {
            location: LocationName::Path(path),
            found: FoundInstead::Nothing,
        } => {
            let path = path.display();
            let create = format!("`nocturne index FOLDER --collection {path}`");
            return Some(format!("check the path, or create it with {create}").into());
        }
        Error::NotACollection { location: LocationName::Path(_), .. } => {
            "check the path, or create the collection with `nocturne index`"
        }
        Error::NotACollection { location: LocationName::Address(_), .. } => {
            "check the address, or create the collection with `nocturne index` or `nocturne copy`"
        }
        Error::Damaged { file: StoredFile::Segment, .. } => {
            "index the recording again with `nocturne index`, or copy it from a backup with \
             `nocturne verify --repair --from COLLECTION`"
        }
        Error::SpaceExists { .. } => {
            "choose another name, or remove that space with `nocturne space drop`"
        }
        Error::IncompleteSpace { .. } => {
            "run `nocturne space backfill` first, or pass `--incomplete` to serve the space as it is"
        }
        Error::UnfinishedUpload { .. } => {
            "wait for the upload to end; if it was cut short, run `nocturne index` again, or pass `--incomplete`"
        }
        Error::NothingToRollBack { .. } => {
            "`nocturne space promote NAME` serves any space; `nocturne space list` lists them"
        }
        Error::UnknownFacet { .. } => {
            "`nocturne index` and `nocturne metadata` add columns of metadata"
        }
        Error::UnknownRecording { .. } => {
            "names are case-sensitive; `nocturne list` lists the recordings of a collection"
        }
        error => match QdrantError::of(error) {
            Some(error) => return of_qdrant(error),
            None => return error.hint(),
        },
    };
    Some(hint.into())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's own hint serves for the rest")]
fn of_qdrant(error: &QdrantError) -> Option<Hint<'_>> {
    let hint = match error {
        QdrantError::PointsMissing { .. } => {
            "delete the manifest in Qdrant as well, then copy the collection again with `nocturne copy`"
        }
        QdrantError::InvalidPoint { .. } | QdrantError::DamagedRecording { .. } => {
            "send the recording again with `nocturne verify --repair --from COLLECTION`"
        }
        QdrantError::ServedAlias { .. } => {
            "delete the alias in Qdrant, which serves `main`, then run `nocturne space promote NAME`"
        }
        QdrantError::Conflict { .. } => {
            "give each process its own part of the recordings with `--shard I/N`, and run `nocturne index` again"
        }
        error => return error.hint().map(Hint::from),
    };
    Some(hint.into())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's own hint serves for the rest")]
fn of_engine(error: &nocturne_engine::Error) -> Option<Hint<'_>> {
    use nocturne_engine::Error;
    let hint = match error {
        Error::Index(error) => return of_index(error),
        Error::Encoder(error) => return of_encoder(error),
        Error::Psg(error) => return of_psg(error),
        Error::BundleUnknown { .. } => "pass the bundle with `--bundle DIR`",
        Error::Unsupported { .. } => "pass a bundle that supports it (`--bundle DIR`)",
        Error::Unreadable(problem) if problem.reason == Reason::FreeWords => {
            "rank epochs by similarity with `nocturne search`"
        }
        Error::Unreadable(problem) if problem.reason == Reason::NotOfEpochs => {
            "ask `nocturne nights`, which compares numbers"
        }
        Error::Unreadable(problem) if matches!(problem.reason, Reason::NoColumn { .. }) => {
            "`nocturne metadata TABLE --collection COLLECTION` adds columns of metadata"
        }
        Error::NotMeasurable { .. } => {
            "rank by similarity to the words alone with `nocturne search`, or with `nocturne search --nights`"
        }
        error => return error.hint(),
    };
    Some(hint.into())
}

#[expect(clippy::unnecessary_wraps, reason = "the same shape for every library")]
fn of_service(error: &nocturne_service::Error) -> Option<Hint<'_>> {
    match error {
        nocturne_service::Error::Serve { .. } => Some(
            "another program may use the address; choose another one with `--listen ADDRESS`"
                .into(),
        ),
    }
}

fn of_eval(error: &nocturne_eval::Error) -> Option<Hint<'_>> {
    use nocturne_eval::Error;
    match error {
        Error::Calibration(error) => error.hint().map(Hint::from),
        Error::NoRecordings => None,
        Error::Unreadable { source, .. } => of_eval(source),
        Error::Encoder(error) => of_encoder(error),
        Error::Psg(error) => of_psg(error),
        Error::Simulator(error) => of_simulator(error),
    }
}

fn of_indexer(error: &nocturne_indexer::Error) -> Option<Hint<'_>> {
    use nocturne_indexer::Error;
    match error {
        Error::Index(error) => of_index(error),
        Error::List(error) | Error::Profile(error) => of_psg(error),
        Error::Folder { .. } | Error::NoRecordings { .. } | Error::ThreadLost { .. } => {
            error.hint()
        }
    }
}

/// Returns the next step after a recording could not be indexed.
pub(crate) fn of_recording(error: &nocturne_indexer::RecordingError) -> Option<Hint<'_>> {
    use nocturne_indexer::RecordingError as Error;
    let hint = match error {
        Error::Psg(error) => return of_psg(error),
        Error::Encoder { source, .. } => return of_encoder(source),
        Error::Index(error) => return of_index(error),
        Error::NameTaken { .. } => "prefix the names of each source with `--cohort NAME`",
        Error::Gone { .. } => {
            "pass the folder that contains the recordings now with `--recordings DIR`"
        }
        Error::OwnProfile { .. } => "pass that file with `--profile FILE`",
        Error::Strict { .. } => "without `--strict` the recording is indexed with its warnings",
        Error::Name { .. } | Error::Changed { .. } => return error.hint(),
    };
    Some(hint.into())
}
