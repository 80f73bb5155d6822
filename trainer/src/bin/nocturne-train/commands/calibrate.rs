//! `nocturne-train calibrate`

use anyhow::{Result, ensure};
use nocturne_encoder::{BatchOptions, Bundle, Device, SignalEncoder, TextEncoder};
use nocturne_trainer::calibration::calibrate;
use nocturne_trainer::data::TrainingSet;

use crate::args::CalibrateArgs;
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &CalibrateArgs) -> Result<CommandOutcome> {
    let bundle = Bundle::open(&arguments.bundle)?;
    let set = TrainingSet::open(&arguments.data)?;
    check_scaling(&bundle, &set)?;
    let runtime = arguments.runtime.load()?;
    let options = BatchOptions::default();
    let mut signal = SignalEncoder::open(runtime, &bundle, Device::Cpu, options)?;
    let mut text = TextEncoder::open(runtime, &bundle, Device::Cpu, options)?;
    let bar = console::progress("encoding", set.len() as u64);
    let calibrations =
        calibrate(&set, &mut signal, &mut text, &mut |done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    for (concept, calibration) in &calibrations {
        let (hits, alarms) = (calibration.true_positive_rate, calibration.false_positive_rate);
        console::print(format_args!("{concept} hits {hits:.3} false_alarms {alarms:.3}"))?;
    }
    bundle.calibrate(calibrations)?;
    Ok(CommandOutcome::Done)
}

/// Rejects a set that was scaled differently from the bundle's training data.
pub(super) fn check_scaling(bundle: &Bundle, set: &TrainingSet) -> Result<()> {
    let (learned, scaled) = (bundle.manifest().preprocessing.z_score, set.info().z_score);
    ensure!(
        learned == scaled,
        "`{}` is scaled over another span ({scaled:?}) than the bundle's training data ({learned:?})",
        set.folder().display()
    );
    Ok(())
}
