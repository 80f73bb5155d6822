//! A checkpoint of the published size, written where an environment variable says so.
//!
//! `NOCTURNE_TEST_BASE_FOLDER=DIR cargo test --manifest-path trainer/Cargo.toml --test checkpoint base_size` leaves `base.pt`
//! (1.5 GB) and `base-with-optimizer.pt` (4.6 GB, beyond what 32 bits count) in the folder, to measure imports with.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use nocturne_trainer::import::{Parts, layout};
use nocturne_trainer::{Checkpoint, Import, Preset};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::torch::{self, Beside, Shapes};

fn shapes() -> Shapes {
    layout(&Preset::Base.config(), Parts { captions: true, reconstruction: false })
}

/// Numbers that are drawn for a storage before they repeat, so that 1.2 billion are written in a minute.
const DRAWN: usize = 65_537;

/// Returns the numbers of a storage, which depend on its name alone.
fn values(shapes: &Shapes, storage: &str) -> Vec<f32> {
    let name = storage.rsplit(' ').next().unwrap();
    let seed = storage.bytes().fold(0, |seed, byte| 31 * seed % 1_000_003 + u64::from(byte));
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let n: usize = shapes[name].iter().product();
    let drawn: Vec<f32> = (0..n.min(DRAWN)).map(|_| random.random_range(-0.05..0.05f32)).collect();
    let mut values = drawn.repeat(n.div_ceil(drawn.len()));
    values.truncate(n);
    values
}

#[test]
fn base_size_is_read_back() {
    #[expect(clippy::disallowed_methods, reason = "a test that writes 6 GB is asked for")]
    let Some(folder) = std::env::var_os("NOCTURNE_TEST_BASE_FOLDER").map(PathBuf::from) else {
        println!("skipped: `NOCTURNE_TEST_BASE_FOLDER` is not set");
        return;
    };
    let shapes = shapes();
    for (name, beside) in
        [("base.pt", Beside::Nothing), ("base-with-optimizer.pt", Beside::Optimizer)]
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
