//! The `nocturne-train` program.

mod allocator;
mod args;
mod commands;
mod console;
mod error;
mod hint;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    allocator::keep_memory();
    let arguments = args::Arguments::parse();
    match commands::run(arguments) {
        Ok(outcome) => outcome.into(),
        Err(error) => error::report(&error),
    }
}
