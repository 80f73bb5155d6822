//! One module for each command.

mod backup;
mod bouts;
mod caption;
mod completions;
mod concepts;
mod copy;
mod deid;
mod demo;
mod duplicates;
mod eval;
mod export;
mod graphs;
mod index;
mod inspect;
mod label;
mod list;
mod metadata;
mod nights;
mod optimize;
mod remove;
mod search;
mod serve;
mod simulate;
mod space;
mod stats;
mod verify;

use anyhow::Result;

use crate::args::{Arguments, Command};
use crate::error::CommandOutcome;

/// Runs the command of the arguments.
pub(crate) fn run(arguments: Arguments) -> Result<CommandOutcome> {
    let Arguments { command, common } = arguments;
    match command {
        Command::Demo(demo) => demo::run(&common, &demo),
        Command::Simulate(simulate) => simulate::run(&simulate),
        Command::Inspect(inspect) => inspect::run(&inspect),
        Command::Stats(stats) => stats::run(&stats),
        Command::Index(index) => index::run(&common, index),
        Command::Search(search) => search::run(&common, search),
        Command::Caption(caption) => caption::run(&common, &caption),
        Command::Nights(nights) => nights::run(&common, nights),
        Command::Label(label) => label::run(&common, label),
        Command::Deid(deid) => deid::run(&deid),
        Command::List(list) => list::run(&list),
        Command::Metadata(metadata) => metadata::run(&metadata),
        Command::Duplicates(duplicates) => duplicates::run(&duplicates),
        Command::Verify(verify) => verify::run(&verify),
        Command::Remove(remove) => remove::run(&remove),
        Command::Optimize(optimize) => optimize::run(&optimize),
        Command::Backup(backup) => backup::back_up(&backup),
        Command::Restore(restore) => backup::restore(&restore),
        Command::Copy(copy) => copy::run(&copy),
        Command::Space(space) => space::run(&common, space),
        Command::Export(export) => export::run(&export),
        Command::Serve(serve) => serve::run(&common, serve),
        Command::Concepts(concepts) => concepts::run(&common, concepts),
        Command::Eval(eval) => eval::run(&common, &eval),
        Command::Completions(completions) => completions::completions(&completions),
        Command::Man(man) => completions::manual(&man),
    }
}
