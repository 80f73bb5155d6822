//! `nocturne space`

mod backfill;
mod compare;
mod list;
mod promote;

use anyhow::Result;
use jiff::Timestamp;
use nocturne_encoder::Bundle;
use nocturne_index::SpaceRecord;
use serde_json::json;

use crate::args::{Common, Place, Space, SpaceAction, SpaceCreate, SpaceDrop};
use crate::console;
use crate::error::CommandOutcome;

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
    let bundle = Bundle::open(bundle)?;
    let record = SpaceRecord::of(name.clone(), &bundle, Some(Timestamp::now()));
    of.spaces()?.create(&record)?;
    if of.json {
        console::print_json(&json!({ "event": "created", "space": record }))?;
    } else {
        let collection = &of.collection;
        console::print(format_args!(
            "{name}: created for the bundle {} ({})\nnext: nocturne space backfill {name} --collection {collection}",
            record.space.bundle,
            short(&record.space.fingerprint)
        ))?;
    }
    Ok(CommandOutcome::Done)
}

fn drop(arguments: &SpaceDrop) -> Result<CommandOutcome> {
    let SpaceDrop { name, of } = arguments;
    of.spaces()?.remove(name)?;
    if of.json {
        console::print_json(&json!({ "event": "dropped", "space": name }))?;
    } else if name.is_main() && matches!(of.collection, Place::Folder(_)) {
        console::print(format_args!(
            "{name}: emptied; its folder is the folder of the collection"
        ))?;
    } else {
        console::print(format_args!("{name}: removed"))?;
    }
    Ok(CommandOutcome::Done)
}

/// Returns the first digits of a fingerprint, enough to distinguish bundles.
fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}
