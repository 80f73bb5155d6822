//! Commands that manage a collection, in a folder and in a test double of Qdrant, on collections that need no encoder.

use std::path::Path;

use nocturne_encoder::Embedding;
use nocturne_encoder::bundle::Preprocessing;
use nocturne_index::{EmbeddingSpace, EpochPoint, Location, RecordingDraft};
use nocturne_psg::hash::sha256;
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::{EpochNumber, EventKind, EventSet, Quality, RecordingId, Stage, ZScore};
use nocturne_qdrant_double::QdrantDouble;
use tempfile::TempDir;

use crate::program::{run, text};

fn draft(name: &str, n_epochs: u32) -> RecordingDraft {
    let epoch = |number| EpochPoint {
        number: EpochNumber(number),
        onset_s: 30.0 * f64::from(number),
        mask: ChannelMask::from_iter([Channel::Airflow]),
        quality: Quality::default(),
        stage: (number == 1).then_some(Stage::N2),
        events: EventSet::from_iter((number == 0).then_some(EventKind::Arousal)),
        vector: Embedding::new(vec![0.0, 1.0]).unwrap(),
    };
    RecordingDraft {
        id: RecordingId::new(name).unwrap(),
        source: format!("{name}.edf"),
        source_sha256: String::new(),
        annotations_sha256: None,
        origin: nocturne_psg::RecordingOrigin::Recorded,
        declared_events: EventSet::EMPTY,
        start: None,
        metadata: std::collections::BTreeMap::new(),
        montage: serde_json::Value::Null,
        events: None,
        signals: None,
        epochs: (0..n_epochs).map(epoch).collect(),
        captions: vec![],
    }
}

/// Places for collections: folders, or addresses of a Qdrant double.
struct Places {
    folder: TempDir,
    double: Option<QdrantDouble>,
}

impl Places {
    fn folders() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), double: None }
    }

    fn addresses() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), double: Some(QdrantDouble::start()) }
    }

    /// Returns a folder or an address.
    fn place(&self, name: &str) -> String {
        match &self.double {
            Some(double) => double.url(name),
            None => text(&self.path(name)).to_owned(),
        }
    }

    /// Returns a path in the temporary folder.
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Creates a collection with recordings committed in this order, `a` of three epochs and the others of two, and returns
    /// its place.
    fn filled<const N: usize>(&self, name: &str, order: [&str; N]) -> String {
        let place = self.place(name);
        fill(&place, order.map(|name| draft(name, if name == "a" { 3 } else { 2 })));
        place
    }
}

