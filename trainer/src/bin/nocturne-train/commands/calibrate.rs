//! `nocturne-train calibrate`

use anyhow::{Result, ensure};
use nocturne_encoder::{BatchOptions, Bundle, Device, SignalEncoder, TextEncoder};
use nocturne_trainer::calibration::calibrate;
use nocturne_trainer::data::TrainingSet;

use crate::args::Calibrate;
use crate::console;
use crate::error::Outcome;

pub(super) fn run(arguments: &Calibrate) -> Result<Outcome> {
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
    Ok(Outcome::Done)
}

/// Refuses a set that was scaled otherwise than the recordings that the bundle was trained on.
pub(super) fn check_scaling(bundle: &Bundle, set: &TrainingSet) -> Result<()> {
    let (learned, scaled) = (bundle.manifest().preprocessing.z_score, set.info().z_score);
    ensure!(
        learned == scaled,
        "`{}` was prepared with another scaling ({scaled:?}) than the bundle was trained with ({learned:?})",
        set.folder().display()
    );
    Ok(())
}
