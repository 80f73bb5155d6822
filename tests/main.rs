//! The program from outside: commands, exit codes, files on disk, and clients of its server.

#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod tidy;
