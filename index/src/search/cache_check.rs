//! Compares cache files with the segments that they were built from.

use std::sync::Arc;

use super::cache_member::CacheMember;
use super::{ExactIndex, hnsw, ivf};
use crate::contract::CacheProblem;
use crate::error::{LocationName, Result};
use crate::recording::ContentHash;
use crate::storage::cache_files::CacheFiles;
use crate::storage::envelope::Damage;
use crate::storage::segment::OpenSegment;
use crate::storage::{FileContent, Storage};
use crate::vector::Int8Codes;

/// Checks a file and returns the hash of its content.
type Check = fn(FileContent, &ExactIndex) -> Result<ContentHash, Damage>;

/// Reads every byte of the cache files beside a collection, compares each row with its segment, and returns the problems.
///
/// Rows of recordings that were removed or replaced since are skipped, as searches do.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io).
pub(crate) fn check_caches(exact: &ExactIndex, storage: &dyn Storage) -> Result<Vec<CacheProblem>> {
    let kinds: [(CacheFiles, Check); 2] =
        [(CacheFiles::IVF, ivf::check), (CacheFiles::HNSW, hnsw::check)];
    let mut problems = Vec::new();
    for (files, check) in kinds {
        for (name, hash) in files.list(storage)? {
            let checked = match storage.map(&name) {
                Ok(content) => check(content, exact),
                Err(error) => Err(Damage::at(0, error.to_string())),
            };
            let problem = match checked {
                Ok(found) if found == hash => continue,
                Ok(_) => "its content is not that of its name".to_owned(),
                Err(Damage { offset, problem }) => format!("at byte {offset}: {problem}"),
            };
            problems
                .push(CacheProblem { location: LocationName::Path(storage.path(&name)), problem });
        }
    }
    Ok(problems)
}

/// The segments of the recordings in a cache file.
pub(super) struct MemberSegments<'a> {
    /// By member; `None` if the recording was removed, replaced or damaged since.
    segments: Vec<Option<&'a Arc<OpenSegment>>>,
}

impl<'a> MemberSegments<'a> {
    /// Finds the members in a snapshot.
    pub(super) fn of(members: &[CacheMember], exact: &'a ExactIndex) -> Self {
        let segment = |member: &CacheMember| Some(&exact.segments()[member.position_in(exact)?]);
        Self { segments: members.iter().map(segment).collect() }
    }

    /// Refuses a row of a cache, stored at a byte offset, that does not follow from the codes of its segment.
    pub(super) fn expect(
        &self,
        [member, row]: [u32; 2],
        offset: usize,
        follows: impl FnOnce(&Int8Codes, usize) -> bool,
    ) -> Result<(), Damage> {
        let damage =
            |problem| Damage::at(offset, format!("row {row} of recording {member} {problem}"));
        let segment = self.segments.get(member as usize);
        let segment = segment.ok_or_else(|| damage("does not exist"))?;
        // Damage of a segment is reported by the check of segments.
        let Some(codes) = segment.and_then(|segment| segment.codes().ok()) else { return Ok(()) };
        match row as usize {
            row if row >= codes.len() => Err(damage("does not exist")),
            row if follows(codes, row) => Ok(()),
            _ => Err(damage("differs from its segment")),
        }
    }
}
