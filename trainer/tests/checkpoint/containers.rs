//! The six containers of checkpoints give the values that PyTorch reads from them.

use nocturne_testing::{Absent, require};
use nocturne_trainer::checkpoint::{Container, ElementType};
use nocturne_trainer::{Checkpoint, Weights};

use crate::checkpoint::archive::{self, checkpoint};
use crate::checkpoint::pickle::{Pickle, one_tensor};
use crate::checkpoint::{open, shared};

fn read_all(checkpoint: &Checkpoint) -> Weights {
    let mut weights = Weights::default();
    for info in checkpoint.tensors() {
        let tensor = checkpoint.read(info.name).unwrap();
        assert_eq!(tensor.shape, info.shape, "{}", info.name);
        weights.insert(info.name, tensor.shape, tensor.values);
    }
    weights
}

fn other(checkpoint: &Checkpoint, name: &str) -> String {
    checkpoint.others().iter().find(|(other, _)| other == name).unwrap().1.clone()
}

#[test]
fn whole_checkpoint_and_bare_state_dict_have_equal_tensors() {
    let path = require!(shared("model_checkpoint.pt"));
    let whole = Checkpoint::open(&path).unwrap();
    assert_eq!((whole.container(), whole.key()), (Container::Zip, Some("state_dict")));
    assert_eq!(whole.prefix(), "module.");
    assert_eq!(whole.tensors().count(), 183);
    assert_eq!((other(&whole, "epoch").as_str(), other(&whole, "name").as_str()), ("7", "`tiny`"));
    let path = require!(shared("ckpt_bare_state_dict.pt"));
    let bare = Checkpoint::open(&path).unwrap();
    assert_eq!((bare.key(), bare.prefix()), (None, ""));
    let (whole, bare) = (read_all(&whole), read_all(&bare));
    assert_eq!(bare.iter().count(), 155);
    for (name, tensor) in bare.iter() {
        assert_eq!(whole.get(name), Some(tensor), "{name}");
    }
}

/// Compares with `torch.load(...)["state_dict"][name].double().sum()`.
fn check_sum(weights: &Weights, name: &str, expected: f64, tolerance: f64) {
    let sum: f64 = weights.need(name).unwrap().values.iter().map(|it| f64::from(*it)).sum();
    assert!((sum - expected).abs() <= tolerance, "{name}: {sum}, expected {expected}");
}

fn check_partial(name: &str, tolerance: f64) -> Result<Checkpoint, Absent> {
    let checkpoint = Checkpoint::open(&shared(name)?).unwrap();
    let weights = read_all(&checkpoint);
    assert_eq!(weights.iter().count(), 92);
    check_sum(&weights, "logit_scale", 3.218867778778076, tolerance);
    check_sum(&weights, "channel_embeddings", -13.060570854111575, tolerance);
    check_sum(&weights, "text.cls_emb", 4.50790152978152, tolerance);
    let all = weights.iter().flat_map(|(_, tensor)| &tensor.values);
    let sum: f64 = all.map(|value| f64::from(*value)).sum();
    assert!((sum - 1717.2651782434277).abs() <= 20.0 * tolerance, "{sum}");
    Ok(checkpoint)
}

#[test]
fn ignores_optimizer_and_numpy_values() {
    let checkpoint = require!(check_partial("ckpt_train_partial.pt", 1e-9));
    assert_eq!(checkpoint.prefix(), "module.");
    let others: Vec<&str> = checkpoint.others().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(others, ["epoch", "name", "args", "optimizer", "scaler"]);
    assert_eq!(other(&checkpoint, "optimizer"), "a dictionary of 2");
}

#[test]
fn checkpoints_from_before_1_6_are_read() {
    let checkpoint = require!(check_partial("ckpt_legacy_partial.pt", 1e-9));
    assert_eq!(checkpoint.container(), Container::Legacy);
}

#[test]
fn bfloat16_is_converted_exactly() {
    let checkpoint = require!(check_partial("ckpt_bf16_partial.pt", 6e-3));
    let elements: Vec<ElementType> = checkpoint.tensors().map(|info| info.element).collect();
    assert_eq!(elements, [ElementType::Bf16; 92]);
    assert_eq!(checkpoint.read("logit_scale").unwrap().values, [3.21875]);
}

