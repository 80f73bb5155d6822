//! Streams the XML of scorings, whose root element tells the dialect.
//!
//! Document types and entities of one's own are refused: no file of an archive has any, and they are how XML files
//! expand without bound or reach for other files. No element is held longer than it is read.

use std::io::Read;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event as Xml};

use super::edfbrowser_xml::EdfBrowserXml;
use super::encoding::Decoder;
use super::file::Content;
use super::format::AnnotationFormat;
use super::nsrr_xml::NsrrXml;
use super::problem::Problem;
use super::profusion::Profusion;
use super::time::Clock;
use crate::error::quoted;

/// Bytes of the longest tag or text.
const LONGEST_TOKEN_BYTES: u64 = 1 << 20;

/// What takes the elements of a dialect.
pub(super) trait Dialect {
    /// Takes note of an element that begins.
    fn open(&mut self, element: &str);

    /// Takes an element that ends, with the text since the last tag; the clock turns times into seconds.
    fn close(&mut self, element: &str, text: &str, clock: &mut Clock) -> Result<(), String>;

    /// Returns what was found.
    fn finish(self: Box<Self>) -> Result<Content, String>;
}

/// The root elements of the dialects.
pub(super) const ROOTS: [&str; 3] = ["PSGAnnotation", "CMPStudyConfig", "annotationlist"];

/// Reads a document.
pub(super) fn read(
    text: &mut Decoder<impl Read>,
    clock: &mut Clock,
) -> Result<(AnnotationFormat, Content), Problem> {
    let mut reader = Reader::from_reader(text);
    let mut buffer = Vec::new();
    let mut document = Document::default();
    loop {
        let byte = reader.buffer_position();
        reader.get_mut().allow(LONGEST_TOKEN_BYTES);
        buffer.clear();
        let xml = reader.read_event_into(&mut buffer).map_err(|error| broken(byte, &error))?;
        if matches!(xml, Xml::Eof) {
            return document.finish(byte).map_err(Problem::at_byte(byte));
        }
        document.take(xml, clock).map_err(Problem::at_byte(byte))?;
    }
}

fn broken(byte: u64, error: &quick_xml::Error) -> Problem {
    // The decoder refuses overlong tokens with `InvalidData`; that is the file's fault, not the disk's.
    if let quick_xml::Error::Io(error) = error
        && error.kind() != std::io::ErrorKind::InvalidData
    {
        return Problem::Io(std::io::Error::new(error.kind(), error.to_string()));
    }
    Problem::at_byte(byte)(format!("the XML is broken: {error}"))
}

/// A document as far as it was read.
#[derive(Default)]
struct Document {
    dialect: Option<(AnnotationFormat, Box<dyn Dialect>)>,
    depth: usize,
    text: String,
}

impl Document {
    fn take(&mut self, xml: Xml<'_>, clock: &mut Clock) -> Result<(), String> {
        match xml {
            Xml::Start(tag) => {
                self.open(tag.name().as_ref())?;
                self.depth += 1;
            }
            Xml::Empty(tag) => {
                self.open(tag.name().as_ref())?;
                self.close(tag.name().as_ref(), clock)?;
            }
            Xml::End(tag) => {
                self.depth = self.depth.saturating_sub(1);
                self.close(tag.name().as_ref(), clock)?;
            }
            Xml::Text(part) => self.append(&part)?,
            Xml::CData(part) => self.append(&part)?,
            Xml::GeneralRef(reference) => self.text.push(resolve(&reference)?),
            Xml::DocType(_) => {
                return Err("it declares a document type; expected none".to_owned());
            }
            Xml::Comment(_) | Xml::Decl(_) | Xml::PI(_) | Xml::Eof => {}
        }
        Ok(())
    }

    fn open(&mut self, element: &str) -> Result<(), String> {
        self.text.clear();
        match &mut self.dialect {
            Some(_) if self.depth == 0 => {
                return Err(format!("a second root element {}; expected one", quoted(element)));
            }
            Some((_, dialect)) => dialect.open(element),
            None => self.dialect = Some(dialect_of(element)?),
        }
        Ok(())
    }

