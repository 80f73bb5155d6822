//! Reads the rows of a Parquet file as text.

use std::collections::BTreeMap;

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;
use bytes::Bytes;

use super::row::{ReadRows, RowProblem, TableRow, expect_one_of};

/// First bytes of every Parquet file.
pub(super) const MAGIC: &[u8] = b"PAR1";

pub(super) fn rows(file: Vec<u8>, keys: &[&str]) -> Result<ReadRows, String> {
    // The reader trusts some lengths in a page and panics if they are wrong.
    std::panic::catch_unwind(|| read(file, keys))
        .unwrap_or_else(|_| Err("the pages are damaged".to_owned()))
}

fn read(file: Vec<u8>, keys: &[&str]) -> Result<ReadRows, String> {
    let reader =
        SerializedFileReader::new(Bytes::from(file)).map_err(|problem| problem.to_string())?;
    let schema = reader.metadata().file_metadata().schema();
    let columns: Vec<&str> = schema.get_fields().iter().map(|column| column.name()).collect();
    expect_one_of(&columns, keys)?;
    let mut read = ReadRows::new();
    let rows = reader.get_row_iter(None).map_err(|problem| problem.to_string())?;
    for (row, line) in rows.zip(1..) {
        // After damage nothing can be read; the number of rows itself may be damaged.
        let row = row.map_err(|problem| format!("row {line}: {problem}"))?;
        read.push(fields(&row).map(|fields| TableRow { line, fields }).map_err(|column| {
            RowProblem { line, problem: format!("the field `{column}` is not a single value") }
        }));
    }
    Ok(read)
}

/// Returns the values of a row as text, or the column that has no single value.
fn fields(row: &::parquet::record::Row) -> Result<BTreeMap<String, String>, &str> {
    let field = |(column, value): (_, _)| {
        let column: &String = column;
        text(value).map(|value| (column.clone(), value)).ok_or(column.as_str())
    };
    row.get_column_iter().map(field).collect()
}

/// Returns a value as it would appear in CSV, or `None` for lists, maps and groups.
fn text(value: &Field) -> Option<String> {
    Some(match value {
        Field::Null => String::new(),
        Field::Str(text) => text.trim().to_owned(),
        // Some writers store text as bytes without a type.
        Field::Bytes(bytes) => std::str::from_utf8(bytes.data()).ok()?.trim().to_owned(),
        // pandas writes missing numbers as NaN.
        Field::Float(number) if number.is_nan() => String::new(),
        Field::Double(number) if number.is_nan() => String::new(),
        // Integral numbers have no decimals: `61`, not `61.0`.
        Field::Float(number) => number.to_string(),
        Field::Double(number) => number.to_string(),
        Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => return None,
        Field::Bool(_)
        | Field::Byte(_)
        | Field::Short(_)
        | Field::Int(_)
        | Field::Long(_)
        | Field::UByte(_)
        | Field::UShort(_)
        | Field::UInt(_)
        | Field::ULong(_)
        | Field::Float16(_)
        | Field::Decimal(_)
        | Field::Date(_)
        | Field::TimeMillis(_)
        | Field::TimeMicros(_)
        | Field::TimestampMillis(_)
        | Field::TimestampMicros(_) => value.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ::parquet::basic::{Compression, GzipLevel, ZstdLevel};
    use ::parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type};
    use ::parquet::file::properties::WriterProperties;
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;

    use super::*;

    const SCHEMA: &str = "message table {
        required binary recording (UTF8);
        optional binary sex;
        optional double bmi;
        required int32 visit (DATE);
    }";

    /// A table of three recordings; the second has a visit and no other value.
    fn table(compression: Compression) -> Vec<u8> {
        let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
        let properties = WriterProperties::builder().set_compression(compression).build();
        let mut file = Vec::new();
        let mut writer =
            SerializedFileWriter::new(&mut file, schema, Arc::new(properties)).unwrap();
        let mut rows = writer.next_row_group().unwrap();
        let names = ["n1", "n2", "n3"].map(ByteArray::from);
        let mut column = rows.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&names, None, None).unwrap();
        column.close().unwrap();
        let sexes = ["F", "M"].map(ByteArray::from);
        let mut column = rows.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&sexes, Some(&[1, 0, 1]), None).unwrap();
        column.close().unwrap();
        let mut column = rows.next_column().unwrap().unwrap();
        let indices = [27.0, f64::NAN, 30.5];
        column.typed::<DoubleType>().write_batch(&indices, Some(&[1, 1, 1]), None).unwrap();
        column.close().unwrap();
        let mut column = rows.next_column().unwrap().unwrap();
        column.typed::<Int32Type>().write_batch(&[0, 365, 730], None, None).unwrap();
        column.close().unwrap();
        rows.close().unwrap();
        writer.close().unwrap();
        file
    }

    #[test]
    fn values_are_converted_to_text_as_in_csv() {
        for compression in [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::ZSTD(ZstdLevel::default()),
            Compression::GZIP(GzipLevel::default()),
            Compression::LZ4_RAW,
        ] {
            let rows = rows(table(compression), &["recording"]).unwrap();
            let values = |row: &TableRow| {
                ["recording", "sex", "bmi", "visit"].map(|column| row.fields[column].clone())
            };
            let read: Vec<_> = rows.iter().flatten().map(values).collect();
            let expect = [
                ["n1", "F", "27", "1970-01-01"],
                ["n2", "", "", "1971-01-01"],
                ["n3", "M", "30.5", "1972-01-01"],
            ];
            assert_eq!(read, expect, "{compression}");
        }
    }

    #[test]
    fn rejects_tables_without_a_key_column() {
        let problem = rows(table(Compression::SNAPPY), &["subject"]).unwrap_err();
        let expect = "the columns are `recording`, `sex`, `bmi`, `visit`; expected `subject`";
        assert_eq!(problem, expect);
    }

    #[test]
    fn damaged_files_give_errors_not_panics() {
        let whole = table(Compression::SNAPPY);
        for length in MAGIC.len()..whole.len() {
            assert!(rows(whole[..length].to_vec(), &["recording"]).is_err(), "cut at {length}");
        }
        for position in 0..whole.len() {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[position] ^= 1 << bit;
                // A flipped bit may change a value, but must not panic.
                let _ = rows(damaged, &["recording"]);
            }
        }
    }
}
