//! `nocturne serve`, tested with an independent client.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nocturne_testing::{python_client, require};

use crate::cohort::{Cohort, cohort};
use crate::program::{nocturne, root, run, text};

/// A running server, killed when dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: String,
}

impl Server {
    /// Starts a server on a free port and waits until it serves.
    fn start(cohort: &Cohort) -> Self {
        Self::of(text(&cohort.collection))
    }

    /// Starts a server of the collection in a folder or at an address.
    pub(crate) fn of(collection: &str) -> Self {
        let arguments = ["serve", "--collection", collection, "--listen", "127.0.0.1:0"];
        let mut process =
            nocturne(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        assert!(address.starts_with("127.0.0.1:"), "{line}");
        Self { process, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn independent_client_gets_right_answers() {
    let cohort = require!(cohort());
    let packages = require!(python_client());
    let server = Server::start(cohort);
    let output = Command::new("python3")
        .arg(root().join("tests/client.py"))
        .arg(&server.address)
        .arg(&cohort.nights)
        .env("PYTHONPATH", packages)
        .output()
        .unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    assert_eq!(stdout.trim(), "9 groups of checks passed");
}

#[cfg(unix)]
#[test]
fn server_stops_on_a_signal() {
    let cohort = require!(cohort());
    let mut server = Server::start(cohort);
    // An idle connection must not keep the server alive.
    let _idle = std::net::TcpStream::connect(&server.address).unwrap();
    let start = std::time::Instant::now();
    Command::new("kill").arg(server.process.id().to_string()).status().unwrap();
    let status = server.process.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(start.elapsed().as_secs() < 15, "{:?}", start.elapsed());
}

#[test]
fn public_address_needs_an_explicit_flag() {
    let run = run(["serve", "--collection", "/nowhere", "--listen", "0.0.0.0:0"]).expect_code(1);
    assert!(run.error().contains("other machines can reach"), "{}", run.error());
}

#[test]
fn address_in_use_is_reported() {
    let cohort = require!(cohort());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = run(["serve", "--collection", text(&cohort.collection), "--listen", &address])
        .expect_code(1);
    assert!(run.error().starts_with(&format!("cannot serve on {address}")), "{}", run.error());
    assert!(Path::new(&cohort.collection).is_dir());
}
