//! Malformed and malicious zip archives, and files that are not checkpoints.

use crate::checkpoint::archive::{Archive, Entry, checkpoint, started};
use crate::checkpoint::pickle::one_tensor;
use crate::checkpoint::{message_for, message_of, open};

fn pickle() -> Vec<u8> {
    one_tensor(2, 0, &[2], &[1])
}

/// Checks the error for an archive after a change of its central directory.
fn check(change: impl FnOnce(&mut Archive<Vec<u8>>), expected: &str) {
    let mut archive = started(&pickle(), &[&[1.0, 2.0]]);
    change(&mut archive);
    let message = message_for(&archive.finish());
    assert_eq!(message, format!("`x.pt` is invalid: {expected}"));
}

fn entry<'a>(archive: &'a mut Archive<Vec<u8>>, name: &str) -> &'a mut Entry {
    archive.entries.iter_mut().find(|entry| entry.name == name).unwrap()
}

#[test]
fn the_unmodified_archive_is_valid() {
    let bytes = started(&pickle(), &[&[1.0, 2.0]]).finish();
    assert_eq!(open(&bytes).unwrap().read("w").unwrap().values, [1.0, 2.0]);
}

#[test]
fn rejects_inconsistent_central_directories() {
    check(|it| entry(it, "x/data/0").flags |= 1, "its entry `x/data/0` is encrypted");
    check(
        |it| entry(it, "x/data/0").method = 12,
        "its entry `x/data/0` uses compression method 12; expected 0 (stored) or 8 (deflated)",
    );
    check(
        |it| entry(it, "x/data/0").len = 9,
        "its entry `x/data/0` has 9 bytes and takes 8; expected equal sizes for a stored entry",
    );
    check(|it| entry(it, "x/data/0").local_header += 1, "its entry `x/data/0` has no header");
    check(
        |it| entry(it, "x/version").name = "x/versiom".to_owned(),
        "its entry `x/versiom` has another name in its header",
    );
    check(
        |it| {
            let last = entry(it, "x/version");
            (last.len, last.stored) = (1000, 1000);
        },
        "its entry `x/version` overlaps the central directory",
    );
    check(
        |it| {
            let last = entry(it, "x/version");
            (last.len, last.stored) = (u64::MAX, u64::MAX);
        },
        "its entry `x/version` overlaps the central directory",
    );
    check(
        |it| entry(it, "x/data.pkl").name = "x".repeat(600),
        "an entry's name is not UTF-8 of at most 512 bytes",
    );
}

#[test]
fn rejects_overlapping_entries() {
    check(
        |it| {
            let pickle = entry(it, "x/data.pkl");
            (pickle.len, pickle.stored) = (pickle.len + 100, pickle.stored + 100);
        },
        "its entries overlap",
    );
}

#[test]
fn rejects_duplicate_entries() {
    check(|it| it.add("x/data/0", b"12345678"), "it contains `x/data/0` twice");
    check(|it| it.add("y/data.pkl", &pickle()), "it contains several `data.pkl`");
}

#[test]
fn rejects_zip_bombs_before_inflating() {
    check(
        |it| it.add_deflated("x/data/1", &[0; 100], 10_100, 0),
        "its entry `x/data/1` inflates from 100 bytes to 10100",
    );
    check(
        |it| it.add_deflated("x/data/1", &[0; 8], u64::MAX, 0),
        "its entry `x/data/1` inflates from 8 bytes to 18446744073709551615",
    );
}

#[test]
fn rejects_deflated_entries_of_another_length() {
    let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &[7; 300]).unwrap();
    let packed = packed.finish().unwrap();
    for len in [8, 16] {
        let mut archive = started(&one_tensor(len as i64 / 4, 0, &[1], &[1]), &[]);
        archive.add_deflated("x/data/0", &packed, len, 0);
        let error = open(&archive.finish()).unwrap().read("w").unwrap_err();
        let expected = format!(
            "`x.pt` is invalid: a deflated entry does not have the {len} bytes stated in the central directory"
        );
        assert_eq!(message_of(&error), expected);
    }
}

