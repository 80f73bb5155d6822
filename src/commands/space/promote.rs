//! `nocturne space promote` and `nocturne space rollback`

use anyhow::Result;
use nocturne_index::{Coverage, Demand, Promoted, Serving};
use serde_json::json;

use super::compare::{ComparisonArguments, print};
use crate::args::{Common, SpacePromote, SpaceRollback};
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(common: &Common, arguments: &SpacePromote) -> Result<CommandOutcome> {
    let SpacePromote { name, incomplete, no_compare, sample, of, encoder } = arguments;
    let spaces = of.spaces()?;
    let served = spaces.serving()?.space;
    if !no_compare && served != *name {
        let arguments = ComparisonArguments { common, encoder, sample, of };
        let comparison = arguments.compare(&*spaces, [&served, name])?;
        print(&comparison, [&served, name], of.json)?;
    }
    let demand = if *incomplete { Demand::Incomplete } else { Demand::Whole };
    print_promotion(&spaces.promote(name, demand)?, "promoted", of.json)?;
    Ok(CommandOutcome::Done)
}

pub(super) fn roll_back(arguments: &SpaceRollback) -> Result<CommandOutcome> {
    let spaces = arguments.of.spaces()?;
    print_promotion(&spaces.roll_back()?, "rolled_back", arguments.of.json)?;
    Ok(CommandOutcome::Done)
}

fn print_promotion(promoted: &Promoted, event: &str, json: bool) -> Result<()> {
    let Promoted { serving: Serving { space, previous, number }, coverage } = promoted;
    if json {
        console::print_json(&json!({
            "event": event,
            "space": space,
            "previous": previous,
            "number": number,
            "coverage": coverage,
        }))?;
        return Ok(());
    }
    let before = previous.as_ref().map(|it| format!("; previously {it}")).unwrap_or_default();
    console::print(format_args!("now serving {space}{before}"))?;
    if let Some(Coverage { lacking, extra, differing, .. }) =
        coverage.as_ref().filter(|coverage| !coverage.is_whole())
    {
        console::note(format_args!(
            "warning: compared with the previous space, {} recordings are missing, {} are extra and {} differ; \
             `nocturne index` adds missing ones",
            lacking.len(),
            extra.len(),
            differing.len()
        ));
    }
    Ok(())
}