#[test]
fn views_are_read_through_offset_and_strides() {
    let path = require!(shared("ckpt_views.pt"));
    let checkpoint = Checkpoint::open(&path).unwrap();
    let check = |name: &str, element: ElementType, shape: &[usize], expected: &[f32]| {
        let info = checkpoint.tensors().find(|info| info.name == name).unwrap();
        assert_eq!((info.element, info.shape), (element, shape), "{name}");
        assert_eq!(checkpoint.read(name).unwrap().values, expected, "{name}");
    };
    let floats = |numbers: &[u8]| numbers.iter().map(|it| f32::from(*it)).collect::<Vec<_>>();
    let turned = [0, 5, 10, 15, 1, 6, 11, 16, 2, 7, 12, 17, 3, 8, 13, 18, 4, 9, 14, 19];
    check("view_t", ElementType::F32, &[5, 4], &floats(&turned));
    check("offset", ElementType::F32, &[10], &floats(&(20..30).collect::<Vec<_>>()));
    let third: Vec<u8> = (30..60).step_by(3).collect();
    check("strided", ElementType::F32, &[10], &floats(&third));
    check("f16", ElementType::F16, &[3], &[0.0, 1.0, 2.0]);
    check("i64", ElementType::I64, &[4], &[0.0, 1.0, 2.0, 3.0]);
    check("bool", ElementType::Bool, &[2], &[1.0, 0.0]);
    check("scalar", ElementType::F32, &[], &[2.5]);
    check("empty", ElementType::F32, &[0, 3], &[]);
    check("param", ElementType::F32, &[2], &[0.0, 1.0]);
}

#[test]
fn expanded_tensors_repeat_their_numbers() {
    let bytes = checkpoint(&one_tensor(3, 1, &[2, 2], &[0, 1]), &[&[1.0, 2.0, 3.0]]);
    assert_eq!(open(&bytes).unwrap().read("w").unwrap().values, [2.0, 3.0, 2.0, 3.0]);
}

#[test]
fn deflated_entries_are_inflated() {
    let values: Vec<u8> = (0..3000u16).flat_map(|it| f32::from(it).to_le_bytes()).collect();
    let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &values).unwrap();
    let mut archive = archive::started(&one_tensor(3000, 7, &[5], &[2]), &[]);
    let crc = crc32fast::hash(&values);
    archive.add_deflated("x/data/0", &packed.finish().unwrap(), values.len() as u64, crc);
    let checkpoint = open(&archive.finish()).unwrap();
    assert_eq!(checkpoint.read("w").unwrap().values, [7.0, 9.0, 11.0, 13.0, 15.0]);
}

#[test]
fn reads_big_endian_storages() {
    let mut archive = archive::Archive::new(Vec::new());
    archive.add("any name/data.pkl", &one_tensor(1, 0, &[1], &[1]));
    archive.add("any name/byteorder", b"big");
    archive.add("any name/data/0", &2.5f32.to_be_bytes());
    assert_eq!(open(&archive.finish()).unwrap().read("w").unwrap().values, [2.5]);
}

#[test]
fn reads_element_types_from_untyped_storages() {
    let mut pickle = Pickle::new();
    pickle.raw(b"}").text("w").global("torch._utils", "_rebuild_tensor_v3").raw(b"(");
    pickle.raw(b"(").text("storage").global("torch.storage", "UntypedStorage");
    pickle.text("0").text("cpu").int(8).raw(b"tQ").int(1).ints(&[2]).ints(&[1]).raw(b"\x89");
    pickle.global("collections", "OrderedDict").raw(b")R").global("torch", "uint16").raw(b"tRs");
    let mut archive = archive::started(&pickle.stop(), &[]);
    archive.add("x/data/0", &[1, 0, 2, 0, 0xff, 0xff, 4, 0]);
    let checkpoint = open(&archive.finish()).unwrap();
    assert_eq!(checkpoint.tensors().next().unwrap().element, ElementType::U16);
    assert_eq!(checkpoint.read("w").unwrap().values, [2.0, 65535.0]);
}

#[test]
fn weights_are_found_under_the_keys_of_training_scripts() {
    for key in ["state_dict", "model_state_dict", "model"] {
        let mut pickle = Pickle::new();
        pickle.raw(b"}").text(key).raw(b"}").text("_orig_mod.w");
        pickle.tensor(("0", 1), 0, &[], &[]).raw(b"ss").text("step").int(9).raw(b"s");
        let checkpoint = open(&checkpoint(&pickle.stop(), &[&[4.0]])).unwrap();
        assert_eq!((checkpoint.key(), checkpoint.prefix()), (Some(key), "_orig_mod."));
        assert_eq!(checkpoint.others(), [("step".to_owned(), "9".to_owned())]);
        assert_eq!(checkpoint.read("w").unwrap().values, [4.0]);
    }
}

#[test]
fn safetensors_are_read_like_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let mut weights = Weights::default();
    weights.insert("a", vec![2, 2], vec![1.0, 2.0, 3.0, 4.0]);
    weights.insert("b", vec![], vec![-5.0]);
    weights.write(&path).unwrap();
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.container(), Container::Safetensors);
    assert_eq!(read_all(&checkpoint), weights);
}
