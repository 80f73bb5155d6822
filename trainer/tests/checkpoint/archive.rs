//! Writes zip archives in the way of `torch.save`, and malformed ones.

use std::io::Write;

/// A 32-bit field with this value refers to the zip64 field.
const IN_ZIP64: u64 = 0xffff_ffff;

/// Names are UTF-8, and only the central directory has the sizes.
const FLAGS: u16 = 0x808;

/// A written entry.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc: u32,
    pub(crate) stored: u64,
    pub(crate) len: u64,
    pub(crate) local_header: u64,
}

/// An archive that is being written.
pub(crate) struct Archive<W> {
    out: W,
    at: u64,
    pub(crate) entries: Vec<Entry>,
}

impl<W: Write> Archive<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, at: 0, entries: Vec::new() }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.out.write_all(bytes).unwrap();
        self.at += bytes.len() as u64;
    }

    /// Adds a stored entry.
    pub(crate) fn add(&mut self, name: &str, bytes: &[u8]) {
        let local_header = self.put_local(name, bytes, 0);
        let (name, crc, len) = (name.to_owned(), crc32fast::hash(bytes), bytes.len() as u64);
        let (flags, method) = (FLAGS, 0);
        self.entries.push(Entry { name, flags, method, crc, stored: len, len, local_header });
    }

    /// Adds a deflated entry with an uncompressed length of `len`.
    pub(crate) fn add_deflated(&mut self, name: &str, deflated: &[u8], len: u64, crc: u32) {
        let local_header = self.put_local(name, deflated, 8);
        let (name, stored) = (name.to_owned(), deflated.len() as u64);
        let (flags, method) = (FLAGS, 8);
        self.entries.push(Entry { name, flags, method, crc, stored, len, local_header });
    }

    /// Writes a header, and bytes at a multiple of 64 as PyTorch aligns them; returns the offset of the header.
    ///
    /// The header has neither sizes nor checksum.
    fn put_local(&mut self, name: &str, bytes: &[u8], method: u16) -> u64 {
        let local_header = self.at;
        let start = self.at + 30 + name.len() as u64;
        let padding = (start + 4).next_multiple_of(64) - start;
        self.put(b"PK\x03\x04\0\0");
        self.put(&FLAGS.to_le_bytes());
        self.put(&method.to_le_bytes());
        self.put(&[0; 16]);
        self.put(&(name.len() as u16).to_le_bytes());
        self.put(&(padding as u16).to_le_bytes());
        self.put(name.as_bytes());
        self.put(b"FB");
        self.put(&(padding as u16 - 4).to_le_bytes());
        self.put(&vec![b'Z'; padding as usize - 4]);
        self.put(bytes);
        local_header
    }

    /// Writes the central directory, always with zip64 like PyTorch.
    pub(crate) fn finish(mut self) -> W {
        let start = self.at;
        let entries = std::mem::take(&mut self.entries);
        entries.iter().for_each(|entry| self.put_entry(entry));
        let (end, n) = (self.at, entries.len() as u64);
        self.put(b"PK\x06\x06");
        self.put(&44u64.to_le_bytes());
        self.put(&[0x1e, 3, 0x2d, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for value in [n, n, end - start, start] {
            self.put(&value.to_le_bytes());
        }
        self.put(b"PK\x06\x07\0\0\0\0");
        self.put(&end.to_le_bytes());
        self.put(&1u32.to_le_bytes());
        self.put(b"PK\x05\x06\0\0\0\0");
        self.put(&(n.min(0xffff) as u16).to_le_bytes());
        self.put(&(n.min(0xffff) as u16).to_le_bytes());
        self.put(&((end - start).min(IN_ZIP64) as u32).to_le_bytes());
        self.put(&(start.min(IN_ZIP64) as u32).to_le_bytes());
        self.put(&[0, 0]);
        self.out.flush().unwrap();
        self.out
    }

    fn put_entry(&mut self, entry: &Entry) {
        let numbers = [entry.len, entry.stored, entry.local_header];
        let large: Vec<u64> = numbers.into_iter().filter(|number| *number >= IN_ZIP64).collect();
        let small = |number: u64| (number.min(IN_ZIP64) as u32).to_le_bytes();
        let extra_len = if large.is_empty() { 0 } else { 4 + 8 * large.len() as u16 };
        self.put(b"PK\x01\x02\0\0\0\0");
        self.put(&entry.flags.to_le_bytes());
        self.put(&entry.method.to_le_bytes());
        self.put(&[0; 4]);
        self.put(&entry.crc.to_le_bytes());
        self.put(&small(entry.stored));
        self.put(&small(entry.len));
        self.put(&(entry.name.len() as u16).to_le_bytes());
        self.put(&extra_len.to_le_bytes());
        self.put(&[0; 10]);
        self.put(&small(entry.local_header));
        self.put(entry.name.as_bytes());
        if !large.is_empty() {
            self.put(&1u16.to_le_bytes());
            self.put(&(extra_len - 4).to_le_bytes());
            large.iter().for_each(|number| self.put(&number.to_le_bytes()));
        }
    }
}

/// Returns an archive of a pickle and storages `0`, `1`, … of 32-bit floats.
pub(crate) fn checkpoint(pickle: &[u8], storages: &[&[f32]]) -> Vec<u8> {
    started(pickle, storages).finish()
}

/// Returns the same archive without its central directory.
pub(crate) fn started(pickle: &[u8], storages: &[&[f32]]) -> Archive<Vec<u8>> {
    let mut archive = Archive::new(Vec::new());
    archive.add("x/data.pkl", pickle);
    archive.add("x/byteorder", b"little");
    for (key, values) in storages.iter().enumerate() {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        archive.add(&format!("x/data/{key}"), &bytes);
    }
    archive.add("x/version", b"3\n");
    archive
}
