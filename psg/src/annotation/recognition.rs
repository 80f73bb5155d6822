//! Recognises the dialect of a text by its first lines, and by its name if they are ambiguous.

use std::collections::BTreeSet;
use std::path::Path;

use super::dialect::stage_codes::integer;
use super::dialect::stage_list::StageListKind;
use super::dialect::{
    domino, dreams, epoch_table, event_table, luna, noxturnal, remlogic, twin, ucddb,
};
use super::format::AnnotationFormat;
use super::names::{Meaning, StageCodes, meaning};
use super::stage_map::StageMap;
use super::text::delimited;

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextKind {
    /// XML, whose root element gives the dialect.
    Xml,
    /// Luna's `.annot`.
    LunaAnnot,
    /// The event list of Noxturnal.
    Noxturnal,
    /// The respiratory events of UCDDB.
    UcddbEvents,
    /// The text export of RemLogic.
    RemLogic,
    /// The event lines of Twin.
    Twin,
    /// A list of DREAMS.
    Dreams,
    /// The text export of DOMINO.
    Domino,
    /// A table with a row for each epoch.
    EpochTable,
    /// A table of events with tabs.
    BidsTsv,
    /// A table of events with commas or semicolons.
    EventCsv,
    /// A list of stages.
    StageList(StageListKind),
}

impl TextKind {
    /// Returns how a format is read; `None` if it is EDF+, which is not text.
    pub(super) const fn of_format(format: AnnotationFormat) -> Option<Self> {
        Some(match format {
            AnnotationFormat::EdfPlus => return None,
            AnnotationFormat::NsrrXml
            | AnnotationFormat::ProfusionXml
            | AnnotationFormat::EdfBrowserXml
            | AnnotationFormat::EmblaXml
            | AnnotationFormat::SleepwareXml => Self::Xml,
            AnnotationFormat::LunaAnnot => Self::LunaAnnot,
            AnnotationFormat::LunaEannot => Self::StageList(StageListKind::Luna),
            AnnotationFormat::StageList => Self::StageList(StageListKind::Plain),
            AnnotationFormat::UcddbStages => Self::StageList(StageListKind::Ucddb),
            AnnotationFormat::UcddbEvents => Self::UcddbEvents,
            AnnotationFormat::RespironicsStages => Self::StageList(StageListKind::Respironics),
            AnnotationFormat::NoxturnalCsv => Self::Noxturnal,
            AnnotationFormat::RemLogicText => Self::RemLogic,
            AnnotationFormat::TwinText => Self::Twin,
            AnnotationFormat::DreamsList => Self::Dreams,
            AnnotationFormat::DominoText => Self::Domino,
            AnnotationFormat::EpochTable => Self::EpochTable,
            AnnotationFormat::BidsTsv => Self::BidsTsv,
            AnnotationFormat::EventCsv => Self::EventCsv,
        })
    }
}

/// Returns whether the first bytes are those of an EDF or BDF file.
pub(super) fn is_edf(head: &[u8]) -> bool {
    head.starts_with(b"0       ") || head.starts_with(b"\xffBIOSEMI")
}

/// Recognises a text by its first lines, and by its name if they are ambiguous.
///
/// # Errors
///
/// A sentence if it is none of the dialects.
pub(super) fn recognise(path: &Path, head: &str, stage_map: &StageMap) -> Result<TextKind, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let has_extension =
        |extension: &str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension));
    if head.trim_start().starts_with('<') || has_extension("xml") {
        return Ok(TextKind::Xml);
    }
    let is_filled = |line: &&str| !line.trim().is_empty();
    let lines: Vec<&str> = head.split('\n').filter(is_filled).collect();
    let Some(first) = lines.first() else {
        return Err("the file is empty".to_owned());
    };
    // The order matters: from titles that only one dialect has to rows that several dialects could have.
    if ucddb::is_title(first) {
        return Ok(TextKind::UcddbEvents);
    }
    if lines.get(1).is_some_and(|second| noxturnal::is_units(second)) {
        return Ok(TextKind::Noxturnal);
    }
    if lines.iter().any(|line| remlogic::is_header(line)) {
        return Ok(TextKind::RemLogic);
    }
    if domino::is_title(first) {
        return Ok(TextKind::Domino);
    }
    if dreams::is_title(first) {
        return Ok(TextKind::Dreams);
    }
    if has_extension("eannot") {
        return Ok(TextKind::StageList(StageListKind::Luna));
    }
    if let Some(delimiter) = event_table::delimiter_of_header(first) {
        return Ok(if delimiter == '\t' { TextKind::BidsTsv } else { TextKind::EventCsv });
    }
    if epoch_table::is_header(first) || epoch_table::are_rows(&lines) {
        return Ok(TextKind::EpochTable);
    }
    if twin::is_twin(&lines) {
        return Ok(TextKind::Twin);
    }
    if luna::is_annot(&lines) {
        return Ok(TextKind::LunaAnnot);
    }
    if let Some(kind) = recognise_stage_list(&name, &lines, stage_map) {
        return Ok(TextKind::StageList(kind));
    }
    if event_table::is_row_without_header(first) {
        return Ok(TextKind::EventCsv);
    }
    if has_extension("annot") {
        return Ok(TextKind::LunaAnnot);
    }
    Err("unknown annotation format; expected XML (NSRR, Profusion, EDFbrowser, Embla, Sleepware), EDF+, Luna `.annot` or \
         `.eannot`, a list of stages, a table with `onset` and `duration`, or a list of Noxturnal, UCDDB, RemLogic, Twin, \
         DOMINO or DREAMS"
        .to_owned())
}

