//! A checkpoint of the published size, written if an environment variable requests it.
//!
//! `NOCTURNE_TEST_BASE_FOLDER=DIR cargo test --manifest-path trainer/Cargo.toml --test integration base_size` leaves
//! `base.pt` (1.5 GB) and `base-with-optimizer.pt` (4.6 GB, more than 32-bit offsets can address) in the folder, for
//! measuring imports.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use nocturne_testing::{Absent, Resource, require};
use nocturne_trainer::import::{CheckpointParts, layout};
use nocturne_trainer::{Checkpoint, Import, Preset};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::checkpoint::torch::{self, ExtraValues, Shapes};

fn shapes() -> Shapes {
    layout(&Preset::Base.config(), CheckpointParts { captions: true, reconstruction: false })
}

/// Number of random values per storage before they repeat, so that 1.2 billion are written in a minute.
const PERIOD: usize = 65_537;

/// Returns the values of a storage, which depend on its name only.
fn values(shapes: &Shapes, storage: &str) -> Vec<f32> {
    let name = storage.rsplit(' ').next().unwrap();
    let seed = storage.bytes().fold(0, |seed, byte| 31 * seed % 1_000_003 + u64::from(byte));
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let n: usize = shapes[name].iter().product();
    let drawn: Vec<f32> = (0..n.min(PERIOD)).map(|_| random.random_range(-0.05..0.05f32)).collect();
    let mut values = drawn.repeat(n.div_ceil(drawn.len()));
    values.truncate(n);
    values
}

/// Returns the folder for the checkpoints, or why there is none.
fn base_folder() -> Result<PathBuf, Absent> {
    #[expect(clippy::disallowed_methods, reason = "tests have no arguments")]
    let folder = std::env::var_os("NOCTURNE_TEST_BASE_FOLDER").map(PathBuf::from);
    let reason = "NOCTURNE_TEST_BASE_FOLDER is not set";
    folder.ok_or_else(|| Absent::new(Resource::BaseFolder, reason))
}

#[test]
fn base_size_round_trips() {
    let folder = require!(base_folder());
    let shapes = shapes();
    for (name, beside) in
        [("base.pt", ExtraValues::Nothing), ("base-with-optimizer.pt", ExtraValues::Optimizer)]
    {
        let path = folder.join(name);
        let out = BufWriter::new(File::create(&path).unwrap());
        torch::write(out, &shapes, beside, |storage| values(&shapes, storage));
        let checkpoint = Checkpoint::open(&path).unwrap();
        let import = Import::new(&checkpoint, None).unwrap();
        assert_eq!(*import.config(), Preset::Base.config());
        for name in ["logit_scale", "padding_embedding", "text_decoder.text_projection"] {
            assert_eq!(checkpoint.read(name).unwrap().values, values(&shapes, name), "{name}");
        }
    }
}
