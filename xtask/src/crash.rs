//! Kills indexers at random moments and checks that no acknowledged recording is lost.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::runtime;
use crate::workspace::{cargo, root, run};

/// Number of nights to index; each is a few minutes long.
const NIGHTS: &str = "40";

/// Maximum lifetime of an indexer, in milliseconds: short enough that few finish.
const LIFE_MS: u64 = 1500;

/// Runs the rounds with the release build; the seed decides when each indexer is killed.
pub(crate) fn crash(library: Option<&Path>, rounds: u32, seed: u64) -> Result<()> {
    let library = runtime::set_up(library)?;
    run(cargo().args(["build", "--release", "--package", "nocturne"]))?;
    let folder = root().join("target/crash");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| cannot("remove", &folder))?;
    }
    fs::create_dir_all(&folder).with_context(|| cannot("create", &folder))?;
    let rig = Rig { library, nights: folder.join("nights"), folder };
    let nights = rig.nights.to_string_lossy();
    run(rig.nocturne().args(["simulate", "--out", &nights, "--nights", NIGHTS, "--hours", "0.1"]))?;
    let mut random = seed;
    let (mut n_killed, mut n_acknowledged) = (0, 0);
    for round in 1..=rounds {
        let outcome = rig.round(Duration::from_millis(draw(&mut random) % LIFE_MS));
        let Round { was_killed, acknowledged } = outcome.with_context(|| {
            format!("round {round} of seed {seed}; its collection is in `target/crash`")
        })?;
        n_killed += u32::from(was_killed);
        n_acknowledged += acknowledged;
        if round % 25 == 0 {
            eprintln!(
                "crash: {round} rounds, {n_killed} killed, {n_acknowledged} acknowledged, none lost"
            );
        }
    }
    ensure!(n_killed > 0, "no indexer was killed: all had finished before");
    eprintln!(
        "crash: {rounds} rounds, {n_killed} killed, {n_acknowledged} acknowledged, none lost"
    );
    Ok(())
}

/// The folders that the rounds work in.
struct Rig {
    library: PathBuf,
    folder: PathBuf,
    nights: PathBuf,
}

/// The result of one round.
struct Round {
    was_killed: bool,
    /// Number of recordings acknowledged in this round.
    acknowledged: usize,
}

impl Rig {
    /// Runs an indexer until it finishes or is killed, and verifies what it acknowledged.
    fn round(&self, life: Duration) -> Result<Round> {
        let collection = self.folder.join("collection");
        let acked = self.folder.join("acknowledged.jsonl");
        let mut indexer = self
            .nocturne()
            .arg("index")
            .arg(&self.nights)
            .arg("--collection")
            .arg(&collection)
            .arg("--json")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the indexer")?;
        let output = indexer.stdout.take().context("the indexer has no output")?;
        let list = OpenOptions::new().create(true).append(true).open(&acked);
        let list = list.with_context(|| cannot("write", &acked))?;
        let (end_of_output, ended) = mpsc::channel::<()>();
        let listener = thread::spawn(move || {
            let _until_it_ends = end_of_output;
            listen(BufReader::new(output), list)
        });
        let _ = ended.recv_timeout(life);
        let ended_by_itself = indexer.try_wait()?;
        if let Some(status) = ended_by_itself {
            ensure!(status.success(), "the indexer ended by itself: {status}");
        }
        let was_killed = ended_by_itself.is_none();
        // SIGKILL: the process cannot clean up.
        indexer.kill().context("cannot kill the indexer")?;
        indexer.wait()?;
        let acknowledged = listener.join().ok().context("the listener failed")??;
        if was_killed && !collection.join("segments").is_dir() {
            ensure!(acknowledged == 0, "something was acknowledged, but there is no collection");
            return Ok(Round { was_killed, acknowledged });
        }
        if fs::metadata(&acked)?.len() > 0 {
            run(self
                .nocturne()
                .arg("verify")
                .arg(&collection)
                .arg("--acked")
                .arg(&acked)
                .stdout(Stdio::null()))?;
        }
        if !was_killed {
            // All nights are indexed: the next round starts from an empty folder.
            fs::remove_dir_all(&collection).with_context(|| cannot("remove", &collection))?;
            fs::remove_file(&acked).with_context(|| cannot("remove", &acked))?;
        }
        Ok(Round { was_killed, acknowledged })
    }

    fn nocturne(&self) -> Command {
        let mut command = Command::new(root().join("target/release/nocturne"));
        command.env("ORT_DYLIB_PATH", &self.library);
        command
    }
}

/// Appends the whole lines of an indexer's output to the list, and counts the acknowledgements.
fn listen(mut output: impl BufRead, mut list: File) -> Result<usize> {
    let mut acknowledged = 0;
    let mut line = String::new();
    while output.read_line(&mut line)? > 0 {
        if line.ends_with('\n') {
            list.write_all(line.as_bytes())?;
            acknowledged += usize::from(line.contains(r#""event":"acknowledged""#));
        }
        line.clear();
    }
    Ok(acknowledged)
}

fn cannot(action: &str, path: &Path) -> String {
    format!("cannot {action} `{}`", path.display())
}

/// Returns the next number of the sequence (`SplitMix64`).
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
