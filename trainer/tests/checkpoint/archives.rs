//! Zip archives that are broken or made to harm, and files that are no checkpoint.

use crate::archive::{Archive, Entry, checkpoint, started};
use crate::pickle::one_tensor;
use crate::{open, refusal, sentence};

fn pickle() -> Vec<u8> {
    one_tensor(2, 0, &[2], &[1])
}

/// Checks what an archive is refused for after a change of its table of contents.
fn check(change: impl FnOnce(&mut Archive<Vec<u8>>), expected: &str) {
    let mut archive = started(&pickle(), &[&[1.0, 2.0]]);
    change(&mut archive);
    let refusal = refusal(&archive.finish());
    assert_eq!(refusal, format!("`x.pt` cannot be understood: {expected}"));
}

fn entry<'a>(archive: &'a mut Archive<Vec<u8>>, name: &str) -> &'a mut Entry {
    archive.entries.iter_mut().find(|entry| entry.name == name).unwrap()
}

#[test]
fn the_archive_itself_is_sound() {
    let bytes = started(&pickle(), &[&[1.0, 2.0]]).finish();
    assert_eq!(open(&bytes).unwrap().read("w").unwrap().values, [1.0, 2.0]);
}

#[test]
fn tables_of_contents_that_lie_are_refused() {
    check(|it| entry(it, "x/data/0").flags |= 1, "its entry `x/data/0` is encrypted");
    check(
        |it| entry(it, "x/data/0").method = 12,
        "its entry `x/data/0` is packed by method 12; expected 0 (stored) or 8 (deflated)",
    );
    check(
        |it| entry(it, "x/data/0").len = 9,
        "its entry `x/data/0` has 9 bytes and takes 8; stored ones are equal",
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
        "its entry `x/version` reaches into the table of contents",
    );
    check(
        |it| {
            let last = entry(it, "x/version");
            (last.len, last.stored) = (u64::MAX, u64::MAX);
        },
        "its entry `x/version` reaches into the table of contents",
    );
    check(
        |it| entry(it, "x/data.pkl").name = "x".repeat(600),
        "an entry's name is no text of at most 512 bytes",
    );
}

#[test]
fn entries_that_overlap_are_refused() {
    check(
        |it| {
            let pickle = entry(it, "x/data.pkl");
            (pickle.len, pickle.stored) = (pickle.len + 100, pickle.stored + 100);
        },
        "entries of it overlap",
    );
}

#[test]
fn two_entries_of_one_name_are_refused() {
    check(|it| it.add("x/data/0", b"12345678"), "it holds `x/data/0` twice");
    check(|it| it.add("y/data.pkl", &pickle()), "it holds several `data.pkl`");
}

#[test]
fn bombs_are_refused_before_they_are_inflated() {
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
fn deflated_entries_have_the_length_that_is_told() {
    let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &[7; 300]).unwrap();
    let packed = packed.finish().unwrap();
    for len in [8, 16] {
        let mut archive = started(&one_tensor(len as i64 / 4, 0, &[1], &[1]), &[]);
        archive.add_deflated("x/data/0", &packed, len, 0);
        let error = open(&archive.finish()).unwrap().read("w").unwrap_err();
        let expected = format!(
            "`x.pt` cannot be understood: a deflated entry has not the {len} bytes that the table of contents gives it"
        );
        assert_eq!(sentence(&error), expected);
    }
}

#[test]
fn damaged_numbers_are_told_by_their_checksum() {
    let mut archive = started(&pickle(), &[&[1.0, 2.0]]);
    let crc = entry(&mut archive, "x/data/0").crc;
    entry(&mut archive, "x/data/0").crc = crc ^ 1;
    let error = open(&archive.finish()).unwrap().read("w").unwrap_err();
    assert!(sentence(&error).ends_with("do not have the checksum that is kept of them"), "{error}");
    // `torch.serialization.set_crc32_options(False)` writes none.
    let mut archive = started(&pickle(), &[&[1.0, 2.0]]);
    entry(&mut archive, "x/data/0").crc = 0;
    assert_eq!(open(&archive.finish()).unwrap().read("w").unwrap().values, [1.0, 2.0]);
}

#[test]
fn archives_of_other_things_are_named() {
    let check = |names: &[&str], expected: &str| {
        let mut archive = Archive::new(Vec::new());
        names.iter().for_each(|name| archive.add(name, &pickle()));
        let expected =
            format!("`x.pt` is {expected}; expected a checkpoint of PyTorch or a safetensors file");
        assert_eq!(refusal(&archive.finish()), expected);
    };
    check(&["a.npy"], "a zip archive without `data.pkl`");
    check(&["x/not-data.pkl"], "a zip archive without `data.pkl`");
    check(&["x/data.pkl", "x/constants.pkl"], "a TorchScript program");
}

#[test]
fn byte_order_is_one_of_two() {
    let mut archive = Archive::new(Vec::new());
    archive.add("x/data.pkl", &pickle());
    archive.add("x/byteorder", b"middle");
    assert_eq!(
        refusal(&archive.finish()),
        "`x.pt` cannot be understood: its `byteorder` is `middle`; expected `little` or `big`"
    );
}

#[test]
fn files_that_are_no_checkpoint_are_named_with_the_next_step() {
    let check = |bytes: &[u8], what: &str, hint: &str| {
        let error = open(bytes).unwrap_err();
        let expected =
            format!("`x.pt` is {what}; expected a checkpoint of PyTorch or a safetensors file");
        assert_eq!(sentence(&error), expected);
        assert_eq!(error.hint(), Some(hint));
    };
    let again = "download it again, and look at what the server answers";
    let other = "give a file that `torch.save` has written, or a safetensors file";
    check(b"", "an empty file", again);
    check(b"\n<!DOCTYPE html><html>404", "a web page", again);
    check(b"Not found", "a text file", again);
    check(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "a pointer of git-LFS",
        "`git lfs pull` gets the file itself",
    );
    check(b"\x89HDF\r\n\x1a\n\0\0", "something else", other);
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
fn folders_and_files_that_are_not_there_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = nocturne_trainer::Checkpoint::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("is a folder; expected a checkpoint"), "{error}");
    let error = nocturne_trainer::Checkpoint::open(&folder.path().join("x.pt")).unwrap_err();
    assert!(sentence(&error).starts_with("cannot read `x.pt`"), "{error}");
}

#[test]
fn other_pickles_are_no_checkpoint() {
    assert_eq!(
        refusal(b"\x80\x04}\x94."),
        "`x.pt` cannot be understood: it is a pickle, but not one that `torch.save` has written"
    );
}

#[test]
fn safetensors_headers_that_lie_are_refused() {
    let check = |header: &str, data: usize, expected: &str| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend(vec![0; data]);
        let refusal = refusal(&bytes);
        let problem = refusal.strip_prefix("`x.pt` cannot be understood: ").unwrap();
        assert!(problem.starts_with(expected), "{problem}");
    };
    let one = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    check(one, 7, "its header tells of 8 bytes; 7 are there");
    check(one, 9, "its header tells of 8 bytes; 9 are there");
    check("{", 0, "its header is wrong: ");
    check(r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8, "its header is wrong: ");
    check(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#, 8, "its header is wrong: ");
    check(
        r#"{"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}"#,
        8,
        "`a` is of type F8_E4M3, which is not read",
    );
}

#[test]
fn archives_cut_short_have_no_table_of_contents() {
    let bytes = checkpoint(&pickle(), &[&[1.0, 2.0]]);
    assert_eq!(
        refusal(&bytes[..bytes.len() - 1]),
        "`x.pt` cannot be understood: its end, with the table of contents, is missing"
    );
}
