//! Tests of batches from a synthetic set.

use std::path::Path;

use nocturne_psg::caption::EpochFacts;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{Event, EventKind, Stage, ZScore};

use super::{
    Augmentation, BatchMaker, BatchMakerOptions, CaptionMix, EPOCH_LEN, SetInfo, ShardWriter,
    Split, TrainingEpoch, TrainingSet,
};
use crate::model::{CaptionConditions, NO_CONDITION};

/// Nine epochs in ten are N2; the tenth is REM, and every twentieth has an arousal.
fn set(folder: &Path) -> TrainingSet {
    SetInfo::new(ZScore::Epoch, "made up".to_owned(), "none".to_owned()).write(folder).unwrap();
    for recording in 0..4 {
        let name = format!("night-{recording}");
        let path = folder.join(format!("{name}.epochs"));
        let mut writer = ShardWriter::create(&path, &name, &name, ZScore::Epoch).unwrap();
        for number in 0..50u32 {
            let is_rem = number.is_multiple_of(10);
            let event = Event::new(EventKind::Arousal, 2.0, 5.0);
            let facts = EpochFacts {
                stage: Some(if is_rem { Stage::Rem } else { Stage::N2 }),
                events: if number.is_multiple_of(20) { vec![event] } else { Vec::new() },
                events_scored: true,
                ..EpochFacts::default()
            };
            let samples = vec![number as f32; EPOCH_LEN];
            writer.push(&TrainingEpoch { number, mask: ChannelMask::ALL, samples, facts }).unwrap();
        }
        writer.commit().unwrap();
    }
    TrainingSet::open(folder).unwrap()
}

fn maker(set: TrainingSet, augmentation: Augmentation) -> BatchMaker {
    let captions = CaptionMix::default();
    BatchMaker::new(set, BatchMakerOptions { size: 32, seed: 5, augmentation, captions })
}

#[test]
fn the_same_number_gives_the_same_batch() {
    let folder = tempfile::tempdir().unwrap();
    let maker = maker(set(folder.path()), Augmentation::default());
    assert_eq!(maker.batch(3).unwrap(), maker.batch(3).unwrap());
    assert_ne!(maker.batch(3).unwrap(), maker.batch(4).unwrap());
}

#[test]
fn rare_stages_are_drawn_more_often_than_they_occur() {
    let folder = tempfile::tempdir().unwrap();
    let maker = maker(set(folder.path()), Augmentation::none());
    let is_rem = |epoch: &[f32]| (epoch[0] as u32).is_multiple_of(10);
    let rem: usize = (0..10)
        .map(|number| maker.batch(number).unwrap())
        .map(|batch| batch.signals.chunks(EPOCH_LEN).filter(|epoch| is_rem(epoch)).count())
        .sum();
    // A tenth of the set; including its events about a quarter of the draws.
    assert!((56..160).contains(&rem), "{rem} of 320");
}

#[test]
fn texts_are_positives_of_every_epoch_they_describe() {
    let folder = tempfile::tempdir().unwrap();
    let maker = maker(set(folder.path()), Augmentation::none());
    let batch = maker.batch(0).unwrap();
    let n = batch.positives.len();
    let shared = (0..n * n)
        .filter(|cell| cell / n != cell % n && batch.positives.is_positive(cell / n, cell % n))
        .count();
    assert!(shared > n, "{shared} texts are true of other epochs too");
    assert!(shared < n * (n - 1), "but not every text of every epoch");
}

#[test]
fn never_holds_out_all_recordings() {
    let folder = tempfile::tempdir().unwrap();
    let split = |share| {
        let (train, held_out) = set(folder.path()).split(share).unwrap();
        (train.n_recordings(), held_out.map_or(0, |set| set.n_recordings()))
    };
    assert_eq!(split(0.0), (4, 0));
    assert_eq!(split(0.25), (3, 1));
    assert_eq!(split(1.0), (1, 3));
}

#[test]
fn all_nights_of_a_subject_are_on_one_side() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    SetInfo::new(ZScore::Epoch, "made up".to_owned(), "none".to_owned()).write(folder).unwrap();
    let names = [
        ("shhs1-200001", None),
        ("shhs2-200001", None),
        ("shhs1-200002", None),
        ("shhs1-200003", Some("shhs-200002")),
        ("night-a", Some("anna")),
        ("night-b", Some("anna")),
        ("night-c", None),
    ];
    for (name, subject) in names {
        let path = folder.join(format!("{name}.epochs"));
        let mut writer = ShardWriter::create(&path, name, name, ZScore::Epoch).unwrap();
        if let Some(subject) = subject {
            writer = writer.of_subject(subject);
        }
        let samples = vec![0.0; EPOCH_LEN];
        let facts = EpochFacts::default();
        writer.push(&TrainingEpoch { number: 0, mask: ChannelMask::ALL, samples, facts }).unwrap();
        writer.commit().unwrap();
    }
    let expected = ["anna", "night-c", "shhs-200001", "shhs-200002"].map(str::to_owned);
    assert_eq!(TrainingSet::open(folder).unwrap().subjects(), expected.clone().into());
    for share in [0.25, 0.5, 0.75] {
        let (training, held_out) = TrainingSet::open(folder).unwrap().split(share).unwrap();
        let split = Split::new(&training, held_out.as_ref());
        assert_eq!(split.held_out.subjects.len(), (4.0 * share) as usize);
        assert!(split.training.subjects.is_disjoint(&split.held_out.subjects), "{split:?}");
        let n = split.training.recordings.len() + split.held_out.recordings.len();
        assert_eq!((n, split.training.epochs + split.held_out.epochs), (7, 7));
    }
}

#[test]
fn rejects_a_set_without_shards() {
    let folder = tempfile::tempdir().unwrap();
    let info = SetInfo::new(ZScore::Epoch, "made up".to_owned(), "none".to_owned());
    info.write(folder.path()).unwrap();
    let message = TrainingSet::open(folder.path()).unwrap_err().to_string();
    assert!(
        message.ends_with("has no epochs; expected at least one `*.epochs` shard with one epoch")
    );
    let other = SetInfo::new(ZScore::Recording, "made up".to_owned(), "none".to_owned());
    let message = other.write(folder.path()).unwrap_err().to_string();
    assert!(message.ends_with("it describes a set that was prepared with other settings"));
}

#[test]
fn conditions_name_the_kinds_of_the_captions() {
    let folder = tempfile::tempdir().unwrap();
    let with = |captions| {
        let augmentation = Augmentation::none();
        let options = BatchMakerOptions { size: 16, seed: 5, augmentation, captions };
        BatchMaker::new(set(folder.path()), options).batch(0).unwrap().conditions
    };
    let none = CaptionMix {
        phrase: 0.0,
        stage_event: 0.0,
        brain: 0.0,
        heart: 0.0,
        respiratory: 0.0,
        position_muscle: 0.0,
        with_stage_event: 0.0,
    };
    // The set has no features, so only these two kinds can be captioned.
    let rows = |row: [i64; 2]| CaptionConditions::new(&[row; 16]);
    assert_eq!(with(CaptionMix { stage_event: 1.0, ..none }), rows([4, NO_CONDITION]));
    assert_eq!(with(CaptionMix { phrase: 1.0, ..none }), rows([NO_CONDITION; 2]));
}
