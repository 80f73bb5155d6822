//! The content of a sealed file, which the system keeps in memory as long as there is room, and reads again after that.

#![expect(
    unsafe_code,
    reason = "a mapped file can be changed behind our back; see `FileContent::of`"
)]

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::Arc;

use memmap2::Mmap;

/// The content of a file that nobody changes any more; clones are the same bytes.
#[derive(Clone)]
pub struct FileContent(Arc<Kept>);

enum Kept {
    Mapped(Mmap),
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
    pub(super) fn of(file: &File) -> io::Result<Self> {
        // SAFETY: our own code never writes to a file after it got the name under which it is opened here. A stranger who
        // does can change bytes that were checked, but every value that is made of them is checked again or may be any.
        let map = unsafe { Mmap::map(file)? };
        Ok(Self(Arc::new(Kept::Mapped(map))))
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
            Kept::Mapped(map) => map,
            Kept::Read { bytes, start } => &bytes[*start..],
        }
    }
}

impl fmt::Debug for FileContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}
