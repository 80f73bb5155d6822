//! The `nocturne` program: parse the arguments, run the command, report the result.

mod args;
mod bundle;
mod commands;
mod console;
mod epoch_numbers;
mod error;
mod help;
mod hint;
mod session;
mod table;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = args::Arguments::from_command_line();
    console::start_logging(&arguments.common.log);
    match commands::run(arguments) {
        Ok(outcome) => outcome.into(),
        Err(error) => error::report(&error),
    }
}
