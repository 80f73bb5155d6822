//! The labels of each cohort resolve to the derivations in its documents.

use super::check;
use crate::montage::{Confidence, ProfileChoice, ResolvedMontage};
use crate::sleep::Channel;

#[test]
fn shhs_has_derivations_with_short_labels() {
    check(
        "shhs",
        "SaO2, H.R., EEG(sec), ECG, EMG, EOG(L), EOG(R), EEG, THOR RES, ABDO RES, POSITION, \
         LIGHT, NEW AIR, OX stat",
        "ECG: ECG, ABD: ABDO RES, THX: THOR RES, AF: NEW AIR, EOG_L: EOG(L), EOG_R: EOG(R), \
         EEG_C3_A2: EEG(sec), EEG_C4_A1: EEG, EMG_CHIN: EMG, POS: POSITION",
    );
}

#[test]
fn mros_is_derived_from_electrodes_with_and_without_blanks() {
    check(
        "mros",
        "C3, C4, A1, A2, LOC, ROC, ECG L, ECG R, L Chin, R Chin, Leg L, Leg R, Airflow, \
         Cannula Flow, Thoracic, Abdominal, Position, SUM, SpO2, HR, DHR, STAT",
        "ECG: ECG L - ECG R, ABD: Abdominal, THX: Thoracic, AF: Airflow, EOG_L: LOC - A2, \
         EOG_R: ROC - A2, EEG_C3_A2: C3 - A2, EEG_C4_A1: C4 - A1, EMG_CHIN: R Chin - L Chin, \
         POS: Position",
    );
    check(
        "mros",
        "C3, C4, M1, M2, E1, E2, ECGL, ECGR, LChin, RChin, LegL, LegR, Airflow, CannulaFlow, \
         Chest, ABD, Position",
        "ECG: ECGL - ECGR, ABD: ABD, THX: Chest, AF: Airflow, EOG_L: E1 - M2, EOG_R: E2 - M2, \
         EEG_C3_A2: C3 - M2, EEG_C4_A1: C4 - M1, EMG_CHIN: RChin - LChin, POS: Position",
    );
}

#[test]
fn cfs_and_ccshs_are_distinguished_by_other_signals() {
    check(
        "cfs",
        "C3, C4, M1, M2, LOC, ROC, ECG1, ECG2, EMG1, EMG2, EMG3, L Leg, R Leg, AIRFLOW, \
         THOR EFFORT, ABDO EFFORT, SNORE, SUM, POSITION, OX STATUS, PULSE, SpO2, NASAL PRES, \
         PlethWV, Light, HRate",
        "ECG: ECG1 - ECG2, ABD: ABDO EFFORT, THX: THOR EFFORT, AF: AIRFLOW, EOG_L: LOC - M2, \
         EOG_R: ROC - M2, EEG_C3_A2: C3 - M2, EEG_C4_A1: C4 - M1, EMG_CHIN: EMG2 - EMG3, \
         POS: POSITION",
    );
    check(
        "ccshs",
        "C3, C4, A1, A2, LOC, ROC, ECG1, ECG2, EMG1, EMG2, EMG3, L_Leg, R_Leg, AIRFLOW, \
         THOR_EFFORT, ABDO_EFFORT, SNORE, SUM, POSITION, OX_STATUS, PULSE, SpO2, NASAL_PRES, \
         PlethWV, Light, HRate",
        "ECG: ECG1 - ECG2, ABD: ABDO_EFFORT, THX: THOR_EFFORT, AF: AIRFLOW, EOG_L: LOC - A2, \
         EOG_R: ROC - A2, EEG_C3_A2: C3 - A2, EEG_C4_A1: C4 - A1, EMG_CHIN: EMG3 - EMG2, \
         POS: POSITION",
    );
}

#[test]
fn wsc_has_derivations_of_two_generations() {
    check(
        "wsc",
        "L EOG, R EOG, CENTRAL, OCC, FRONTAL, CHIN EMG, LEG EMG, ECG, SNORE, ORAL FLOW, \
         NASAL FLOW, RIB CAGE, ABDOMEN, SUM, SAO2, POSITION, NASAL PRESS",
        "ECG: ECG, ABD: ABDOMEN, THX: RIB CAGE, AF: ORAL FLOW, EOG_L: L EOG, EOG_R: R EOG, \
         EEG_C3_A2: CENTRAL, EMG_CHIN: CHIN EMG, POS: POSITION",
    );
    check(
        "wsc",
        "LEOG-M2, REOG-M1, C3-M2, C4-M1, O1-M2, F3-M2, CZ-AVG, Chin1-Chin3, EKG1-EKG2, \
         LLEG1-LLEG2, AIRFLOW, Thor, Abdo, NasalP, SpO2, PosSensor",
        "ECG: EKG1-EKG2, ABD: Abdo, THX: Thor, AF: AIRFLOW, EOG_L: LEOG-M2, EOG_R: REOG-M1, \
         EEG_C3_A2: C3-M2, EEG_C4_A1: C4-M1, EMG_CHIN: Chin1-Chin3, POS: PosSensor",
    );
}

