//! The commands.

mod export;
mod fewshot;
mod import;
mod inspect;
mod parity;
mod prepare;
mod train;

use anyhow::Result;

use crate::args::{Arguments, Command};
use crate::error::CommandOutcome;

/// Runs the command in the arguments.
pub(crate) fn run(arguments: Arguments) -> Result<CommandOutcome> {
    match arguments.command {
        Command::Prepare(prepare) => prepare::run(&prepare),
        Command::Train(train) => train::run(&train),
        Command::Export(export) => export::run(&export),
        Command::Import(import) => import::run(&import),
        Command::Inspect(inspect) => inspect::run(&inspect),
        Command::Parity(parity) => parity::run(&parity),
        Command::Fewshot(fewshot) => fewshot::run(&fewshot),
    }
}