/// Defines each test twice: on folders, and on addresses of a Qdrant double.
macro_rules! on_each_store {
    ($($test:ident),* $(,)?) => {
        mod folder {
            $(#[test] fn $test() { super::$test(&super::Places::folders()); })*
        }
        mod qdrant {
            $(#[test] fn $test() { super::$test(&super::Places::addresses()); })*
        }
    };
}

on_each_store!(
    verify_counts_the_epochs_of_intact_recordings,
    verify_names_missing_recordings_and_exits_with_1,
    dump_does_not_depend_on_the_order_of_commits_or_the_store,
    backup_is_restored_and_updated,
    remove_deletes_recordings_and_names_unknown_ones,
    metadata_is_set_from_a_table,
    shards_are_joined_by_a_copy,
    copy_reports_recordings_that_differ_and_replaces_them_only_on_request,
    damaged_recordings_of_a_folder_are_repaired_from_any_collection,
    duplicates_are_found,
    missing_collection_is_named,
    recordings_of_a_subject_are_erased,
    vectors_are_exported_as_numpy,
);

/// Adds recordings to a collection, or to a new one.
fn fill(place: &str, drafts: impl IntoIterator<Item = RecordingDraft>) {
    let space = EmbeddingSpace {
        bundle: "small".into(),
        fingerprint: "5d41".into(),
        dim: 2,
        preprocessing: Preprocessing { montage: "sleeplm-10".into(), z_score: ZScore::Recording },
    };
    let mut writer = place.parse::<Location>().unwrap().open_or_create(&space).unwrap();
    drafts.into_iter().for_each(|draft| drop(writer.commit(draft).unwrap()));
}

fn dump(place: &str) -> String {
    run(["export", place, "--format", "dump"]).expect_code(0).stdout
}

/// Flips a bit in each segment of a folder.
fn damage(collection: &Path) {
    for segment in std::fs::read_dir(collection.join("segments")).unwrap() {
        let path = segment.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[100] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }
}

fn recordings_of_a_subject_are_erased(places: &Places) {
    let collection = places.filled("c", ["shhs1-200001", "shhs2-200001", "shhs1-200002"]);
    let output = run(["remove", "--subject", "shhs-200001", "-c", &collection]).expect_code(0);
    assert!(output.stderr.contains("backups"), "{}", output.stderr);
    let names = run(["list", "-c", &collection, "--json"]).expect_code(0).json_lines();
    assert_eq!(names.len(), 1);
    assert_eq!(names[0]["id"], "shhs1-200002");
    let unknown = run(["remove", "--subject", "shhs-200001", "-c", &collection]).expect_code(1);
    assert_eq!(unknown.error(), "no recording has the subject `shhs-200001`");
}

fn vectors_are_exported_as_numpy(places: &Places) {
    let collection = places.filled("c", ["a", "b"]);
    let folder = places.path("vectors");
    let export = || run(["export", &collection, "--format", "npy", "--out", text(&folder)]);
    export().expect_code(0);
    let array = std::fs::read(folder.join("vectors.npy")).unwrap();
    let header = String::from_utf8_lossy(&array[..128]).into_owned();
    assert!(header.contains("'descr': '<f2'") && header.contains("'shape': (5, 2)"), "{header}");
    let length = 10 + usize::from(u16::from_le_bytes([array[8], array[9]]));
    assert_eq!(array.len() - length, 5 * 2 * 2);
    let table = std::fs::read_to_string(folder.join("epochs.csv")).unwrap();
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 6);
    assert!(rows[0].starts_with("row,recording,epoch,onset_s") && rows[4].starts_with("3,b,0,"));
    assert!(export().expect_code(1).error().contains("exists"));
}

fn verify_counts_the_epochs_of_intact_recordings(places: &Places) {
    let collection = places.filled("c", ["b", "a"]);
    let output = run(["verify", &collection]).expect_code(0);
    assert_eq!(output.stdout, "a: 3 epochs, intact\nb: 2 epochs, intact\n");
    let lines = run(["verify", &collection, "--json"]).expect_code(0).json_lines();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["recording"], &lines[0]["epochs"]), (&"a".into(), &3.into()));
    assert!(lines[0]["problem"].is_null());
}

fn verify_names_missing_recordings_and_exits_with_1(places: &Places) {
    let collection = places.filled("c", ["a", "b"]);
    let list = places.path("acked");
    let lines = "{\"event\":\"found\",\"recordings\":4}\n\
                 {\"event\":\"acknowledged\",\"recording\":\"a\",\"epochs\":3}\n\
                 {\"event\":\"unchanged\",\"recording\":\"a\"}\n\
                 {\"event\":\"acknowledged\",\"recording\":\"b\",\"epochs\":7}\n\
                 {\"event\":\"acknowledged\",\"recording\":\"gone\",\"epochs\":9}\n";
    std::fs::write(&list, lines).unwrap();
    let run_with = |list: &Path| run(["verify", &collection, "--acked", text(list)]);
    let output = run_with(&list).expect_code(1);
    let expect = "a: 3 epochs, intact\n\
                  b: has 2 epochs; 7 were acknowledged\n\
                  gone: acknowledged, but missing\n";
    assert_eq!(output.stdout, expect);
    assert!(output.error().starts_with("2 recordings of `"), "{}", output.error());
    std::fs::write(&list, "a\nb\n").unwrap();
    run_with(&list).expect_code(0);
}

