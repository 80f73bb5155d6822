//! Checks a draft before it is sealed, so that every reader can rely on it.

use nocturne_psg::Event;

use crate::error::{Error, Result};
use crate::recording::{EmbeddingSpace, RecordingDraft};

/// Sorts the captions by epoch and checks everything that a collection relies on.
///
/// # Errors
///
/// [`Error::InvalidDraft`] and [`Error::Dimension`].
pub(super) fn validated(
    mut draft: RecordingDraft,
    space: &EmbeddingSpace,
) -> Result<RecordingDraft> {
    // A stable sort: the order of the captions of an epoch is preserved.
    draft.captions.sort_by_key(|caption| caption.epoch);
    check_dimensions(&draft, space)?;
    let problem = problem_of_sizes(&draft)
        .or_else(|| problem_of_epochs(&draft))
        .or_else(|| problem_of_captions(&draft))
        .or_else(|| problem_of_events(&draft))
        .or_else(|| problem_of_signals(&draft));
    match problem {
        Some(problem) => Err(Error::InvalidDraft { recording: draft.id, problem }),
        None => Ok(draft),
    }
}

fn check_dimensions(draft: &RecordingDraft, space: &EmbeddingSpace) -> Result<()> {
    let epochs = draft.epochs.iter().map(|epoch| &epoch.vector);
    let captions = draft.captions.iter().map(|caption| &caption.vector);
    match epochs.chain(captions).find(|vector| vector.dim() != space.dim) {
        Some(vector) => Err(Error::Dimension { expected: space.dim, received: vector.dim() }),
        None => Ok(()),
    }
}

/// Positions in the columns of a segment are 32-bit numbers.
fn problem_of_sizes(draft: &RecordingDraft) -> Option<String> {
    let text_bytes = draft.captions.iter().map(|caption| caption.text.len()).sum();
    [
        ("epochs", draft.epochs.len()),
        ("captions", draft.captions.len()),
        ("bytes of captions", text_bytes),
    ]
    .into_iter()
    .find(|(_, size)| u32::try_from(*size).is_err())
    .map(|(what, size)| format!("it has {size} {what}; expected at most {}", u32::MAX))
}

fn problem_of_epochs(draft: &RecordingDraft) -> Option<String> {
    if let Some(epoch) = draft.epochs.iter().find(|epoch| !epoch.onset_s.is_finite()) {
        return Some(format!("epoch {} starts at {} s", epoch.number, epoch.onset_s));
    }
    let pair = draft.epochs.windows(2).find(|pair| pair[0].number >= pair[1].number)?;
    let (before, after) = (pair[0].number, pair[1].number);
    Some(format!("epoch {after} follows epoch {before}; expected ascending numbers"))
}

fn problem_of_captions(draft: &RecordingDraft) -> Option<String> {
    let position = |number| draft.epochs.binary_search_by_key(&number, |epoch| epoch.number);
    let caption = draft.captions.iter().find(|caption| position(caption.epoch).is_err())?;
    Some(format!("a caption describes epoch {}, which is missing", caption.epoch))
}

fn problem_of_events(draft: &RecordingDraft) -> Option<String> {
    let is_finite = |event: &Event| event.onset_s.is_finite() && event.duration_s.is_finite();
    let event = draft.events.iter().flatten().find(|event| !is_finite(event))?;
    let Event { kind, onset_s, duration_s, .. } = event;
    Some(format!("its event `{kind}` starts at {onset_s} s and lasts {duration_s} s"))
}

fn problem_of_signals(draft: &RecordingDraft) -> Option<String> {
    let signals = draft.signals.as_ref()?;
    let n_epochs = draft.epochs.len();
    match signals.n_epochs() {
        Some(n) if n == n_epochs || n == 0 => None,
        found => {
            let found = found.map_or("different numbers of".to_owned(), |n| n.to_string());
            Some(format!("its measures on signals have {found} epochs; expected {n_epochs}"))
        }
    }
}
