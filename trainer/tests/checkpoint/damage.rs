//! Truncated files and flipped bits give an error or a checkpoint, never a panic.

use nocturne_trainer::Checkpoint;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::checkpoint::archive::checkpoint;
use crate::checkpoint::pickle::Pickle;
use crate::checkpoint::{open, open_in, shared};

/// Returns small files of every container.
fn files() -> Vec<Vec<u8>> {
    let mut pickle = Pickle::new();
    pickle.raw(b"}").text("state_dict").raw(b"}");
    pickle.text("a").tensor(("0", 6), 1, &[2, 2], &[1, 2]).raw(b"s");
    pickle.text("b").tensor(("1", 3), 0, &[3], &[1]).raw(b"ss").text("epoch").int(3).raw(b"s");
    let mut weights = nocturne_trainer::Weights::default();
    weights.insert("a", vec![2, 3], vec![1.5; 6]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w");
    weights.write(&path).unwrap();
    let mut files = vec![
        checkpoint(&pickle.stop(), &[&[1.0; 6], &[2.0; 3]]),
        std::fs::read(&path).unwrap(),
        legacy(),
    ];
    files.extend(shared("ckpt_views.pt").map(|path| std::fs::read(path).unwrap()));
    files
}

/// Returns a file in the format of PyTorch before 1.6.
fn legacy() -> Vec<u8> {
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    let mut bytes = magic.to_vec();
    bytes.extend(Pickle::new().raw(b"M\xe9\x03").stop());
    bytes.extend(Pickle::new().raw(b"}").text("little_endian").raw(b"\x88s").stop());
    let mut pickle = Pickle::new();
    pickle.raw(b"}").text("a").global("torch._utils", "_rebuild_tensor_v2").raw(b"((");
    pickle.text("storage").global("torch", "FloatStorage").text("77").text("cpu").int(4);
    // A view of the storage, as before 0.4: its second and third value.
    pickle
        .raw(b"(")
        .text("78")
        .int(1)
        .int(2)
        .raw(b"ttQ")
        .int(0)
        .ints(&[2])
        .ints(&[1])
        .raw(b"\x89NtRs");
    bytes.extend(pickle.stop());
    bytes.extend(Pickle::new().raw(b"](").text("77").raw(b"e").stop());
    bytes.extend(4u64.to_le_bytes());
    bytes.extend([1.0f32, 2.0, 3.0, 4.0].iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// Reads everything that is readable, and returns the number of values.
fn read_all(checkpoint: &Checkpoint) -> usize {
    let names: Vec<&str> = checkpoint.tensors().map(|info| info.name).collect();
    names.iter().filter_map(|name| checkpoint.read(name).ok()).map(|it| it.values.len()).sum()
}

#[test]
fn reads_storage_views_of_versions_before_0_4() {
    assert_eq!(open(&legacy()).unwrap().read("a").unwrap().values, [2.0, 3.0]);
}

#[test]
fn rejects_truncated_files() {
    let folder = tempfile::tempdir().unwrap();
    for file in files() {
        assert!(open(&file).is_ok());
        for cut in 0..64 {
            let error = open_in(folder.path(), &file[..cut * file.len() / 64]).unwrap_err();
            assert!(!error.to_string().contains(char::is_control), "{error}");
        }
    }
}

#[test]
fn flipped_bits_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Pcg64Mcg::seed_from_u64(1);
    for file in files() {
        for _ in 0..1500 {
            let mut file = file.clone();
            for _ in 0..random.random_range(1..4) {
                let byte = random.random_range(0..file.len());
                file[byte] ^= 1 << random.random_range(0..8);
            }
            match open_in(folder.path(), &file) {
                Ok(checkpoint) => assert!(read_all(&checkpoint) <= file.len()),
                Err(error) => assert!(!error.to_string().contains(char::is_control), "{error}"),
            }
        }
    }
}