#[test]
fn mesa_has_no_c3_and_its_airflow_is_the_thermistor() {
    check(
        "mesa",
        "EKG, EOG-L, EOG-R, EMG, EEG1, EEG2, EEG3, Pres, Flow, Snore, Thor, Abdo, Leg, \
         Therm, Pos, EKG_Off, EOG-L_Off, EOG-R_Off, EMG_Off, EEG1_Off, EEG2_Off, EEG3_Off, \
         Pleth, OxStatus, SpO2, HR, DHR",
        "ECG: EKG, ABD: Abdo, THX: Thor, AF: Therm, EOG_L: EOG-L, EOG_R: EOG-R, \
         EEG_C4_A1: EEG3, EMG_CHIN: EMG, POS: Pos",
    );
}

#[test]
fn chat_is_read_despite_misspelt_labels() {
    check(
        "chat",
        "E1, E2, F3, F4, C3, C4, T3, T4, O1, O2, M1, M2, ECG1, ECG2, Lchin, Rchin, Cchin, \
         LLEG1, RLEG1, Snore, CannulaFlow, Airlfow, Chest, ABD, Sum, Postion, SAO2, ETCO2, \
         CAP",
        "ECG: ECG1 - ECG2, ABD: ABD, THX: Chest, AF: Airlfow, EOG_L: E1 - M2, \
         EOG_R: E2 - M2, EEG_C3_A2: C3 - M2, EEG_C4_A1: C4 - M1, EMG_CHIN: Rchin - Lchin, \
         POS: Postion",
    );
}

#[test]
fn sof_is_derived_from_electrodes() {
    check(
        "sof",
        "ROC, LOC, C3, C4, A1, A2, O1, O2, EMG/L, EMG/R, ECG1, ECG2, Leg/L, Leg/R, Airflow, \
         NASAL PRESSURE, Thoracic, Abdominal, SAO2, HR, Position, STAT",
        "ECG: ECG1 - ECG2, ABD: Abdominal, THX: Thoracic, AF: Airflow, EOG_L: LOC - A2, \
         EOG_R: ROC - A2, EEG_C3_A2: C3 - A2, EEG_C4_A1: C4 - A1, EMG_CHIN: EMG/R - EMG/L, \
         POS: Position",
    );
}

#[test]
fn pats_and_chat_are_distinguished_by_other_signals() {
    let shared = "E1, E2, F3, F4, C3, C4, O1, O2, M1, M2, ECG1, ECG2, Lchin, Rchin, Cchin, RLEG1, \
                  LLEG1, RLEG2, LLEG2, Snore, CannulaFlow, Airflow, Chest, ABD, SpO2, EtCO2, TcCO2, Cap";
    let expected = |position: &str| {
        format!(
            "ECG: ECG1 - ECG2, ABD: ABD, THX: Chest, AF: Airflow, EOG_L: E1 - M2, EOG_R: E2 - M2, \
             EEG_C3_A2: C3 - M2, EEG_C4_A1: C4 - M1, EMG_CHIN: Rchin - Lchin, POS: {position}"
        )
    };
    check("pats", &format!("{shared}, Pt Position"), &expected("Pt Position"));
    check("chat", &format!("{shared}, ProTech Positio"), &expected("ProTech Positio"));
}

#[test]
fn abc_is_derived_from_electrodes() {
    check(
        "abc",
        "E1, E2, C3, C4, M1, M2, ECG1, ECG2, Chin1, Chin2, Chin3, LLeg1, LLeg2, RLeg1, RLeg2, Airflow, \
         Nasal Pressure, Thor, Abdo, Sum, Snore, PosSensor, Manual Pos, SpO2, Ox Status, Pulse, Derived HR",
        "ECG: ECG1 - ECG2, ABD: Abdo, THX: Thor, AF: Airflow, EOG_L: E1 - M2, EOG_R: E2 - M2, \
         EEG_C3_A2: C3 - M2, EEG_C4_A1: C4 - M1, EMG_CHIN: Chin2 - Chin3, POS: PosSensor",
    );
}

#[test]
fn bestair_inverts_mastoid_minus_electrode_and_ignores_ambiguous_numbers() {
    check(
        "bestair",
        "M2-PG1, M1-PG2, M2-C3, M1-C4, M2-O1, M1-O2, T2-T1, X15, X16, X17, X18, X19, X20, X21, DC01, DC02",
        "ECG: X15, ABD: X21, THX: X20, AF: X19, EOG_L: -(M2-PG1), EOG_R: -(M1-PG2), \
         EEG_C3_A2: -(M2-C3), EEG_C4_A1: -(M1-C4), EMG_CHIN: T2-T1, POS: DC02",
    );
    check(
        "bestair",
        "M1-X1, M2-X2, M2-X3, M1-X4, X6-X5, X1, X2, X4, X6, X7, DC01, DC03, DC05",
        "EOG_L: -(M1-X1), EOG_R: -(M2-X2), EMG_CHIN: X6-X5",
    );
}

