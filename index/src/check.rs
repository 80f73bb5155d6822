//! Do lists and graph say what the segments say?

use std::path::PathBuf;

use crate::cache_files::CacheFiles;
use crate::envelope::Damage;
use crate::kernel::Line;
use crate::member::Member;
use crate::storage::FileContent;
use crate::{Collection, ExactIndex, Result, graph, partitions};

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
            [(partitions::FILES, partitions::check), (graph::FILES, graph::check)];
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
type Check = fn(FileContent, &ExactIndex) -> Result<crate::SegmentHash, Damage>;

/// A row of a cache: where it comes from, its codes, and what they are to be multiplied with.
pub(crate) struct CachedRow<'a> {
    pub(crate) place: [u32; 2],
    pub(crate) codes: &'a [Line],
    pub(crate) scale: f32,
}

/// Refuses rows that differ from those of the segments.
pub(crate) fn expect_rows<'a>(
    exact: &ExactIndex,
    members: &[Member],
    at: usize,
    rows: impl Iterator<Item = CachedRow<'a>>,
) -> Result<(), Damage> {
    let handles: Vec<_> = members
        .iter()
        .map(|member| member.number_in(exact).map(|number| &exact.handles()[number]))
        .collect();
    for CachedRow { place: [member, row], codes, scale } in rows {
        let strange =
            |problem| Damage::at(at, format!("row {row} of recording {member} {problem}"));
        let handle = handles.get(member as usize).ok_or_else(|| strange("is in no recording"))?;
        // What is wrong with a segment is told by who reads segments.
        let Some(known) = handle.and_then(|handle| handle.codes().ok()) else { continue };
        let row = row as usize;
        if row >= known.len() {
            return Err(strange("is in no recording"));
        }
        if known.lines(row..row + 1) != codes || known.scales()[row].to_bits() != scale.to_bits() {
            return Err(strange("is not that of its segment"));
        }
    }
    Ok(())
}
