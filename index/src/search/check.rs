//! Do lists and graph say what the segments say?

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Result;
use crate::folder::Collection;
use crate::search::member::Member;
use crate::search::{ExactIndex, hnsw, ivf};
use crate::storage::CacheFiles;
use crate::storage::FileContent;
use crate::storage::Handle;
use crate::storage::envelope::Damage;
use crate::vector::Codes;

/// A file of lists or of a graph that cannot be trusted. Nothing is lost with it: it is made anew of the segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheProblem {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it, and where.
    pub problem: String,
}

impl Collection {
    /// Reads every byte of lists and graph, compares each row with the segment that it comes from, and returns what is
    /// wrong. Rows of recordings that were removed or replaced since are passed over, as searches do.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), and [`Error::Outdated`](crate::Error::Outdated) where a writer has gone on.
    pub fn verify_caches(&self) -> Result<Vec<CacheProblem>> {
        let exact = ExactIndex::open(self)?;
        let kinds: [(CacheFiles, Check); 2] =
            [(ivf::FILES, ivf::check), (hnsw::FILES, hnsw::check)];
        let storage = self.storage().as_ref();
        let mut problems = Vec::new();
        for (files, check) in kinds {
            for (name, hash) in files.list(storage)? {
                let path = storage.path(&name);
                let found = match storage.map(&name) {
                    Ok(content) => check(content, &exact),
                    Err(error) => Err(Damage::at(0, error.to_string())),
                };
                let problem = match found {
                    Ok(found) if found == hash => continue,
                    Ok(_) => "its content is not that of its name".to_owned(),
                    Err(Damage { offset, problem }) => format!("at byte {offset}: {problem}"),
                };
                problems.push(CacheProblem { path, problem });
            }
        }
        Ok(problems)
    }
}

/// Checks a file and returns the hash of its content.
type Check = fn(FileContent, &ExactIndex) -> Result<crate::recording::SegmentHash, Damage>;

/// The segments that the members of a cache come from.
pub(crate) struct Members<'a> {
    /// Nothing where a recording was removed, replaced or damaged since.
    handles: Vec<Option<&'a Arc<Handle>>>,
}

impl<'a> Members<'a> {
    /// Finds the members in a snapshot.
    pub(crate) fn of(members: &[Member], exact: &'a ExactIndex) -> Self {
        let handle = |member: &Member| Some(&exact.handles()[member.number_in(exact)?]);
        Self { handles: members.iter().map(handle).collect() }
    }

    /// Refuses a row of a cache, at a byte of its file, that is not what follows from its segment's codes.
    pub(crate) fn expect(
        &self,
        [member, row]: [u32; 2],
        at: usize,
        follows: impl FnOnce(&Codes, usize) -> bool,
    ) -> Result<(), Damage> {
        let strange =
            |problem| Damage::at(at, format!("row {row} of recording {member} {problem}"));
        let handle = self.handles.get(member as usize);
        let handle = handle.ok_or_else(|| strange("is in no recording"))?;
        // What is wrong with a segment is told by who reads segments.
        let Some(known) = handle.and_then(|handle| handle.codes().ok()) else { return Ok(()) };
        match row as usize {
            row if row >= known.len() => Err(strange("is in no recording")),
            row if follows(known, row) => Ok(()),
            _ => Err(strange("is not that of its segment")),
        }
    }
}
