//! A working folder for training bundles with release builds of `nocturne` and `nocturne-train`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::runtime;
use crate::workspace::{cargo, root, run};

/// A folder of nights, training sets, runs and bundles. A step whose result is present is skipped, so that a second
/// call resumes an interrupted one.
pub(crate) struct Workshop {
    library: PathBuf,
    folder: PathBuf,
}

/// A folder of simulated nights.
#[derive(Clone, Copy)]
pub(crate) struct SimulatedNights {
    /// Name of the folder within the workshop.
    pub(crate) folder: &'static str,
    pub(crate) count: u32,
    pub(crate) seed: u32,
}

/// The weights that a run starts from.
#[derive(Clone, Copy)]
pub(crate) enum InitialWeights<'a> {
    /// Random weights of a preset.
    Random(&'a str),
    /// The weights of a run or a bundle.
    File(&'a Path),
}

impl Workshop {
    /// Sets up ONNX Runtime and creates the folder.
    pub(crate) fn open(library: Option<&Path>, folder: &Path) -> Result<Self> {
        let library = runtime::set_up(library)?;
        let folder = std::path::absolute(folder)?;
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create `{}`", folder.display()))?;
        Ok(Self { library, folder })
    }

    /// Returns the path of a file or folder of the workshop.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Simulates nights.
    pub(crate) fn simulate(&self, nights: SimulatedNights) -> Result<()> {
        let SimulatedNights { folder, count, seed } = nights;
        let truth = |night| self.path(folder).join(format!("night-{night:04}.truth.json"));
        if (1..=count).all(|night| truth(night).is_file()) {
            return Ok(());
        }
        let (count, seed) = (count.to_string(), seed.to_string());
        let mut simulate = self.nocturne();
        run(simulate.args(["simulate", "--out", folder, "--nights", &count, "--seed", &seed]))
    }

    /// Creates a training set from simulated nights, with channels scaled over `z_score`.
    pub(crate) fn prepare(&self, nights: SimulatedNights, set: &str, z_score: &str) -> Result<()> {
        let SimulatedNights { folder, count, seed } = nights;
        let source = format!(
            "{count} nights of the Nocturne simulator, seed {seed}; no recordings of people"
        );
        let mut prepare = self.nocturne_train();
        prepare.args(["prepare", folder, "--out", set, "--z-score", z_score]);
        run(prepare.args(["--source", &source, "--licence", "Apache-2.0"]))
    }

    /// Trains with a recipe, or resumes from the last checkpoint.
    pub(crate) fn train(
        &self,
        set: &str,
        name: &str,
        start: InitialWeights<'_>,
        recipe: &Path,
    ) -> Result<()> {
        if self.path(name).join("weights.safetensors").is_file() {
            return Ok(());
        }
        let mut train = self.nocturne_train();
        train.args(["train", "--data", set, "--out", name, "--recipe"]).arg(recipe);
        match start {
            InitialWeights::Random(preset) => train.args(["--preset", preset]),
            InitialWeights::File(other) => train.arg("--init").arg(other),
        };
        let checkpoints = std::fs::read_dir(self.path(name).join("checkpoints"));
        if checkpoints.is_ok_and(|mut entries| entries.next().is_some()) {
            train.arg("--resume");
        }
        run(&mut train)
    }

    /// Writes the bundle of a run, without a captioner, for channels scaled over `z_score` or as in the training set.
    pub(crate) fn export(&self, name: &str, bundle: &str, z_score: Option<&str>) -> Result<()> {
        if self.path(bundle).is_dir() {
            return Ok(());
        }
        let mut export = self.nocturne_train();
        export.args(["export", name, "--out", bundle, "--trainable", "--no-captioner"]);
        run(export.args(z_score.map(|z_score| ["--z-score", z_score]).into_iter().flatten()))
    }

    /// Returns a command that runs the release build of `nocturne` in the folder.
    pub(crate) fn nocturne(&self) -> Command {
        self.program("Cargo.toml", "nocturne", &[])
    }

    fn nocturne_train(&self) -> Command {
        self.program("trainer/Cargo.toml", "nocturne-trainer", &[])
    }

    /// Returns a command that runs `nocturne-train`, built for a device.
    pub(crate) fn nocturne_train_on(&self, device: &str) -> Command {
        let features: &[&str] = if device == "cuda" { &["--features", "cuda"] } else { &[] };
        let mut command = self.program("trainer/Cargo.toml", "nocturne-trainer", features);
        // Otherwise the build binds the symbols of the newest CUDA it knows.
        command.env("CUDARC_CUDA_VERSION", "13000");
        command
    }

    /// Returns a command that runs the release build of a package of the workspace with that manifest.
    fn program(&self, manifest: &str, package: &str, features: &[&str]) -> Command {
        let mut command = cargo();
        command.args(["run", "--release", "--quiet", "--package", package]).args(features);
        command.arg("--manifest-path");
        // The folder may be outside the repository, where `.cargo/config.toml` does not apply.
        command.arg(root().join(manifest)).arg("--target-dir").arg(root().join("target"));
        command.arg("--").env("ORT_DYLIB_PATH", &self.library).current_dir(&self.folder);
        command
    }
}
