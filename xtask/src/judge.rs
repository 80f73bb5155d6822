//! Asks scorers that learned from people's nights what they find in simulated ones.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::python;
use crate::workshop::Workshop;
use crate::workspace::{root, run};

/// What a judge needs.
const PACKAGES: &[&str] = &[
    "numpy==2.4.6",
    "scipy==1.17.1",
    "edfio==0.4.18",
    "mne==1.13.2",
    "yasa==0.8.1",
    "psgscoring==0.37.0",
    "onnxruntime==1.32.0",
];
/// Sites whose nights are judged.
const SITES: [&str; 4] = ["shhs", "referential", "aasm", "plain"];
/// Seed of the nights. No parameter of the simulator is chosen by them.
const SEED: &str = "9101";
/// Number of nights of each site.
const NIGHTS: u32 = 6;
/// Length of each night in hours.
const HOURS: &str = "7";

/// Simulates nights of every site and prints what the judges find in them.
pub(crate) fn judge(library: Option<&Path>, work: &Path) -> Result<()> {
    let packages = root().join("target/judges");
    python::install(&packages, PACKAGES)?;
    let workshop = Workshop::open(library, work)?;
    for site in SITES {
        let folder = workshop.path("judged").join(site);
        if folder.join(format!("night-{NIGHTS:04}.edf")).is_file() {
            continue;
        }
        let mut simulate = workshop.nocturne();
        simulate.arg("simulate").arg("--out").arg(folder).args(["--site", site, "--seed", SEED]);
        run(simulate.args(["--nights", &NIGHTS.to_string(), "--hours", HOURS]))?;
    }
    let mut judge = Command::new(python::interpreter()?);
    judge.arg(root().join("simulator/judges.py")).arg(workshop.path("judged"));
    run(judge.env("PYTHONPATH", packages))
}
