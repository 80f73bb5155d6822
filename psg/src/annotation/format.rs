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

impl AnnotationFormat {
    /// Returns what the format is, for the reference.
    pub(super) const fn description(self) -> &'static str {
        match self {
            Self::EdfPlus => {
                "the annotation signals of EDF+ and BDF+, in the recording or in a file of their own"
            }
            Self::NsrrXml => {
                "XML of the National Sleep Research Resource, in either of its vocabularies"
            }
            Self::ProfusionXml => "XML of Compumedics Profusion",
            Self::LunaAnnot => "intervals of Luna",
            Self::LunaEannot => "labels of Luna, one for each epoch",
            Self::StageList => "a stage on each line: a label or a number",
            Self::UcddbStages => "stages of UCDDB in its own codes",
            Self::UcddbEvents => "respiratory events of UCDDB",
            Self::RespironicsStages => "a code of Respironics for every six seconds",
            Self::NoxturnalCsv => "event list of Noxturnal",
            Self::RemLogicText => "text export of RemLogic, as in the CAP Sleep Database",
            Self::TwinText => "event lines of Twin, as in the Wisconsin Sleep Cohort",
            Self::DreamsList => "list of the DREAMS databases under a title in brackets",
            Self::EdfBrowserXml => "XML of EDFbrowser",
            Self::EmblaXml => "`EventExport` of Embla RemLogic",
            Self::SleepwareXml => "study of Philips Sleepware, `.rml`",
            Self::DominoText => "text export of DOMINO (Somnomedics)",
            Self::EpochTable => {
                "table with a row for each epoch: its number and its stage (WSC, YASA, Stanford `.STA`)"
            }
            Self::BidsTsv => {
                "table with tabs and an onset, such as the events of BIDS, with the `Levels` of its JSON file"
            }
            Self::EventCsv => {
                "table with commas or semicolons: onset, length, description, as EDFbrowser writes it"
            }
        }
    }

    /// Returns the name for the command line, lists and profiles: that for messages in lower case, with `-` for blanks and
    /// without the dot of an extension.
    pub fn id(self) -> String {
        if self == Self::EdfPlus {
            return "edf+".to_owned();
        }
        self.name().to_lowercase().replace(" .", "-").replace(' ', "-")
    }
}

impl std::str::FromStr for AnnotationFormat {
    type Err = String;

    /// Parses an [`id`](Self::id), or the name for messages.
    fn from_str(text: &str) -> Result<Self, String> {
        let named = |it: &Self| it.id() == text || it.name() == text;
        Self::ALL.into_iter().find(named).ok_or_else(|| {
            let ids = Self::ALL.map(Self::id).join("`, `");
            format!("expected one of `{ids}`")
        })
    }
}

impl Serialize for AnnotationFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