/// Recognises lists of stages: every line is a number or the name of a stage; numbers alone must be known codes.
fn recognise_stage_list(name: &str, lines: &[&str], stage_map: &StageMap) -> Option<StageListKind> {
    let labels: BTreeSet<&str> = lines
        .iter()
        .map(|line| line.trim_matches(['\r', '\x1a', ' ', '\t', ',']))
        .filter(|label| !label.is_empty())
        .collect();
    let all_in = |codes: StageCodes| {
        let is_code = |label: &str| {
            integer(label).is_some_and(|code| codes.name(&code.to_string()).is_some())
        };
        labels.iter().all(|label| is_code(label) || stage_map.contains(label))
    };
    let is_number = |label: &&str| integer(label).is_some();
    if labels.iter().all(is_number) {
        return if name.ends_with("_stage.txt") {
            Some(StageListKind::Ucddb)
        } else if all_in(StageCodes::Respironics) {
            Some(StageListKind::Respironics)
        } else {
            all_in(StageCodes::RechtschaffenKales).then_some(StageListKind::Plain)
        };
    }
    let is_stage = |label: &&str| {
        is_number(label)
            || stage_map.contains(label)
            || meaning(label).is_some_and(Meaning::is_stage)
    };
    let is_row = |label: &&str| delimited::split(label, ',').is_ok_and(|fields| fields.len() > 1);
    (!labels.iter().any(is_row) && labels.iter().all(is_stage)).then_some(StageListKind::Plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, head: &str, expected: TextKind) {
        assert_eq!(recognise(name.as_ref(), head, &StageMap::default()), Ok(expected), "{name}");
    }

    #[test]
    fn content_takes_precedence_over_the_name() {
        check("a.txt", "  Respiratory Event List\r\n", TextKind::UcddbEvents);
        check("a.csv", "Start,End,Event,Duration,\n[],[],[],[s],\n", TextKind::Noxturnal);
        check("a.txt", "onset\tduration\ttrial_type\n", TextKind::BidsTsv);
        check("a.txt", "Onset,Duration,Annotation\n", TextKind::EventCsv);
        check("a.csv", "0,30,Sleep stage W\n", TextKind::EventCsv);
        let commented = "# arousal | scored by hand\narousal\t.\t.\t10\t20\t.\n";
        check("a.txt", commented, TextKind::LunaAnnot);
        let header = "class\tinstance\tchannel\tstart\tstop\tmeta\n";
        check("a.txt", header, TextKind::LunaAnnot);
        check("a.csv", "W\nN1\n", TextKind::StageList(StageListKind::Plain));
        check("a.txt", "0\n0\n5\n", TextKind::StageList(StageListKind::Plain));
        check("a.txt", "0.0\n2.0\n-1\n", TextKind::StageList(StageListKind::Plain));
        check("a.csv", "255\n11\n15\n", TextKind::StageList(StageListKind::Respironics));
        let remlogic =
            "RemLogic Event Export\n\nSleep Stage\tTime [hh:mm:ss]\tEvent\tDuration[s]\n";
        check("a.csv", remlogic, TextKind::RemLogic);
        check("a.csv", "22:00:00\tSTAGE - W\n", TextKind::Twin);
        let twin = "22:00:00\tLIGHTS OUT\n22:01:00\tAROUSAL - DUR: 3 SEC.\n";
        check("a.csv", twin, TextKind::Twin);
        check("a.csv", "[vis1_Spindles/C3-A1]\n1\t2\n", TextKind::Dreams);
        check("a.csv", "Epoch\tUser-Defined Stage\n1\t0\n", TextKind::EpochTable);
        let hmc = "Date, Time, Recording onset, Duration, Annotation\n";
        check("a.txt", hmc, TextKind::EventCsv);
        check("a.txt", "<?xml version=\"1.0\"?><CMPStudyConfig>", TextKind::Xml);
    }

    #[test]
    fn name_decides_if_the_content_is_ambiguous() {
        check("ucddb002_stage.txt", "0\n1\n", TextKind::StageList(StageListKind::Ucddb));
        check("a.eannot", "W\nspindle\n", TextKind::StageList(StageListKind::Luna));
        check("a.annot", "arousal . 10 20\n", TextKind::LunaAnnot);
    }

    #[test]
    fn other_texts_are_refused() {
        for head in ["hello world\n", "77\n78\n", "a,b,c\n1,2,3\n", "{\"a\": 1}"] {
            let problem = recognise("a.txt".as_ref(), head, &StageMap::default()).unwrap_err();
            assert!(problem.starts_with("unknown annotation format"), "{head}");
        }
        assert_eq!(
            recognise("a.txt".as_ref(), "\n\n", &StageMap::default()).unwrap_err(),
            "the file is empty"
        );
    }
}
