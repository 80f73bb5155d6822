//! Streams a document: elements go to the dialect as they end, and none is kept in memory.
//!
//! Document types and entities are refused: no scoring has any, and they can expand without limit or refer to other
//! files.

use std::io::Read;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event as XmlEvent};

use super::super::parsed_file::ParsedFile;
use crate::annotation::format::AnnotationFormat;
use crate::annotation::text::clock::RecordingClock;
use crate::annotation::text::encoding::Utf8Reader;
use crate::annotation::text::parse_error::ParseError;
use crate::error::quoted;

/// Maximum length of a tag, and of the text of an element, in bytes.
const MAX_TOKEN_BYTES: u64 = 1 << 20;

/// Interprets the elements of a dialect.
pub(super) trait XmlDialect {
    /// Called when an element starts.
    fn open(&mut self, element: &str);

    /// Called when an element starts, with its attributes.
    fn open_with(&mut self, element: &str, _: &Attributes<'_>) {
        self.open(element);
    }

    /// Called when an element ends, with the text since the last tag; the clock converts times to seconds.
    fn close(
        &mut self,
        element: &str,
        text: &str,
        clock: &mut RecordingClock,
    ) -> Result<(), String>;

    /// Returns the annotations.
    fn finish(self: Box<Self>) -> Result<ParsedFile, String>;
}

/// The attributes of an element.
pub(super) struct Attributes<'a>(&'a BytesStart<'a>);

impl Attributes<'_> {
    /// Returns the value of an attribute; `None` if it is missing or cannot be read.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let attribute = self.0.try_get_attribute(name).ok().flatten()?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
        Some(value.into_owned())
    }
}

/// Returns the dialect of a root element.
pub(super) type DialectOf = fn(&str) -> Result<(AnnotationFormat, Box<dyn XmlDialect>), String>;

/// Reads a document in the dialect of its root element.
pub(super) fn read(
    text: &mut Utf8Reader<impl Read>,
    clock: &mut RecordingClock,
    dialect_of: DialectOf,
) -> Result<(AnnotationFormat, ParsedFile), ParseError> {
    let mut reader = Reader::from_reader(text);
    let mut buffer = Vec::new();
    let mut document = Document { dialect_of, dialect: None, depth: 0, text: String::new() };
    loop {
        let byte = reader.buffer_position();
        reader.get_mut().allow(MAX_TOKEN_BYTES);
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(|error| invalid(byte, &error))?;
        if matches!(event, XmlEvent::Eof) {
            return document.finish(byte).map_err(ParseError::at_byte(byte));
        }
        document.process(event, clock).map_err(ParseError::at_byte(byte))?;
    }
}

fn invalid(byte: u64, error: &quick_xml::Error) -> ParseError {
    // Tokens that are too long have the kind `InvalidData`: a fault of the file, not of the disk.
    if let quick_xml::Error::Io(error) = error
        && error.kind() != std::io::ErrorKind::InvalidData
    {
        return ParseError::Io(std::io::Error::new(error.kind(), error.to_string()));
    }
    ParseError::at_byte(byte)(format!("invalid XML: {error}"))
}

/// The state of a document that is being read.
struct Document {
    dialect_of: DialectOf,
    /// The dialect, known from the root element on.
    dialect: Option<(AnnotationFormat, Box<dyn XmlDialect>)>,
    depth: usize,
    /// The text since the last tag.
    text: String,
}

impl Document {
    fn process(&mut self, event: XmlEvent<'_>, clock: &mut RecordingClock) -> Result<(), String> {
        match event {
            XmlEvent::Start(tag) => {
                self.open(&tag)?;
                self.depth += 1;
            }
            XmlEvent::Empty(tag) => {
                self.open(&tag)?;
                self.close(tag.name().as_ref(), clock)?;
            }
            XmlEvent::End(tag) => {
                self.depth = self.depth.saturating_sub(1);
                self.close(tag.name().as_ref(), clock)?;
            }
            XmlEvent::Text(part) => self.append(&part)?,
            XmlEvent::CData(part) => self.append(&part)?,
            XmlEvent::GeneralRef(reference) => self.text.push(resolve(&reference)?),
            XmlEvent::DocType(_) => {
                return Err("a document type is declared; expected none".to_owned());
            }
            XmlEvent::Comment(_) | XmlEvent::Decl(_) | XmlEvent::PI(_) | XmlEvent::Eof => {}
        }
        Ok(())
    }

    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        let name = tag.name();
        let element: &str = name.as_ref();
        self.text.clear();
        match &mut self.dialect {
            Some(_) if self.depth == 0 => {
                return Err(format!("a second root element {}; expected one", quoted(element)));
            }
            Some((_, dialect)) => dialect.open_with(element, &Attributes(tag)),
            None => self.dialect = Some((self.dialect_of)(element)?),
        }
        Ok(())
    }

    fn close(&mut self, element: &str, clock: &mut RecordingClock) -> Result<(), String> {
        if let Some((_, dialect)) = &mut self.dialect {
            dialect.close(element, self.text.trim(), clock)?;
        }
        self.text.clear();
        Ok(())
    }

    /// Appends text; the limit holds for many short parts, such as CDATA sections, too.
    fn append(&mut self, part: &str) -> Result<(), String> {
        self.text.push_str(part);
        if self.text.len() as u64 > MAX_TOKEN_BYTES {
            return Err(format!("an element has more than {MAX_TOKEN_BYTES} bytes of text"));
        }
        Ok(())
    }

    fn finish(self, byte: u64) -> Result<(AnnotationFormat, ParsedFile), String> {
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

/// Resolves predefined entities, such as `&amp;`, and character references.
fn resolve(reference: &BytesRef<'_>) -> Result<char, String> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Ok(character);
    }
    match quick_xml::escape::resolve_predefined_entity(reference) {
        Some(text) => Ok(text.chars().next().expect("a predefined entity is one character")),
        None => Err(format!(
            "unknown entity {}; expected only those that XML predefines",
            quoted(reference)
        )),
    }
}
