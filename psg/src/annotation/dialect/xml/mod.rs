//! The dialects in XML, by their root elements.

mod document;
mod edfbrowser;
mod elements;
mod embla;
mod nsrr;
mod profusion;
mod sleepware;

use std::io::Read;

use super::parsed_file::ParsedFile;
use crate::annotation::format::AnnotationFormat;
use crate::annotation::text::clock::RecordingClock;
use crate::annotation::text::encoding::Utf8Reader;
use crate::annotation::text::parse_error::ParseError;
use crate::error::quoted;
use document::XmlDialect;
use edfbrowser::EdfBrowserXml;
use embla::EmblaXml;
use nsrr::NsrrXml;
use profusion::ProfusionXml;
use sleepware::SleepwareXml;

/// The root elements.
const ROOTS: [&str; 5] =
    ["PSGAnnotation", "CMPStudyConfig", "annotationlist", "EventExport", "PatientStudy"];

/// Returns whether the start of a document contains a known root element.
pub(in crate::annotation) fn has_known_root(head: &str) -> bool {
    ROOTS.iter().any(|root| head.contains(&format!("<{root}")))
}

/// Reads a document.
pub(in crate::annotation) fn read(
    text: &mut Utf8Reader<impl Read>,
    clock: &mut RecordingClock,
) -> Result<(AnnotationFormat, ParsedFile), ParseError> {
    document::read(text, clock, dialect_of)
}

fn dialect_of(root: &str) -> Result<(AnnotationFormat, Box<dyn XmlDialect>), String> {
    match root {
        "PSGAnnotation" => Ok((AnnotationFormat::NsrrXml, Box::new(NsrrXml::default()))),
        "CMPStudyConfig" => Ok((AnnotationFormat::ProfusionXml, Box::new(ProfusionXml::default()))),
        "annotationlist" => {
            Ok((AnnotationFormat::EdfBrowserXml, Box::new(EdfBrowserXml::default())))
        }
        "EventExport" => Ok((AnnotationFormat::EmblaXml, Box::new(EmblaXml::default()))),
        "PatientStudy" => Ok((AnnotationFormat::SleepwareXml, Box::new(SleepwareXml::default()))),
        _ => {
            let roots = ROOTS.join("`, `");
            Err(format!("the root element is {}; expected one of `{roots}`", quoted(root)))
        }
    }
}

/// Parses a document in memory, for tests.
#[cfg(test)]
fn parse(text: &str) -> Result<ParsedFile, String> {
    parse_from(text, None)
}

/// Parses a document of a recording that starts at a given time, for tests.
#[cfg(test)]
fn parse_from(text: &str, start: Option<jiff::civil::DateTime>) -> Result<ParsedFile, String> {
    use crate::annotation::text::encoding::Encoding;
    let mut text = Utf8Reader::new(text.as_bytes(), Encoding::Utf8);
    read(&mut text, &mut RecordingClock::new(start))
        .map(|(_, parsed)| parsed)
        .map_err(|error| error.with_path("a".as_ref()).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_documents_are_refused_with_the_byte() {
        let check = |text: &str, problem: &str| {
            assert_eq!(parse(text).unwrap_err(), format!("`a`, byte {problem}"));
        };
        check("", "0: the file is empty");
        check("<!-- x -->", "10: the file has no element");
        check(
            "<a/>",
            "0: the root element is `a`; expected one of `PSGAnnotation`, `CMPStudyConfig`, `annotationlist`, `EventExport`, `PatientStudy`",
        );
        check("<PSGAnnotation/><a/>", "16: a second root element `a`; expected one");
        check("<PSGAnnotation><ScoredEvents>", "29: the file ends inside an element");
        check("<!DOCTYPE x []><PSGAnnotation/>", "0: a document type is declared; expected none");
        check(
            "<PSGAnnotation>&lol;</PSGAnnotation>",
            "15: unknown entity `lol`; expected only those that XML predefines",
        );
    }

    #[test]
    fn overlong_tags_and_texts_are_refused() {
        let long = "x".repeat(3 << 20);
        for text in [
            format!("<PSGAnnotation {long}=\"\"/>"),
            format!("<PSGAnnotation>{long}</PSGAnnotation>"),
            format!("<PSGAnnotation>{}</PSGAnnotation>", "x<![CDATA[xxxxxxx]]>".repeat(1 << 18)),
            format!("<!-- {long} -->"),
        ] {
            assert!(parse(&text).is_err());
        }
    }

    #[test]
    fn deep_nesting_and_many_attributes_are_harmless() {
        let deep = "<a>".repeat(200_000);
        let message = parse(&format!("<PSGAnnotation>{deep}")).unwrap_err();
        assert_eq!(message, "`a`, byte 600015: the file ends inside an element");
        let attributes: Vec<String> = (0..60_000).map(|n| format!(" a{n}=\"\"")).collect();
        let attributes = attributes.concat();
        assert!(parse(&format!("<PSGAnnotation><a{attributes}/></PSGAnnotation>")).is_ok());
    }
}