#[test]
fn detects_damage_by_the_checksum() {
    let mut archive = started(&pickle(), &[&[1.0, 2.0]]);
    let crc = entry(&mut archive, "x/data/0").crc;
    entry(&mut archive, "x/data/0").crc = crc ^ 1;
    let error = open(&archive.finish()).unwrap().read("w").unwrap_err();
    assert!(message_of(&error).contains("checksum mismatch in the 8 bytes at offset "), "{error}");
    // `torch.serialization.set_crc32_options(False)` writes no checksums.
    let mut archive = started(&pickle(), &[&[1.0, 2.0]]);
    entry(&mut archive, "x/data/0").crc = 0;
    assert_eq!(open(&archive.finish()).unwrap().read("w").unwrap().values, [1.0, 2.0]);
}

#[test]
fn names_other_kinds_of_archive() {
    let check = |names: &[&str], expected: &str| {
        let mut archive = Archive::new(Vec::new());
        names.iter().for_each(|name| archive.add(name, &pickle()));
        let expected =
            format!("`x.pt` is {expected}; expected a PyTorch checkpoint or a safetensors file");
        assert_eq!(message_for(&archive.finish()), expected);
    };
    check(&["a.npy"], "a zip archive without `data.pkl`");
    check(&["x/not-data.pkl"], "a zip archive without `data.pkl`");
    check(&["x/data.pkl", "x/constants.pkl"], "a TorchScript program");
}

#[test]
fn rejects_an_unknown_byte_order() {
    let mut archive = Archive::new(Vec::new());
    archive.add("x/data.pkl", &pickle());
    archive.add("x/byteorder", b"middle");
    assert_eq!(
        message_for(&archive.finish()),
        "`x.pt` is invalid: its `byteorder` is `middle`; expected `little` or `big`"
    );
}

#[test]
fn names_files_that_are_not_checkpoints_with_a_hint() {
    let check = |bytes: &[u8], what: &str, hint: &str| {
        let error = open(bytes).unwrap_err();
        let expected =
            format!("`x.pt` is {what}; expected a PyTorch checkpoint or a safetensors file");
        assert_eq!(message_of(&error), expected);
        assert_eq!(error.hint(), Some(hint));
    };
    let again = "download the file again and check the server's response";
    let other = "pass a file written by `torch.save`, or a safetensors file";
    check(b"", "an empty file", again);
    check(b"\n<!DOCTYPE html><html>404", "a web page", again);
    check(b"Not found", "a text file", again);
    check(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "a Git LFS pointer",
        "fetch the file itself from Git LFS",
    );
    check(b"\x89HDF\r\n\x1a\n\0\0", "in an unknown format", other);
    check(
        b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        "a zip archive without `data.pkl`",
        other,
    );
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    let newer = "save the `state_dict()` with a newer PyTorch, or as safetensors";
    check(&tar, "a tar archive, the format of PyTorch before 0.2", newer);
}

#[test]
fn rejects_folders_and_missing_files() {
    let folder = tempfile::tempdir().unwrap();
    let error = nocturne_trainer::Checkpoint::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("is a folder; expected a PyTorch checkpoint"), "{error}");
    let error = nocturne_trainer::Checkpoint::open(&folder.path().join("x.pt")).unwrap_err();
    assert!(message_of(&error).starts_with("cannot read `x.pt`"), "{error}");
}

#[test]
fn rejects_other_pickles() {
    assert_eq!(
        message_for(b"\x80\x04}\x94."),
        "`x.pt` is invalid: it is a pickle, but not written by `torch.save`"
    );
}

#[test]
fn rejects_inconsistent_safetensors_headers() {
    let check = |header: &str, data: usize, expected: &str| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend(vec![0; data]);
        let message = message_for(&bytes);
        let problem = message.strip_prefix("`x.pt` is invalid: ").unwrap();
        assert!(problem.starts_with(expected), "{problem}");
    };
    let one = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    check(one, 7, "its header states 8 bytes; 7 follow");
    check(one, 9, "its header states 8 bytes; 9 follow");
    check("{", 0, "its header is invalid: ");
    check(
        r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
        8,
        "its header is invalid: ",
    );
    check(
        r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#,
        8,
        "its header is invalid: ",
    );
    check(
        r#"{"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}"#,
        8,
        "`a` has the unsupported type F8_E4M3",
    );
}

#[test]
fn rejects_truncated_archives() {
    let bytes = checkpoint(&pickle(), &[&[1.0, 2.0]]);
    assert_eq!(
        message_for(&bytes[..bytes.len() - 1]),
        "`x.pt` is invalid: its end of central directory is missing"
    );
}
