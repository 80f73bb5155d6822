//! The dialects in which annotations are written, and how one is recognised.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Serialize, Serializer};

use super::names::{Codes, meaning};
use super::{dreams, epoch_table, fields, luna, noxturnal, remlogic, table, twin};

/// The dialect of a file of annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnnotationFormat {
    /// The annotation signals of EDF+ and BDF+.
    EdfPlus,
    /// XML of the National Sleep Research Resource, in either vocabulary.
    NsrrXml,
    /// XML of Compumedics Profusion.
    ProfusionXml,
    /// Luna's intervals, `.annot`.
    LunaAnnot,
    /// Luna's labels, one for each epoch, `.eannot`.
    LunaEannot,
    /// One stage for each epoch, a label or a number on each line.
    StageList,
    /// The stages of UCDDB, whose numbers are its own.
    UcddbStages,
    /// The list of respiratory events of UCDDB.
    UcddbEvents,
    /// The stages of Respironics, a number for every six seconds.
    RespironicsStages,
    /// The event list of Noxturnal, as CSV.
    NoxturnalCsv,
    /// The text export of RemLogic, as the CAP sleep database has it.
    RemLogicText,
    /// The event lines of Twin, as the Wisconsin Sleep Cohort has them.
    TwinText,
    /// A list of the DREAMS databases, under a title in brackets.
    DreamsList,
    /// XML of EDFbrowser.
    EdfBrowserXml,
    /// A table with a row for each epoch, its number and its stage.
    EpochTable,
    /// A table with tabs and a column `onset`, as BIDS keeps events.
    BidsTsv,
    /// A table with commas or semicolons: onset, duration, description, as EDFbrowser writes and reads it.
    EventCsv,
}

impl AnnotationFormat {
    /// Returns the name, for people and programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdfPlus => "EDF+ annotations",
            Self::NsrrXml => "NSRR XML",
            Self::ProfusionXml => "Profusion XML",
            Self::LunaAnnot => "Luna .annot",
            Self::LunaEannot => "Luna .eannot",
            Self::StageList => "stage list",
            Self::UcddbStages => "UCDDB stages",
            Self::UcddbEvents => "UCDDB respiratory events",
            Self::RespironicsStages => "Respironics stages",
            Self::NoxturnalCsv => "Noxturnal CSV",
            Self::RemLogicText => "RemLogic text",
            Self::TwinText => "Twin text",
            Self::DreamsList => "DREAMS list",
            Self::EdfBrowserXml => "EDFbrowser XML",
            Self::EpochTable => "epoch table",
            Self::BidsTsv => "BIDS TSV",
            Self::EventCsv => "event CSV",
        }
    }
}

impl Serialize for AnnotationFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What a file turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// XML, whose root element tells the rest.
    Xml,
    /// Text in lines.
    Text(AnnotationFormat),
}

/// Returns whether the first bytes are those of an EDF or BDF file.
pub(super) fn is_edf(head: &[u8]) -> bool {
    head.starts_with(b"0       ") || head.starts_with(b"\xffBIOSEMI")
}

/// Recognises a text by its first lines, and by its name where they leave a doubt.
///
/// # Errors
///
/// A sentence where it is none of the dialects.
pub(super) fn recognise(path: &Path, head: &str) -> Result<Kind, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let has_ending =
        |ending: &str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending));
    if head.trim_start().starts_with('<') || has_ending("xml") {
        return Ok(Kind::Xml);
    }
    let is_filled = |line: &&str| !line.trim().is_empty();
    let lines: Vec<&str> = head.split('\n').filter(is_filled).collect();
    let text = |format| Ok(Kind::Text(format));
    let Some(first) = lines.first() else {
        return Err("the file is empty".to_owned());
    };
    if first.trim() == "Respiratory Event List" {
        return text(AnnotationFormat::UcddbEvents);
    }
    if lines.get(1).is_some_and(|second| noxturnal::is_units(second)) {
        return text(AnnotationFormat::NoxturnalCsv);
    }
    if remlogic::has_header(&lines) {
        return text(AnnotationFormat::RemLogicText);
    }
    if dreams::is_title(first) {
        return text(AnnotationFormat::DreamsList);
    }
    if has_ending("eannot") {
        return text(AnnotationFormat::LunaEannot);
    }
    if let Some(delimiter) = table::delimiter_of_header(first) {
        let is_tsv = delimiter == '\t';
        return text(if is_tsv { AnnotationFormat::BidsTsv } else { AnnotationFormat::EventCsv });
    }
    if epoch_table::delimiter_of_header(first).is_some() {
        return text(AnnotationFormat::EpochTable);
    }
    if twin::is_twin(&lines) {
        return text(AnnotationFormat::TwinText);
    }
    if luna::is_annot(&lines) {
        return text(AnnotationFormat::LunaAnnot);
    }
    if let Some(format) = stage_list(&name, &lines) {
        return text(format);
    }
    if table::is_headless(first) {
        return text(AnnotationFormat::EventCsv);
    }
    if has_ending("annot") {
        return text(AnnotationFormat::LunaAnnot);
    }
    Err("it is no kind of annotations that is read here; expected XML (NSRR, Profusion, EDFbrowser), EDF+, Luna \
         `.annot` or `.eannot`, a list of stages, a table with `onset` and `duration`, or a list of Noxturnal, UCDDB, \
         RemLogic, Twin or DREAMS"
        .to_owned())
}

