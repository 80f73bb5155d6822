//! A folder in which bundles are made, from seeds to sealed files.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::runtime;
use crate::workspace::{cargo, root, run};

/// Nights, training sets, runs and bundles, each made once: a call that was stopped is gone on with by the next.
pub(crate) struct Workshop {
    library: PathBuf,
    folder: PathBuf,
}

/// Simulated nights, and the seed that they are drawn by.
#[derive(Clone, Copy)]
pub(crate) struct Nights {
    /// Folder that holds them.
    pub(crate) name: &'static str,
    pub(crate) number: u32,
    pub(crate) seed: u32,
}

/// What a run begins with.
#[derive(Clone, Copy)]
pub(crate) enum Begin<'a> {
    /// Weights that are drawn.
    Preset(&'a str),
    /// Weights of a run or a bundle.
    Weights(&'a Path),
}

impl Workshop {
    pub(crate) fn open(library: Option<&Path>, folder: &Path) -> Result<Self> {
        let library = runtime::set_up(library)?;
        let folder = std::path::absolute(folder)?;
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create `{}`", folder.display()))?;
        Ok(Self { library, folder })
    }

    /// Returns the place of what is made here.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Simulates nights.
    pub(crate) fn simulate(&self, nights: Nights) -> Result<()> {
        let Nights { name, number, seed } = nights;
        let truth = |night| self.path(name).join(format!("night-{night:04}.truth.json"));
        if (1..=number).all(|night| truth(night).is_file()) {
            return Ok(());
        }
        let (number, seed) = (number.to_string(), seed.to_string());
        let mut simulate = self.nocturne();
        run(simulate.args(["simulate", "--out", name, "--nights", &number, "--seed", &seed]))
    }

    /// Makes a training set of simulated nights, scaled over `z_score`.
    pub(crate) fn prepare(&self, nights: Nights, set: &str, z_score: &str) -> Result<()> {
        let Nights { name, number, seed } = nights;
        let source = format!(
            "{number} nights of the Nocturne simulator, seed {seed}: no recording of a person"
        );
        let mut prepare = self.nocturne_train();
        prepare.args(["prepare", name, "--out", set, "--z-score", z_score]);
        run(prepare.args(["--source", &source, "--licence", "Apache-2.0"]))
    }

    /// Trains by a recipe, or goes on from the last checkpoint.
    pub(crate) fn train(
        &self,
        set: &str,
        name: &str,
        begin: Begin<'_>,
        recipe: &Path,
    ) -> Result<()> {
        if self.path(name).join("weights.safetensors").is_file() {
            return Ok(());
        }
        let mut train = self.nocturne_train();
        train.args(["train", "--data", set, "--out", name, "--recipe"]).arg(recipe);
        match begin {
            Begin::Preset(preset) => train.args(["--preset", preset]),
            Begin::Weights(other) => train.arg("--init").arg(other),
        };
        let checkpoints = std::fs::read_dir(self.path(name).join("checkpoints"));
        if checkpoints.is_ok_and(|mut kept| kept.next().is_some()) {
            train.arg("--resume");
        }
        run(&mut train)
    }

    /// Writes the bundle of a run, without a captioner.
    pub(crate) fn export(&self, name: &str, bundle: &str) -> Result<()> {
        if self.path(bundle).is_dir() {
            return Ok(());
        }
        let mut export = self.nocturne_train();
        run(export.args(["export", name, "--out", bundle, "--trainable", "--no-captioner"]))
    }

    /// Teaches a bundle to read its similarities.
    pub(crate) fn calibrate(&self, bundle: &str, set: &str) -> Result<()> {
        run(self.nocturne_train().args(["calibrate", bundle, "--data", set]))
    }

    /// Returns the release build of `nocturne`, which works in the folder.
    pub(crate) fn nocturne(&self) -> Command {
        self.program("Cargo.toml", "nocturne")
    }

    fn nocturne_train(&self) -> Command {
        self.program("trainer/Cargo.toml", "nocturne-trainer")
    }

    /// Returns the release build of a package of the workspace with a manifest.
    fn program(&self, manifest: &str, package: &str) -> Command {
        let mut command = cargo();
        command.args(["run", "--release", "--quiet", "--package", package, "--manifest-path"]);
        // The folder may be outside the repository, where `.cargo/config.toml` does not apply.
        command.arg(root().join(manifest)).arg("--target-dir").arg(root().join("target"));
        command.arg("--").env("ORT_DYLIB_PATH", &self.library).current_dir(&self.folder);
        command
    }
}
