//! Simulates one sleeper at every site, writes the files, and prints what is known of the nights.
//!
//! `cargo run -p nocturne-simulator --example simulate_night -- FOLDER`

#![expect(clippy::print_stdout, reason = "an example prints its results")]

use std::path::PathBuf;

use nocturne_simulator::{NightPlan, NightSpec, Site};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("expected an output folder")?);

    for site in Site::ALL {
        // The sleeper depends on seed and night only, the recorder also on the site.
        let spec = NightSpec { seed: 5, night: 3, hours: 1.0, site: Some(site) };

        // The plan is cheap and contains the whole truth. Draw many plans to find a night with certain events.
        let plan = NightPlan::draw(&spec);
        let truth = plan.truth();
        println!(
            "{:12} {:.1} h of sleep, {:.1} arousals and {:.1} apneas and hypopneas per hour",
            site.name(),
            truth.sleep_h,
            truth.arousal_index_per_h,
            truth.ahi_per_h,
        );

        // Rendering takes most of the time. Each site labels, samples and filters its signals differently.
        let night = plan.render();
        let labels: Vec<&str> =
            night.signals.iter().map(|(signal, _)| signal.label.as_str()).collect();
        println!("{:12} {}", "", labels.join(", "));

        // The recording (EDF+), its scoring (NSRR XML) and the truth file (JSON).
        let folder = folder.join(site.name());
        std::fs::create_dir_all(&folder)?;
        let written = night.write(&folder)?;
        println!("{:12} {}", "", written.recording.display());
    }
    Ok(())
}