/// Recognises lists of stages: every line is a known code or the name of a stage.
fn stage_list(name: &str, lines: &[&str]) -> Option<AnnotationFormat> {
    let labels: BTreeSet<&str> = lines
        .iter()
        .map(|line| line.trim_matches(['\r', '\x1a', ' ', '\t', ',']))
        .filter(|label| !label.is_empty())
        .collect();
    let are = |codes: Codes| labels.iter().all(|label| codes.name(label).is_some());
    let is_number = |label: &&str| label.parse::<i32>().is_ok();
    if labels.iter().all(is_number) {
        return if name.ends_with("_stage.txt") {
            Some(AnnotationFormat::UcddbStages)
        } else if are(Codes::Respironics) {
            Some(AnnotationFormat::RespironicsStages)
        } else {
            are(Codes::RechtschaffenKales).then_some(AnnotationFormat::StageList)
        };
    }
    let is_stage = |label: &&str| {
        is_number(label) || meaning(label).is_some_and(super::names::Meaning::is_stage)
    };
    let has_delimiter =
        labels.iter().any(|label| fields::split(label, ',').is_ok_and(|f| f.len() > 1));
    (!has_delimiter && labels.iter().all(is_stage)).then_some(AnnotationFormat::StageList)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, head: &str, expected: AnnotationFormat) {
        assert_eq!(recognise(name.as_ref(), head), Ok(Kind::Text(expected)), "{name}");
    }

    #[test]
    fn content_tells_the_dialect_whatever_the_name() {
        check("a.txt", "  Respiratory Event List\r\n", AnnotationFormat::UcddbEvents);
        check(
            "a.csv",
            "Start,End,Event,Duration,\n[],[],[],[s],\n",
            AnnotationFormat::NoxturnalCsv,
        );
        check("a.txt", "onset\tduration\ttrial_type\n", AnnotationFormat::BidsTsv);
        check("a.txt", "Onset,Duration,Annotation\n", AnnotationFormat::EventCsv);
        check("a.csv", "0,30,Sleep stage W\n", AnnotationFormat::EventCsv);
        check(
            "a.txt",
            "# arousal | scored by hand\narousal\t.\t.\t10\t20\t.\n",
            AnnotationFormat::LunaAnnot,
        );
        check(
            "a.txt",
            "class\tinstance\tchannel\tstart\tstop\tmeta\n",
            AnnotationFormat::LunaAnnot,
        );
        check("a.csv", "W\nN1\n", AnnotationFormat::StageList);
        check("a.txt", "0\n0\n5\n", AnnotationFormat::StageList);
        check("a.csv", "255\n11\n15\n", AnnotationFormat::RespironicsStages);
        let remlogic =
            "RemLogic Event Export\n\nSleep Stage\tTime [hh:mm:ss]\tEvent\tDuration[s]\n";
        check("a.csv", remlogic, AnnotationFormat::RemLogicText);
        check("a.csv", "22:00:00\tSTAGE - W\n", AnnotationFormat::TwinText);
        check(
            "a.csv",
            "22:00:00\tLIGHTS OUT\n22:01:00\tAROUSAL - DUR: 3 SEC.\n",
            AnnotationFormat::TwinText,
        );
        check("a.csv", "[vis1_Spindles/C3-A1]\n1\t2\n", AnnotationFormat::DreamsList);
        check("a.csv", "Epoch\tUser-Defined Stage\n1\t0\n", AnnotationFormat::EpochTable);
        check(
            "a.txt",
            "Date, Time, Recording onset, Duration, Annotation\n",
            AnnotationFormat::EventCsv,
        );
        let root = "<?xml version=\"1.0\"?><CMPStudyConfig>";
        assert_eq!(recognise("a.txt".as_ref(), root), Ok(Kind::Xml));
    }

    #[test]
    fn name_decides_what_the_content_leaves_open() {
        check("ucddb002_stage.txt", "0\n1\n", AnnotationFormat::UcddbStages);
        check("a.eannot", "W\nspindle\n", AnnotationFormat::LunaEannot);
        check("a.annot", "arousal . 10 20\n", AnnotationFormat::LunaAnnot);
    }

    #[test]
    fn refuses_what_is_no_dialect() {
        for head in ["hello world\n", "77\n78\n", "a,b,c\n1,2,3\n", "{\"a\": 1}"] {
            let problem = recognise("a.txt".as_ref(), head).unwrap_err();
            assert!(problem.starts_with("it is no kind of annotations"), "{head}");
        }
        assert_eq!(recognise("a.txt".as_ref(), "\n\n").unwrap_err(), "the file is empty");
    }
}