#[test]
fn heartbeat_has_no_eeg() {
    check(
        "heartbeat",
        "EKG_EG, Abdomen_EG, Thorax_EG, Thermistor_EG, Flow_EG, Nasal_EG, Position_EG, SpO2_EG, Snore_EG",
        "ECG: EKG_EG, ABD: Abdomen_EG, THX: Thorax_EG, AF: Thermistor_EG, POS: Position_EG",
    );
    check(
        "heartbeat",
        "EKG, Abdomen, Thorax, Thermistor, Flow, Nasal, Position, SpO2, RD-Pleth, RD-Quality, XFlow, XSum, RMI",
        "ECG: EKG, ABD: Abdomen, THX: Thorax, AF: Thermistor, POS: Position",
    );
}

#[test]
fn homepap_must_be_selected_by_name() {
    let labels = [
        "E1",
        "E2",
        "C3",
        "C4",
        "M1",
        "M2",
        "ECG1",
        "ECG2",
        "Chin2",
        "Chin3",
        "Abdo",
        "Thor",
        "Nasal Pressure",
        "PosSensor",
    ];
    let header = super::header_with(&labels);
    assert_eq!(ResolvedMontage::resolve(&header).profile().name, "general");
    let choice = ProfileChoice::Named("homepap".to_owned());
    let montage = ResolvedMontage::resolve_with(&header, &choice).unwrap();
    assert_eq!(montage.channels().len(), Channel::COUNT);
    let airflow = montage.channels().iter().find(|it| it.channel == Channel::Airflow).unwrap();
    assert_eq!(airflow.confidence, Confidence::Substitute);
}

#[test]
fn mnc_has_labels_of_several_laboratories() {
    check(
        "mnc",
        "EOGG, EOGD, C3-A2, C4-A1, EMG SM, ECG II, Thor, Abdo, nFlow, TERM, Position",
        "ECG: ECG II, ABD: Abdo, THX: Thor, AF: TERM, EOG_L: EOGG, EOG_R: EOGD, EEG_C3_A2: C3-A2, \
         EEG_C4_A1: C4-A1, EMG_CHIN: EMG SM, POS: Position",
    );
    check(
        "mnc",
        "LOC/A2, ROC/A1, C3/A2, C4/A1, O1/A2, Chin-Ctr, Chin-L, Chin-R, L/RAT, EKG, THO, ABDO, Nasal/Oral, \
         Cannula, POS, SAT",
        "ECG: EKG, ABD: ABDO, THX: THO, AF: Nasal/Oral, EOG_L: LOC/A2, EOG_R: ROC/A1, \
         EEG_C3_A2: C3/A2, EEG_C4_A1: C4/A1, EMG_CHIN: Chin-R - Chin-L, POS: POS",
    );
}

#[test]
fn undocumented_position_codes_are_not_read() {
    for name in ["pats", "abc", "bestair", "heartbeat", "homepap", "mnc"] {
        let choice = ProfileChoice::Named(name.to_owned());
        let header = super::header_with(&["Position"]);
        let montage = ResolvedMontage::resolve_with(&header, &choice).unwrap();
        assert!(
            (-1..=10).all(|code| montage.profile().position(f64::from(code)).is_none()),
            "{name}"
        );
    }
}

#[test]
fn nchsdb_labels_start_with_the_kind_of_signal() {
    check(
        "nchsdb",
        "EOG LOC-M2, EOG ROC-M1, EEG F3-M2, EEG F4-M1, EEG C3-M2, EEG C4-M1, EEG O1-M2, \
         EEG O2-M1, EEG CZ-O1, EMG Chin1-Chin2, EMG LLeg-RLeg, ECG EKG2-EKG, Snore, \
         Resp PTAF, Resp Airflow, Resp Thoracic, Resp Abdominal, SpO2, Rate, EtCO2, Capno, \
         Resp Rate, C-flow, Tidal Vol, C-Pressure",
        "ECG: ECG EKG2-EKG, ABD: Resp Abdominal, THX: Resp Thoracic, AF: Resp Airflow, \
         EOG_L: EOG LOC-M2, EOG_R: EOG ROC-M1, EEG_C3_A2: EEG C3-M2, EEG_C4_A1: EEG C4-M1, \
         EMG_CHIN: EMG Chin1-Chin2",
    );
}

