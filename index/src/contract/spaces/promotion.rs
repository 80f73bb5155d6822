//! Promotion and rollback: another embedding space of a collection is served, by one change of the pointer.

use super::{Coverage, RequiredCoverage, Serving, Spaces};
use crate::error::{Error, Result};
use crate::recording::SpaceName;

/// What a promotion or a rollback has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    /// The state of the pointer now.
    pub serving: Serving,
    /// How the space that is served now differs from the previous one, or `None` if that one could not be read.
    pub coverage: Option<Coverage>,
}

/// Serves a space from now on.
pub(super) fn promote<S: Spaces + ?Sized>(
    spaces: &S,
    name: &SpaceName,
    required: RequiredCoverage,
) -> Result<Promotion> {
    let _lock = spaces.lock()?;
    serve(spaces, &spaces.serving()?, name, required)
}

/// Serves the previous space again.
pub(super) fn roll_back<S: Spaces + ?Sized>(spaces: &S) -> Result<Promotion> {
    let _lock = spaces.lock()?;
    let serving = spaces.serving()?;
    let Some(previous) = &serving.previous else {
        return Err(Error::NothingToRollBack { location: spaces.location() });
    };
    serve(spaces, &serving, previous, RequiredCoverage::Any)
}

fn serve<S: Spaces + ?Sized>(
    spaces: &S,
    serving: &Serving,
    name: &SpaceName,
    required: RequiredCoverage,
) -> Result<Promotion> {
    let candidate = spaces.reader(name)?;
    if serving.space == *name {
        return Err(Error::ServedSpace { location: spaces.location(), name: name.clone() });
    }
    // A recording that is committed to the served space from here on would disappear with the promotion.
    let _writers = spaces.lock_writers(&serving.space)?;
    let coverage = match (spaces.reader(&serving.space), required) {
        (Ok(served), _) => {
            let coverage = Coverage::of(&*served, &*candidate);
            if required == RequiredCoverage::Complete {
                coverage.expect_complete(name, &serving.space)?;
                if let Some(recording) = served.unfinished().into_iter().next() {
                    return Err(Error::UnfinishedUpload { location: served.location(), recording });
                }
            }
            // Where writers cannot be locked out, at least what they have done since is noticed.
            if !served.is_current()? {
                return Err(Error::SpaceChanged {
                    location: spaces.location(),
                    name: serving.space.clone(),
                });
            }
            Some(coverage)
        }
        // A served space that cannot be read is one more reason to serve another.
        (Err(_), RequiredCoverage::Any) => None,
        (Err(error), RequiredCoverage::Complete) => return Err(error),
    };
    let serving = serving.followed_by(name.clone());
    spaces.set_serving(&serving)?;
    Ok(Promotion { serving, coverage })
}
