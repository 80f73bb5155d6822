//! Training on recordings as a cohort provides them: labels of SHHS, two nights of one subject, a list of recordings.

use std::path::{Path, PathBuf};

use burn::backend::{Autodiff, Flex};
use burn::tensor::Device;
use nocturne_psg::montage::ProfileChoice;
use nocturne_psg::{RecordingList, ZScore};
use nocturne_simulator::{NightSpec, simulate_as};
use nocturne_trainer::Preset;
use nocturne_trainer::data::{PrepareOutcome, RecordingInput, SetInfo, TrainingSet, prepare};
use nocturne_trainer::training::{Recipe, RunEvent, RunFolder, TrainingRun, train};

/// Writes short nights with the channel labels and file names of SHHS.
fn simulated(folder: &Path) -> Vec<PathBuf> {
    let profile = ProfileChoice::from("shhs").profile().unwrap().unwrap();
    let names = ["shhs1-200001", "shhs2-200001", "shhs1-200002"];
    let nights = (1..).zip(names).map(|(night, name)| {
        let spec = NightSpec { seed: 9, night, hours: 0.2, site: None };
        let mut night = simulate_as(&spec, &profile);
        name.clone_into(&mut night.id);
        night.write(folder).unwrap().recording
    });
    nights.collect()
}

fn info(folder: &Path) -> SetInfo {
    std::fs::create_dir(folder).unwrap();
    let info = SetInfo::new(ZScore::Recording, "simulated".to_owned(), "none".to_owned());
    info.write(folder).unwrap();
    info
}

#[test]
fn trains_on_an_shhs_folder_and_validates_on_another_subject() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    let info = info(&set);
    for recording in simulated(folder.path()) {
        let prepared = prepare(&RecordingInput::from(recording), &set, &info).unwrap();
        assert_eq!(prepared, PrepareOutcome::Written(24));
    }
    let mut config = Preset::Tiny.config();
    config.biosignals_cfg.patch_size = 192;
    config.biosignals_cfg.transformer_layers = 1;
    config.text_cfg.layers = 1;
    let recipe = Recipe {
        steps: 3,
        batch_size: 8,
        validation_share: 0.5,
        validation_batches: 1,
        threads: 2,
        ..Recipe::default()
    };
    let run = RunFolder::new(folder.path().join("run"));
    let mut training = TrainingRun {
        config,
        recipe,
        folder: run.clone(),
        start: None,
        resume: false,
        command: "a test".to_owned(),
    };
    let (mut split, mut steps) = (None, 0);
    let mut see = |event: &RunEvent| match event {
        RunEvent::Started { split: actual, .. } => split = Some(actual.clone()),
        RunEvent::Step(report) => {
            assert!(report.loss.is_finite());
            steps += 1;
        }
        RunEvent::Validation(_) | RunEvent::Checkpoint(_) => {}
    };
    let (open, device) = (|| TrainingSet::open(&set).unwrap(), Device::<Flex>::default());
    train::<Autodiff<Flex>>(&training, open(), &device, &mut see).unwrap();
    let split = split.unwrap();
    assert_eq!(steps, 3);
    let mut sides = [&split.training, &split.held_out].map(|side| side.subjects.clone());
    sides.sort();
    assert_eq!(sides, [["shhs-200001".to_owned()].into(), ["shhs-200002".to_owned()].into()]);
    assert_eq!(split.training.epochs + split.held_out.epochs, 72);
    let written = std::fs::read(run.path().join("split.json")).unwrap();
    assert_eq!(serde_json::from_slice::<nocturne_trainer::data::Split>(&written).unwrap(), split);

    std::fs::remove_file(set.join("shhs2-200001.epochs")).unwrap();
    training.resume = true;
    let error = train::<Autodiff<Flex>>(&training, open(), &device, &mut |_| {}).unwrap_err();
    assert!(error.to_string().ends_with("was started with another `training set`"), "{error}");
}

#[test]
fn a_list_provides_annotations_and_subjects() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    let info = info(&set);
    simulated(folder.path());
    std::fs::create_dir(folder.path().join("scored")).unwrap();
    let scoring = "shhs1-200001-nsrr.xml";
    let moved = folder.path().join("scored/other.xml");
    std::fs::rename(folder.path().join(scoring), moved).unwrap();
    let list = folder.path().join("list.csv");
    let rows = "recording,annotations,subject\nshhs1-200001.edf,scored/other.xml,anna\n\
                shhs1-200002.edf,,anna\n";
    std::fs::write(&list, rows).unwrap();
    let sources: Vec<RecordingInput> = RecordingList::read(&list, None)
        .unwrap()
        .recordings
        .into_iter()
        .map(RecordingInput::from)
        .collect();
    for source in &sources {
        assert_eq!(prepare(source, &set, &info).unwrap(), PrepareOutcome::Written(24));
        assert_eq!(prepare(source, &set, &info).unwrap(), PrepareOutcome::Existing);
    }
    let opened = TrainingSet::open(&set).unwrap();
    assert_eq!(opened.subjects(), ["anna".to_owned()].into());
    assert!((0..opened.len()).all(|epoch_idx| opened.facts(epoch_idx).stage.is_some()));
    let other = RecordingInput { subject: Some("berta".to_owned()), ..sources[0].clone() };
    let error = prepare(&other, &set, &info).unwrap_err().to_string();
    assert!(error.contains("it was prepared without this subject"), "{error}");
}
