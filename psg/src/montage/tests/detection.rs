//! Profiles are detected despite missing channels, and ambiguity gives a warning.

use super::{derivations, header_of, header_with};
use crate::montage::ResolvedMontage;
use crate::sleep::{Channel, Position};
use crate::warning::WarningCode;

const SHHS: [&str; 14] = [
    "SaO2", "H.R.", "EEG(sec)", "ECG", "EMG", "EOG(L)", "EOG(R)", "EEG", "THOR RES", "ABDO RES",
    "POSITION", "LIGHT", "NEW AIR", "OX stat",
];

#[test]
fn any_channel_may_be_missing() {
    let check = |profile: &str, labels: &[&str]| {
        for missing in labels {
            let others: Vec<&str> = labels.iter().copied().filter(|it| it != missing).collect();
            let montage = ResolvedMontage::resolve(&header_with(&others));
            assert_eq!(montage.profile().name, profile, "without {missing}: {}", montage.reason());
        }
    };
    check("shhs", &SHHS);
    check("nocturne", &Channel::ALL.map(Channel::name));
    check("ucddb", &["Lefteye", "RightEye", "EMG", "C3A2", "ECG", "ribcage", "abdo", "BodyPos"]);
    check("sleep-edf", &["EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal", "EMG submental"]);
    check("mesa", &["EKG", "EOG-L", "EOG-R", "EMG", "EEG1", "EEG2", "EEG3", "Therm", "OxStatus"]);
}

#[test]
fn shhs_without_a_belt_keeps_its_eeg_and_its_positions() {
    let labels: Vec<&str> = SHHS.into_iter().filter(|label| *label != "THOR RES").collect();
    let header = header_with(&labels);
    let montage = ResolvedMontage::resolve(&header);
    let found = derivations(&montage, &header);
    assert!(found.contains(&("EEG_C4_A1", "EEG".to_owned())), "{found:?}");
    assert_eq!(montage.profile().position(2.0), Some(Position::Supine));
    assert_eq!(
        montage.reason(),
        "the file has 7 of the 9 detection labels of `shhs`: `EEG(sec)`, `ABDO RES`, `EOG(L)`, `EOG(R)`, …"
    );
}

#[test]
fn too_few_labels_fall_back_to_general_with_a_reason() {
    let montage = ResolvedMontage::resolve(&header_with(&["C3", "A2", "ECG L", "ECG R"]));
    assert_eq!(montage.profile().name, "general");
    assert_eq!(
        montage.reason(),
        "no other profile matches enough labels: the file has 2 of the 12 detection labels of `mros`: `ECG L`, `ECG R`, but 3 are required"
    );
    let montage = ResolvedMontage::resolve(&header_with(&["C3-M2"]));
    assert_eq!(montage.reason(), "no other profile matches the labels");
}

#[test]
fn ties_between_equivalent_profiles_are_allowed() {
    let header = header_with(&["ABDO EFFORT", "THOR EFFORT", "NASAL PRES", "EMG2", "EMG3"]);
    let montage = ResolvedMontage::resolve(&header);
    assert_eq!(montage.profile().name, "cfs");
    assert!(
        montage.reason().ends_with(
            "; `cfs`, `ccshs` match equally and read every channel alike, so the first is used"
        ),
        "{}",
        montage.reason()
    );
}

#[test]
fn ties_between_different_profiles_fall_back_to_general_with_a_warning() {
    let labels = ["EEG(sec)", "EEG", "POSITION", "CZ-A1", "CZ2-A1", "THOR RES", "ABDO RES"];
    let header = header_with(&[&labels[..4], &labels[5..]].concat());
    assert_eq!(ResolvedMontage::resolve(&header).profile().name, "shhs");

    let header = header_with(&["Lefteye", "RightEye", "EMG", "THOR RES", "ABDO RES", "C3A2"]);
    let montage = ResolvedMontage::resolve(&header);
    assert_eq!(montage.profile().name, "general");
    let warnings = montage.warnings(&header);
    assert_eq!(warnings[0].code, WarningCode::Profile);
    assert_eq!(
        warnings[0].message,
        "the labels match the profiles `shhs`, `ucddb` equally, which read ABD, THX, EOG_L, EOG_R, EEG_C3_A2 differently; falling back to `general`: choose a profile by name"
    );
}

#[test]
fn rates_and_units_break_ties() {
    let made = |rate_hz| {
        header_of(&[
            ("Lefteye", "", 64),
            ("RightEye", "", 64),
            ("THOR RES", "", 10),
            ("ABDO RES", "", 10),
            ("C3A2", "", rate_hz),
        ])
    };
    assert_eq!(ResolvedMontage::resolve(&made(128)).profile().name, "ucddb");
    assert_eq!(ResolvedMontage::resolve(&made(200)).profile().name, "general");
}