#[test]
fn verify_names_damaged_recordings_of_a_folder_and_exits_with_1() {
    let places = Places::folders();
    let collection = places.filled("c", ["a", "b"]);
    damage(&places.path("c"));
    let output = run(["verify", &collection]).expect_code(1);
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines.len(), 2);
    for (line, name) in lines.iter().zip(["a", "b"]) {
        assert!(line.starts_with(&format!("{name}: `")) && line.contains("is damaged at byte 0"));
    }
}

fn dump_does_not_depend_on_the_order_of_commits_or_the_store(places: &Places) {
    let dumps = [["a", "b"], ["b", "a"]].map(|order| dump(&places.filled(order[0], order)));
    assert_eq!(dumps[0], dumps[1]);
    assert_eq!(dumps[0], dump(&Places::folders().filled("c", ["a", "b"])));
    let lines: Vec<serde_json::Value> =
        dumps[0].lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let epochs: Vec<String> =
        lines.iter().map(|line| format!("{}:{}", line["recording"], line["epoch"])).collect();
    assert_eq!(epochs, ["\"a\":0", "\"a\":1", "\"a\":2", "\"b\":0", "\"b\":1"]);
    // Zero and one in half precision.
    assert_eq!(lines[0]["vector_sha256"], sha256([0, 0, 0, 0x3c]));
    assert_eq!(lines[0]["events"], serde_json::json!(["arousal"]));
    assert_eq!((&lines[1]["stage"], &lines[1]["channels"][0]), (&"N2".into(), &"AF".into()));
}

fn backup_is_restored_and_updated(places: &Places) {
    let collection = places.filled("c", ["a", "b"]);
    let others = Places::folders();
    // A backup may be in another store than its collection.
    let pairs = [
        (places.place("backup"), others.place("restored")),
        (others.place("backup"), places.place("restored")),
    ];
    for (backup, restored) in &pairs {
        let output = run(["backup", &collection, backup]).expect_code(0);
        let expect = "2 recordings with 5 epochs, all verified; 2 written";
        assert!(output.stdout.contains(expect), "{}", output.stdout);
        run(["restore", backup, restored]).expect_code(0);
        assert_eq!(dump(restored), dump(&collection));
        for (again, hint) in [
            (
                ["backup", &collection, backup],
                "hint: to bring an existing backup up to date, pass `--update`",
            ),
            (["restore", backup, restored], "hint: restore "),
        ] {
            let output = run(again).expect_code(1);
            assert!(output.error().contains("is already a collection"), "{}", output.error());
            assert!(output.stderr.contains(hint), "{}", output.stderr);
        }
    }
    run(["remove", "a", "-c", &collection]).expect_code(0);
    let backup = places.place("backup");
    let output = run(["backup", &collection, &backup, "--update", "--json"]);
    let output = output.expect_code(0).json();
    assert_eq!((&output["recordings"], &output["written"]), (&1.into(), &0.into()));
    assert_eq!(dump(&backup), dump(&collection));
}

fn remove_deletes_recordings_and_names_unknown_ones(places: &Places) {
    let collection = places.filled("c", ["a", "b"]);
    let output = run(["remove", "unknown", "a", "-c", &collection, "--json"]).expect_code(3);
    let lines = output.json_lines();
    assert_eq!((&lines[0]["event"], &lines[0]["recording"]), (&"failed".into(), &"unknown".into()));
    assert_eq!((&lines[1]["event"], &lines[1]["recording"]), (&"removed".into(), &"a".into()));
    let is_folder = places.double.is_none();
    let n_segments = || std::fs::read_dir(places.path("c/segments")).unwrap().count();
    assert!(!is_folder || n_segments() == 2);
    let output = run(["remove", "--purge", "-c", &collection]).expect_code(0);
    assert!(!is_folder || n_segments() == 1);
    // A server has deleted the points already.
    assert!(is_folder || output.stdout == "0 files deleted\n", "{}", output.stdout);
    let output = run(["verify", &collection]).expect_code(0);
    assert_eq!(output.stdout, "b: 2 epochs, intact\n");
}

