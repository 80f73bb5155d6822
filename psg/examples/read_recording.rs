//! Prints the channels, the hypnogram and the events of a recording.
//!
//! ```sh
//! cargo run -p nocturne-psg --example read_recording -- night.edf
//! ```
//!
//! `nocturne simulate` writes a recording to try it on.

#![expect(clippy::print_stdout, reason = "an example prints its results")]

use std::error::Error;
use std::path::PathBuf;

use nocturne_psg::{EPOCH_S, Night, Recording, Stage, ZScore};

/// Epochs in a line of the printed hypnogram: half an hour.
const EPOCHS_PER_LINE: usize = 60;

fn main() -> Result<(), Box<dyn Error>> {
    let path = PathBuf::from(std::env::args_os().nth(1).ok_or("expected an EDF or BDF file")?);

    // Opening reads the header and the annotations, also those of files beside the recording, such as
    // `night-nsrr.xml`, and chooses a profile by the labels of the signals.
    let recording = Recording::open(&path)?;
    let montage = recording.montage();
    println!("profile {}: {}", montage.profile().name, montage.reason());

    // Each channel of the montage is fed by one signal, by the difference of two, or by none.
    for line in montage.report(recording.file().header()) {
        let source = line.source.as_deref().unwrap_or("missing");
        println!("  {:10} {source}", line.channel);
    }

    // A night is the recording at 64 Hz in epochs of 30 s, with the problems found in its signals.
    // `ZScore` only concerns the input of the encoder.
    let night = Night::read(&recording, ZScore::Recording)?;
    for warning in recording.warnings().iter().chain(night.warnings()) {
        println!("warning: {}", warning.message);
    }

    // The hypnogram has one letter per epoch: W, 1, 2, 3, R, or a dot if the epoch is not scored.
    for epochs in night.epochs().chunks(EPOCHS_PER_LINE) {
        let letters: String = epochs.iter().map(|epoch| letter(epoch.stage)).collect();
        println!("{:5.1} h  {letters}", epochs[0].onset_s / 3600.0);
    }
    for stage in Stage::ALL {
        let n_epochs = night.epochs().iter().filter(|epoch| epoch.stage == Some(stage)).count();
        println!("  {:2} {:6.1} min", stage.code(), n_epochs as f64 * EPOCH_S / 60.0);
    }

    // Events come with the kind that their names mean, in whatever dialect they were written.
    for event in recording.scoring().events.iter().take(10) {
        println!("{:9.1} s  {} for {:.1} s", event.onset_s, event.kind, event.duration_s);
    }
    Ok(())
}

/// Returns the letter of a stage in the printed hypnogram.
fn letter(stage: Option<Stage>) -> char {
    match stage {
        Some(Stage::Wake) => 'W',
        Some(Stage::N1) => '1',
        Some(Stage::N2) => '2',
        Some(Stage::N3) => '3',
        Some(Stage::Rem) => 'R',
        None => '.',
    }
}
