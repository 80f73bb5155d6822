//! The content of a sealed file: looked at in place, which the system keeps in memory as long as there is room, or copied.

#![expect(
    unsafe_code,
    reason = "a mapped file can be changed behind our back; see `FileContent::of`"
)]

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use memmap2::Mmap;

/// The content of a file that nobody changes any more; clones are the same bytes.
///
/// Bytes that are looked at in place are counted as memory of this process, and those beside them too, for the system maps
/// many pages at once. [`read`](Self::read) copies bytes instead: what is needed here and there does not stay.
#[derive(Clone)]
pub struct FileContent(Arc<Kept>);

enum Kept {
    Mapped { map: Mmap, source: Source },
    Read { bytes: Vec<u8>, start: usize },
}

impl FileContent {
    /// Maps a file: nothing is read before it is looked at, and what was removed meanwhile stays readable.
    ///
    /// # What may go wrong?
    ///
    /// Files of a collection are written under another name, sealed, and never changed after that.
    /// Where somebody else cuts such a file off while it is mapped, or the disk cannot read it, the system ends the
    /// process (`SIGBUS`); changed bytes are found by their checksum.
    pub(super) fn of(path: PathBuf) -> io::Result<Self> {
        let file = File::open(&path)?;
        // SAFETY: our own code never writes to a file after it got the name under which it is opened here. A stranger who
        // does can change bytes that were checked, but every value that is made of them is checked again or may be any.
        let map = unsafe { Mmap::map(&file)? };
        let source = Source { path, open: OpenFile::of(file) };
        Ok(Self(Arc::new(Kept::Mapped { map, source })))
    }

    /// Copies the bytes from a place on, as many as there is room for.
    ///
    /// # Errors
    ///
    /// What the system says, and [`io::ErrorKind::UnexpectedEof`] where there are not as many.
    pub(crate) fn read(&self, start: usize, bytes: &mut [u8]) -> io::Result<()> {
        if let Kept::Mapped { source, .. } = &*self.0
            && let Some(read) = source.read(start, bytes)
        {
            return read;
        }
        let end = start.checked_add(bytes.len());
        let found = end.and_then(|end| self.get(start..end));
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    /// Tells the system that only these bytes are looked at in place, so that it does not map what lies beside them.
    pub(crate) fn look_only_at(&self, range: &Range<usize>) {
        #[cfg(unix)]
        if let Kept::Mapped { map, .. } = &*self.0 {
            // No page of a system that we know is smaller; with greater ones, a few pages more are mapped.
            const PAGE: usize = 4096;
            let before = range.start / PAGE * PAGE;
            let after = range.end.next_multiple_of(PAGE).min(map.len());
            for (start, end) in [(0, before), (after, map.len())] {
                // Pages are mapped together where the same advice was given, and it is no more than advice.
                let _ = map.advise_range(memmap2::Advice::Random, start, end - start);
            }
        }
        #[cfg(not(unix))]
        let _ = range;
    }
}

/// Where the bytes of a mapped file can be copied from.
struct Source {
    path: PathBuf,
    open: Option<OpenFile>,
}

impl Source {
    /// Copies bytes; nothing where the file is gone, or the system cannot read at a place.
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

/// A file that stays open.
struct OpenFile(File);

/// How many there are.
static N_OPEN: AtomicUsize = AtomicUsize::new(0);

impl OpenFile {
    /// Keeps a file open, unless there are many.
    fn of(file: File) -> Option<Self> {
        /// Opening one takes about as long as reading a vector, and some systems allow a process only 256.
        const MOST: usize = 128;
        let one_more = |n| (n < MOST).then_some(n + 1);
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
    /// Takes bytes, and moves them where they do not begin at a multiple of 64, as those of a mapped file do.
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
        Self(Arc::new(Kept::Read { bytes, start }))
    }
}

impl Deref for FileContent {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &*self.0 {
            Kept::Mapped { map, .. } => map,
            Kept::Read { bytes, start } => &bytes[*start..],
        }
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
        let content = FileContent::of(path).unwrap();
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
    fn bytes_are_copied_wherever_they_are() {
        let bytes: Vec<u8> = (0..99).collect();
        check(&FileContent::from(bytes.clone()), &bytes);
        let (_folder, content) = content(&bytes);
        check(&content, &bytes);
    }

    #[test]
    fn removed_file_stays_readable() {
        let bytes = [7; 99];
        // More than stay open, so that some are opened anew for each copy.
        let contents: Vec<_> = (0..300).map(|_| content(&bytes).1).collect();
        contents.iter().for_each(|content| check(content, &bytes));
    }

    #[test]
    fn advice_changes_no_byte() {
        let bytes: Vec<u8> = (0..30_000_u32).map(|place| (place % 251) as u8).collect();
        let (_folder, content) = content(&bytes);
        for range in [0..0, 0..30_000, 9_000..20_000, 1..2, 29_999..30_000] {
            content.look_only_at(&range);
            assert_eq!(&content[..], &bytes);
        }
    }
}
