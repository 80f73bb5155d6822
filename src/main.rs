//! The `nocturne` program: arguments in, answers out.

mod args;
mod bundle;
mod commands;
mod console;
mod epoch_numbers;
mod error;
mod session;
mod table;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = args::Arguments::parse();
    console::start_logging(&arguments.common.log);
    match commands::run(arguments) {
        Ok(outcome) => outcome.into(),
        Err(error) => error::report(&error),
    }
}