    fn close(&mut self, element: &str, clock: &mut Clock) -> Result<(), String> {
        if let Some((_, dialect)) = &mut self.dialect {
            dialect.close(element, self.text.trim(), clock)?;
        }
        self.text.clear();
        Ok(())
    }

    fn append(&mut self, part: &str) -> Result<(), String> {
        self.text.push_str(part);
        if self.text.len() as u64 > LONGEST_TOKEN_BYTES {
            return Err("an element holds more than 1 MiB of text".to_owned());
        }
        Ok(())
    }

    fn finish(self, byte: u64) -> Result<(AnnotationFormat, Content), String> {
        if self.depth > 0 {
            return Err("the file ends inside an element".to_owned());
        }
        match self.dialect {
            Some((format, dialect)) => Ok((format, dialect.finish()?)),
            None if byte == 0 => Err("the file is empty".to_owned()),
            None => Err("the file has no element".to_owned()),
        }
    }
}

fn dialect_of(root: &str) -> Result<(AnnotationFormat, Box<dyn Dialect>), String> {
    match root {
        "PSGAnnotation" => Ok((AnnotationFormat::NsrrXml, Box::new(NsrrXml::default()))),
        "CMPStudyConfig" => Ok((AnnotationFormat::ProfusionXml, Box::new(Profusion::default()))),
        "annotationlist" => {
            Ok((AnnotationFormat::EdfBrowserXml, Box::new(EdfBrowserXml::default())))
        }
        _ => {
            Err(format!("the first element is {}; expected `{}`", quoted(root), ROOTS.join("`, `")))
        }
    }
}

/// Resolves `&amp;` and its like, and character numbers; other entities are refused.
fn resolve(reference: &BytesRef<'_>) -> Result<char, String> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Ok(character);
    }
    match quick_xml::escape::resolve_predefined_entity(reference) {
        Some(text) => Ok(text.chars().next().expect("a predefined entity stands for a character")),
        None => Err(format!(
            "it uses the entity {}; expected only those that XML predefines",
            quoted(reference)
        )),
    }
}

/// Reads a document that is at hand, for tests.
#[cfg(test)]
pub(super) fn parse(text: &str) -> Result<Content, String> {
    parse_from(text, None)
}

/// Reads a document whose recording begins at a time, for tests.
#[cfg(test)]
pub(super) fn parse_from(
    text: &str,
    start: Option<jiff::civil::DateTime>,
) -> Result<Content, String> {
    let mut text = Decoder::new(text.as_bytes(), super::encoding::Encoding::Utf8);
    read(&mut text, &mut Clock::new(start))
        .map(|(_, content)| content)
        .map_err(|problem| problem.in_file("a".as_ref()).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_not_such_xml() {
        let check = |text: &str, problem: &str| {
            assert_eq!(parse(text).unwrap_err(), format!("`a`, byte {problem}"));
        };
        check("", "0: the file is empty");
        check("<!-- x -->", "10: the file has no element");
        check(
            "<a/>",
            "0: the first element is `a`; expected `PSGAnnotation`, `CMPStudyConfig`, `annotationlist`",
        );
        check("<PSGAnnotation/><a/>", "16: a second root element `a`; expected one");
        check("<PSGAnnotation><ScoredEvents>", "29: the file ends inside an element");
        check("<!DOCTYPE x []><PSGAnnotation/>", "0: it declares a document type; expected none");
        check(
            "<PSGAnnotation>&lol;</PSGAnnotation>",
            "15: it uses the entity `lol`; expected only those that XML predefines",
        );
    }

    #[test]
    fn endless_tags_and_texts_are_refused() {
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
    fn deep_nesting_and_many_attributes_do_no_harm() {
        let deep = "<a>".repeat(200_000);
        let problem = parse(&format!("<PSGAnnotation>{deep}")).unwrap_err();
        assert_eq!(problem, "`a`, byte 600015: the file ends inside an element");
        let attributes: Vec<String> = (0..60_000).map(|n| format!(" a{n}=\"\"")).collect();
        let attributes = attributes.concat();
        assert!(parse(&format!("<PSGAnnotation><a{attributes}/></PSGAnnotation>")).is_ok());
    }
}