fn metadata_is_set_from_a_table(places: &Places) {
    let collection = places.filled("c", ["a", "b"]);
    let table = places.path("metadata.csv");
    std::fs::write(&table, "recording,age\na,61\nb,33\nunknown,5\n").unwrap();
    let set = ["metadata", text(&table), "-c", &collection];
    let output = run(set).expect_code(3);
    assert_eq!(output.stdout, "2 recordings changed, 0 unchanged, 1 rows skipped\n");
    assert!(output.stderr.contains("line 4"), "{}", output.stderr);
    let output = run(set).expect_code(3);
    assert_eq!(output.stdout, "0 recordings changed, 2 unchanged, 1 rows skipped\n");
    let list = ["list", "-c", &collection, "--filter", "age >= 60", "--json"];
    let listed = run(list).expect_code(0).json_lines();
    assert_eq!((listed.len(), &listed[0]["id"]), (1, &"a".into()));
    run(["verify", &collection]).expect_code(0);
}

fn shards_are_joined_by_a_copy(places: &Places) {
    let (first, second, joined) = (places.place("1"), places.place("2"), places.place("joined"));
    fill(&first, [draft("a", 3)]);
    fill(&second, [draft("b", 2)]);
    let copy = ["copy", &first, &second, "--into", &joined, "--no-wait"];
    let output = run(copy).expect_code(0);
    let expect = format!("{joined}: 2 recordings with 5 epochs, all verified; 2 written, ");
    assert!(output.stdout.starts_with(&expect), "{}", output.stdout);
    assert_eq!(dump(&joined), dump(&Places::folders().filled("c", ["a", "b"])));
    let again = run(copy).expect_code(0).stdout;
    assert!(again.contains("; 0 written, 0.0 MB; 0 others in the target"), "{again}");
    // Into the other store, beside a recording that no shard has.
    let others = Places::folders();
    let other = others.place("other");
    fill(&other, [draft("c", 1)]);
    let copy = ["copy", &joined, "--into", &other, "--json"];
    let lines = run(copy).expect_code(0).json_lines();
    let events: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(events, ["acknowledged", "acknowledged", "copied"]);
    assert_eq!((&lines[2]["recordings"], &lines[2]["others"]), (&2.into(), &1.into()));
}

fn copy_reports_recordings_that_differ_and_replaces_them_only_on_request(places: &Places) {
    let (from, into) = (places.place("from"), places.place("into"));
    fill(&from, [draft("a", 3), draft("b", 2)]);
    fill(&into, [draft("a", 1)]);
    let copy = ["copy", &from, "--into", &into, "--no-wait"];
    let output = run(copy).expect_code(3);
    let expect = format!("skipped: `{into}` has another recording named `a` than `{from}`");
    assert!(output.stderr.contains(&expect), "{}", output.stderr);
    let verify = || run(["verify", &into]).expect_code(0).stdout;
    assert_eq!(verify(), "a: 1 epochs, intact\nb: 2 epochs, intact\n");
    run(copy.iter().chain(&["--replace"])).expect_code(0);
    assert_eq!(verify(), "a: 3 epochs, intact\nb: 2 epochs, intact\n");
}

