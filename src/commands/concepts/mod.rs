//! `nocturne concepts`

mod add;
mod calibrate;
mod evaluate;
mod list;

use anyhow::Result;
use nocturne_concepts::{Calibration, Registry};

use crate::args::{BundleAndConcepts, Common, Concepts, ConceptsAction};
use crate::bundle;
use crate::error::CommandOutcome;

pub(super) fn run(common: &Common, arguments: Concepts) -> Result<CommandOutcome> {
    match arguments.action {
        ConceptsAction::List(arguments) => list::list(&arguments),
        ConceptsAction::Show(arguments) => list::show(&arguments),
        ConceptsAction::Add(arguments) => add::add(&arguments),
        ConceptsAction::Calibrate(arguments) => calibrate::run(common, arguments),
        ConceptsAction::Evaluate(arguments) => evaluate::run(common, arguments),
    }
}

/// Returns the concepts, and the calibration of the bundle if it has one.
fn known(with: &BundleAndConcepts) -> Result<(&'static Registry, Option<Calibration>)> {
    let registry = with.concepts.registry()?.unwrap_or(Registry::shipped());
    let bundle = bundle::open(with.bundle.as_deref())?;
    Ok((registry, Calibration::read(bundle.folder(), bundle.fingerprint())?))
}