#[test]
fn stages_must_be_selected_by_name() {
    let labels = [
        "E1 (LEOG)",
        "E2 (REOG)",
        "EEG C3-A22",
        "EEG C4-A12",
        "Chin EMG",
        "ECGL",
        "ECGR",
        "Nasal Therm",
        "Effort THO",
        "Effort ABD",
        "Pos.",
    ];
    let header = super::header_with(&labels);
    let choice = ProfileChoice::Named("stages".to_owned());
    let montage = ResolvedMontage::resolve_with(&header, &choice).unwrap();
    assert_eq!(montage.reason(), "selected by name");
    assert_eq!(montage.channels().len(), Channel::COUNT);
    let airflow = montage.channels().iter().find(|it| it.channel == Channel::Airflow).unwrap();
    assert_eq!(airflow.confidence, Confidence::Assumed);
}

#[test]
fn sleep_edf_has_substitutes() {
    check(
        "sleep-edf",
        "EEG Fpz-Cz, EEG Pz-Oz, EOG horizontal, EMG submental, Marker",
        "EOG_L: EOG horizontal, EEG_C3_A2: EEG Fpz-Cz, EMG_CHIN: EMG submental",
    );
}

#[test]
fn ucddb_has_a_full_montage() {
    check(
        "ucddb",
        "Lefteye, RightEye, EMG, C3A2, C4A1, ECG, SpO2, Sound, Flow, Sum, ribcage, abdo, \
         BodyPos, Pulse",
        "ECG: ECG, ABD: abdo, THX: ribcage, AF: Flow, EOG_L: Lefteye, EOG_R: RightEye, \
         EEG_C3_A2: C3A2, EEG_C4_A1: C4A1, EMG_CHIN: EMG, POS: BodyPos",
    );
}

#[test]
fn dreams_leaves_undocumented_channels_empty() {
    check(
        "dreams",
        "ECG, FP1-A2, CZ-A1, EMG1, EOG1, VTH, VAB, NAF2P-A1, NAF1, PHONO, PR, SAO2, PCPAP, \
         POS, EOG2, O1-A2, FP2-A1, O2-A1, CZ2-A1, EMG2, PULSE, VTOT, EMG3",
        "ECG: ECG, ABD: VAB, THX: VTH, AF: NAF1, EEG_C4_A1: CZ-A1, EMG_CHIN: EMG1, POS: POS",
    );
}

#[test]
fn cap_inverts_its_single_eog() {
    check(
        "cap",
        "ROC-LOC, Fp2-F4, F4-C4, C4-P4, P4-O2, F8-T4, Fp1-F3, C4-A1, EMG1-EMG2, ECG1-ECG2, \
         TERMISTORE, TORACE, ADDOME, Dx1-DX2, SX1-SX2, Posizione, HR, SpO2",
        "ECG: ECG1-ECG2, ABD: ADDOME, THX: TORACE, AF: TERMISTORE, EOG_L: -(ROC-LOC), \
         EEG_C4_A1: C4-A1, EMG_CHIN: EMG1-EMG2, POS: Posizione",
    );
}

#[test]
fn hmc_boas_and_resmed_have_part_of_the_montage() {
    check(
        "hmc",
        "EEG F4-M1, EEG C4-M1, EEG O2-M1, EEG C3-M2, EMG chin, EOG E1-M2, EOG E2-M2, ECG",
        "ECG: ECG, EOG_L: EOG E1-M2, EOG_R: EOG E2-M2, EEG_C3_A2: EEG C3-M2, \
         EEG_C4_A1: EEG C4-M1, EMG_CHIN: EMG chin",
    );
    check(
        "boas",
        "PSG_F3, PSG_F4, PSG_C3, PSG_C4, PSG_O1, PSG_O2, PSG_EOG, PSG_EMG, PSG_THER, \
         PSG_THOR, PSG_ABD, PSG_PULSE, PSG_BEAT, PSG_SPO2",
        "ABD: PSG_ABD, THX: PSG_THOR, AF: PSG_THER, EOG_L: PSG_EOG, EEG_C3_A2: PSG_C3, \
         EEG_C4_A1: PSG_C4, EMG_CHIN: PSG_EMG",
    );
    check("resmed", "Flow.40ms, Press.40ms, Crc16", "AF: Flow.40ms");
}

#[test]
fn nox_exports_leads_and_derivations() {
    check(
        "nox",
        "1, 1-2, 1-F, 2, 2-F, Abdomen, C3, C3-M2, C4-M1, E1-M2, E2-M1, ECG, Airflow, \
         RIP Flow, PosAngle, Chest, Saturation",
        "ECG: ECG, ABD: Abdomen, THX: Chest, AF: Airflow, EOG_L: E1-M2, EOG_R: E2-M1, \
         EEG_C3_A2: C3-M2, EEG_C4_A1: C4-M1, EMG_CHIN: 1-2",
    );
}
