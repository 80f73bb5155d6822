//! A second bundle for the tests of spaces: the shipped one with changed weights.

use std::path::{Path, PathBuf};

use nocturne_encoder::bundle::{BundleManifest, SIGNAL_TOWER, TEXT_TOWER};
use nocturne_encoder::{Bundle, Runtime};

use crate::program::root;

/// Returns the folder of the bundle that ships with the repository.
pub(crate) fn shipped() -> PathBuf {
    root().join("models/nocturne-tiny")
}

/// Writes a bundle whose towers are those of the shipped one with the sign of some weights flipped: it runs, and gives
/// different vectors.
pub(crate) fn other(folder: &Path) -> Bundle {
    let shipped = Bundle::open(&shipped()).unwrap();
    std::fs::create_dir_all(folder).unwrap();
    let names: Vec<&str> = shipped.manifest().files.keys().map(String::as_str).collect();
    for name in &names {
        let mut bytes = std::fs::read(shipped.file(name)).unwrap();
        if [SIGNAL_TOWER, TEXT_TOWER].contains(name) {
            flip_signs(&mut bytes);
        }
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    let manifest =
        BundleManifest { name: "nocturne-other".to_owned(), ..shipped.manifest().clone() };
    let bundle = Bundle::seal(folder, manifest, &names).unwrap();
    assert_ne!(bundle.fingerprint(), shipped.fingerprint());
    bundle
}

/// Flips the sign of every third weight in the longest matrix of a graph.
///
/// Weights are little-endian 32-bit floats of similar magnitude, so their highest bytes are similar, which is how a matrix
/// is found.
fn flip_signs(graph: &mut [u8]) {
    const MIN_WEIGHTS: usize = 4096;
    let is_weight = |byte: u8| (0x30..=0x40).contains(&(byte & 0x7f));
    let (mut longest, mut length) = (0, 0);
    for first in 0..4 {
        let mut start = first;
        for at in (first..graph.len()).step_by(4) {
            if !is_weight(graph[at]) {
                start = at + 4;
            } else if (at + 4 - start) / 4 > length {
                (longest, length) = (start, (at + 4 - start) / 4);
            }
        }
    }
    assert!(length >= MIN_WEIGHTS, "the graph contains a matrix of weights");
    (0..length).step_by(3).for_each(|weight| graph[longest + 4 * weight] ^= 0x80);
}

/// Loads ONNX Runtime, which the test has required.
pub(crate) fn runtime() -> Runtime {
    #[expect(clippy::disallowed_methods, reason = "tests have no arguments")]
    let named = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    Runtime::load(named.as_deref()).unwrap()
}
