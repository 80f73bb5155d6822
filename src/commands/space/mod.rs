//! `nocturne space`

mod backfill;
mod compare;
mod list;
mod promote;

use anyhow::Result;
use jiff::Timestamp;
use nocturne_encoder::Bundle;
use nocturne_index::{Location, SpaceRecord};
use serde_json::json;

use crate::args::{Common, Space, SpaceAction, SpaceCreate, SpaceDrop};
use crate::error::CommandOutcome;
use crate::{console, hint};

pub(super) fn run(common: &Common, arguments: Space) -> Result<CommandOutcome> {
    match arguments.action {
        SpaceAction::List(list) => list::run(&list),
        SpaceAction::Create(create) => self::create(&create),
        SpaceAction::Backfill(backfill) => backfill::run(common, backfill),
        SpaceAction::Compare(compare) => compare::run(common, &compare),
        SpaceAction::Promote(promote) => promote::run(common, &promote),
        SpaceAction::Rollback(rollback) => promote::roll_back(&rollback),
        SpaceAction::Drop(drop) => self::drop(&drop),
    }
}

fn create(arguments: &SpaceCreate) -> Result<CommandOutcome> {
    let SpaceCreate { name, bundle, of } = arguments;
    let location = of.collection.location();
    let bundle = Bundle::open(bundle)?;
    let record = SpaceRecord::of(name.clone(), &bundle, Some(Timestamp::now()));
    location.spaces()?.create(&record)?;
    if of.json {
        console::print_json(&json!({ "event": "created", "space": record }))?;
    } else {
        console::print(format_args!(
            "{name}: created for the bundle {} ({})\nnext: nocturne space backfill {name} --collection {location}",
            record.space.bundle,
            short(&record.space.fingerprint)
        ))?;
    }
    Ok(CommandOutcome::Done)
}

fn drop(arguments: &SpaceDrop) -> Result<CommandOutcome> {
    let SpaceDrop { name, of } = arguments;
    let location = of.collection.location();
    location.spaces()?.remove(name).map_err(refused)?;
    if of.json {
        console::print_json(&json!({ "event": "dropped", "space": name }))?;
    } else if name.is_main() && matches!(location, Location::Folder(_)) {
        console::print(format_args!(
            "{name}: emptied; its folder is the folder of the collection"
        ))?;
    } else {
        console::print(format_args!("{name}: removed"))?;
    }
    Ok(CommandOutcome::Done)
}

/// Adds what to do about a space that is not dropped because it is served.
fn refused(error: nocturne_index::Error) -> anyhow::Error {
    if matches!(error, nocturne_index::Error::ServedSpace { .. }) {
        return hint::with(error, "promote another space first with `nocturne space promote NAME`");
    }
    error.into()
}

/// Returns the first digits of a fingerprint, enough to distinguish bundles.
fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}
