//! The content of a sealed file: mapped into memory, or copied.
//!
//! Why map? Mapped codes are scanned as fast as copied ones, and are memory that the system can take back
//! (`BENCHMARKS.md`, "Why codes are mapped and not copied").

#![expect(
    unsafe_code,
    reason = "a mapped file can be changed by another program; see `FileContent::map`"
)]

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use memmap2::Mmap;

/// The content of a file that is never changed again; clones share the same bytes.
///
/// Bytes accessed in place count as memory of this process, and so do their neighbours, because the system maps many pages
/// at once. [`read`](Self::read) copies bytes instead, for those that are needed once.
#[derive(Clone)]
pub struct FileContent(Arc<Content>);

enum Content {
    Mapped {
        map: Mmap,
        source: MappedFile,
    },
    /// Bytes in memory; the content starts at `start`, so that it is aligned.
    Owned {
        bytes: Vec<u8>,
        start: usize,
    },
}

impl FileContent {
    /// Maps a file: nothing is read before it is accessed, and a file that is removed meanwhile stays readable.
    ///
    /// # What can go wrong?
    ///
    /// Files of a collection are written under another name, sealed, and never changed after that. If another program
    /// truncates a mapped file, or the disk cannot read it, the system ends the process (`SIGBUS`); changed bytes are
    /// found by their checksum.
    pub(super) fn map(path: PathBuf) -> io::Result<Self> {
        let file = File::open(&path)?;
        // SAFETY: this crate never writes to a file after it got the name under which it is opened here. Another program
        // that does can change bytes after they were checked, but every value computed from them is checked again, or
        // any value is valid.
        let map = unsafe { Mmap::map(&file)? };
        let source = MappedFile { path, open: OpenFile::of(file) };
        Ok(Self(Arc::new(Content::Mapped { map, source })))
    }

    /// Fills `bytes` with the content from `start` on.
    ///
    /// # Errors
    ///
    /// The system's error, or [`io::ErrorKind::UnexpectedEof`] if the content is too short.
    pub(crate) fn read(&self, start: usize, bytes: &mut [u8]) -> io::Result<()> {
        if let Content::Mapped { source, .. } = &*self.0
            && let Some(read) = source.read(start, bytes)
        {
            return read;
        }
        let end = start.checked_add(bytes.len());
        let found = end.and_then(|end| self.get(start..end));
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    /// Advises the system that only these bytes are accessed in place, so that it does not map their neighbours.
    pub(crate) fn advise_in_place(&self, range: &Range<usize>) {
        #[cfg(unix)]
        if let Content::Mapped { map, .. } = &*self.0 {
            // The smallest page size in use; with larger pages, slightly more is mapped.
            const PAGE: usize = 4096;
            let before = range.start / PAGE * PAGE;
            let after = range.end.next_multiple_of(PAGE).min(map.len());
            for (start, end) in [(0, before), (after, map.len())] {
                // "Random" turns read-ahead off outside the range. It is only advice, so an error does not matter.
                let _ = map.advise_range(memmap2::Advice::Random, start, end - start);
            }
        }
        #[cfg(not(unix))]
        let _ = range;
    }
}

/// The file behind a map, from which bytes can be copied.
struct MappedFile {
    path: PathBuf,
    open: Option<OpenFile>,
}

impl MappedFile {
    /// Copies bytes; `None` if the file is gone or the platform cannot read at an offset.
    fn read(&self, start: usize, bytes: &mut [u8]) -> Option<io::Result<()>> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileExt;
            let start = start as u64;
            match &self.open {
                Some(OpenFile(file)) => Some(file.read_exact_at(bytes, start)),
                None => Some(File::open(&self.path).ok()?.read_exact_at(bytes, start)),
            }
        }
        #[cfg(not(unix))]
        {
            let _ = (&self.path, &self.open, start, bytes);
            None
        }
    }
}

/// A file kept open.
struct OpenFile(File);

/// Number of files kept open.
static N_OPEN: AtomicUsize = AtomicUsize::new(0);

impl OpenFile {
    /// Keeps a file open, unless many are open already.
    fn of(file: File) -> Option<Self> {
        /// Opening a file takes about as long as reading a vector, so open files pay off; some systems allow a process only 256.
        const MAX_OPEN: usize = 128;
        let one_more = |n| (n < MAX_OPEN).then_some(n + 1);
        N_OPEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Self(file))
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        N_OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

impl From<Vec<u8>> for FileContent {
    /// Takes bytes, and moves them unless they are aligned to 64 bytes, as the content of a mapped file is.
    fn from(mut bytes: Vec<u8>) -> Self {
        const ALIGNMENT: usize = 64;
        let length = bytes.len();
        let mut start = bytes.as_ptr().align_offset(ALIGNMENT);
        if start > 0 {
            let mut moved: Vec<u8> = Vec::with_capacity(length + ALIGNMENT);
            start = moved.as_ptr().align_offset(ALIGNMENT);
            moved.resize(start, 0);
            moved.append(&mut bytes);
            bytes = moved;
        }
        Self(Arc::new(Content::Owned { bytes, start }))
    }
}

impl Deref for FileContent {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &*self.0 {
            Content::Mapped { map, .. } => map,
            Content::Owned { bytes, start } => &bytes[*start..],
        }
    }
}

impl AsRef<[u8]> for FileContent {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for FileContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(bytes: &[u8]) -> (tempfile::TempDir, FileContent) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, bytes).unwrap();
        let content = FileContent::map(path).unwrap();
        (folder, content)
    }

    #[track_caller]
    fn check(content: &FileContent, expect: &[u8]) {
        for start in 0..expect.len() {
            let mut bytes = vec![0; expect.len() - start];
            content.read(start, &mut bytes).unwrap();
            assert_eq!(bytes, expect[start..]);
            let mut longer = vec![0; expect.len() - start + 1];
            let error = content.read(start, &mut longer).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
        assert_eq!(&content[..], expect);
    }

    #[test]
    fn bytes_are_copied_from_memory_and_from_maps() {
        let bytes: Vec<u8> = (0..99).collect();
        check(&FileContent::from(bytes.clone()), &bytes);
        let (_folder, content) = content(&bytes);
        check(&content, &bytes);
    }

    #[test]
    fn removed_file_stays_readable() {
        let bytes = [7; 99];
        // More than are kept open, so that some are opened again for each copy.
        let contents: Vec<_> = (0..300).map(|_| content(&bytes).1).collect();
        contents.iter().for_each(|content| check(content, &bytes));
    }

    #[test]
    fn advice_does_not_change_the_content() {
        let bytes: Vec<u8> = (0..30_000_u32).map(|i| (i % 251) as u8).collect();
        let (_folder, content) = content(&bytes);
        for range in [0..0, 0..30_000, 9_000..20_000, 1..2, 29_999..30_000] {
            content.advise_in_place(&range);
            assert_eq!(&content[..], &bytes);
        }
    }
}
