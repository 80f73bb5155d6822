//! The dialects in which annotations are written.

use serde::{Serialize, Serializer};

/// The dialect of an annotation file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnnotationFormat {
    /// The annotation signals of EDF+ and BDF+.
    EdfPlus,
    /// XML of the National Sleep Research Resource (NSRR), in either of its vocabularies.
    NsrrXml,
    /// XML of Compumedics Profusion.
    ProfusionXml,
    /// Intervals of Luna, `.annot`.
    LunaAnnot,
    /// Labels of Luna, one for each epoch, `.eannot`.
    LunaEannot,
    /// A stage for each epoch: a label or a number on each line.
    StageList,
    /// Stages of UCDDB, which has its own codes.
    UcddbStages,
    /// Respiratory events of UCDDB.
    UcddbEvents,
    /// Stages of Respironics, a code for every six seconds.
    RespironicsStages,
    /// Event list of Noxturnal, as CSV.
    NoxturnalCsv,
    /// Text export of RemLogic, as in the CAP Sleep Database.
    RemLogicText,
    /// Event lines of Twin, as in the Wisconsin Sleep Cohort.
    TwinText,
    /// List of the DREAMS databases, under a title in brackets.
    DreamsList,
    /// XML of EDFbrowser.
    EdfBrowserXml,
    /// XML of Embla RemLogic.
    EmblaXml,
    /// Study of Philips Sleepware, `.rml`.
    SleepwareXml,
    /// Text export of DOMINO (Somnomedics).
    DominoText,
    /// Table with a row for each epoch: its number and its stage.
    EpochTable,
    /// Table with tabs and a column `onset`, the events of BIDS.
    BidsTsv,
    /// Table with commas or semicolons: onset, duration, description, as EDFbrowser writes it.
    EventCsv,
}

impl AnnotationFormat {
    /// Every format.
    pub const ALL: [Self; 20] = [
        Self::EdfPlus,
        Self::NsrrXml,
        Self::ProfusionXml,
        Self::LunaAnnot,
        Self::LunaEannot,
        Self::StageList,
        Self::UcddbStages,
        Self::UcddbEvents,
        Self::RespironicsStages,
        Self::NoxturnalCsv,
        Self::RemLogicText,
        Self::TwinText,
        Self::DreamsList,
        Self::EdfBrowserXml,
        Self::EmblaXml,
        Self::SleepwareXml,
        Self::DominoText,
        Self::EpochTable,
        Self::BidsTsv,
        Self::EventCsv,
    ];

    /// Returns the name for messages and JSON.
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
            Self::EmblaXml => "Embla XML",
            Self::SleepwareXml => "Sleepware XML",
            Self::DominoText => "DOMINO text",
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