fn damaged_recordings_of_a_folder_are_repaired_from_any_collection(places: &Places) {
    let source = places.filled("c", ["a", "b"]);
    let damaged = Places::folders();
    let collection = damaged.filled("damaged", ["a", "b"]);
    fill(&collection, [draft("own", 1)]);
    let before = dump(&collection);
    damage(&damaged.path("damaged"));
    let output = run(["verify", &collection, "--repair", "--from", &source]).expect_code(1);
    let lines: Vec<&str> = output.stdout.lines().collect();
    let expect = [
        "a: repaired and verified",
        "b: repaired and verified",
        "a: 3 epochs, intact",
        "b: 2 epochs, intact",
    ];
    assert_eq!(lines[..4], expect);
    assert_eq!(lines[4], format!("own: incomplete, and `{source}` does not contain it"));
    run(["remove", "own", "-c", &collection]).expect_code(0);
    let without_own: String =
        before.split_inclusive('\n').filter(|line| !line.contains("own")).collect();
    assert_eq!(dump(&collection), without_own);
}

fn duplicates_are_found(places: &Places) {
    let collection = places.place("c");
    // Nights in which the direction turns by one degree in each epoch.
    let turning = |name: &str, first: u32| {
        let mut night = draft(name, 40);
        for (number, epoch) in (first..).zip(&mut night.epochs) {
            let angle = (f64::from(number * number) % 360.0).to_radians();
            epoch.vector = Embedding::new(vec![angle.cos() as f32, angle.sin() as f32]).unwrap();
        }
        name.clone_into(&mut night.source_sha256);
        night
    };
    fill(&collection, [turning("a", 0), turning("b", 5), turning("c", 1000)]);
    let lines = run(["duplicates", &collection, "--json"]).expect_code(0).json_lines();
    let pairs: Vec<_> = lines
        .iter()
        .map(|line| format!("{} {} {}", line["first"], line["second"], line["offset_epochs"]))
        .collect();
    assert!(
        pairs.contains(&"\"a\" \"b\" 5".to_owned()) || pairs.contains(&"\"a\" \"b\" -5".to_owned()),
        "{pairs:?}"
    );
}

fn missing_collection_is_named(places: &Places) {
    let nothing = places.place("nothing");
    let path = places.path("table.csv");
    std::fs::write(&path, "recording,age\na,61\n").unwrap();
    let [table, target] = [text(&path), text(&places.path("target"))].map(str::to_owned);
    let commands: [&[&str]; 9] = [
        &["list", "-c", &nothing],
        &["verify", &nothing],
        &["duplicates", &nothing],
        &["export", "--format", "dump", &nothing],
        &["remove", "a", "-c", &nothing],
        &["metadata", &table, "-c", &nothing],
        &["space", "list", "-c", &nothing],
        &["backup", &nothing, &target],
        &["copy", &nothing, "--into", &target],
    ];
    let expect = format!("there is no collection at `{nothing}`");
    for command in commands {
        let output = run(command).expect_code(1);
        assert!(output.error().ends_with(&expect), "{command:?}: {}", output.error());
        assert!(output.stderr.contains("hint: check the "), "{}", output.stderr);
    }
    assert!(!Path::new(&target).exists());
}

#[test]
fn optimize_says_that_a_server_builds_its_own_index() {
    let places = Places::addresses();
    let collection = places.filled("c", ["a", "b"]);
    let output = run(["optimize", &collection]).expect_code(1);
    let expect =
        format!("`{collection}` needs no optimization: a Qdrant server builds its own HNSW index");
    assert_eq!(output.error(), expect);
}

#[test]
fn invalid_locations_are_refused() {
    run(["copy", "c", "--into", "http://localhost/sleep"]).expect_code(2);
    run(["copy", "c", "d"]).expect_code(2);
    run(["verify", "qdrant://localhost"]).expect_code(2);
}

#[test]
fn api_key_is_not_sent_without_encryption() {
    let places = Places::folders();
    let collection = places.filled("c", ["a", "b"]);
    let url = "qdrant://192.0.2.7/sleep";
    let output = run(["copy", &collection, "--into", url, "--api-key", "hush"]).expect_code(1);
    assert!(output.error().contains("would cross the network unencrypted"), "{}", output.error());
    assert!(!output.error().contains("hush"), "{}", output.error());
}
