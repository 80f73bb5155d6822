//! Labels as Parquet: a row for each epoch.

use std::sync::Arc;

use anyhow::Result;
use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::files::{STAGES, judged_events, probability};
use super::night::{LabelledEpoch, LabelledNight};

/// Returns a file with the columns of the CSV table, and the recording; missing values are null.
pub(super) fn bytes(night: &LabelledNight) -> Result<Vec<u8>> {
    let epochs = &night.epochs;
    let events = judged_events(epochs);
    let text = |name: &str| column(name, PhysicalType::BYTE_ARRAY);
    let mut fields = vec![
        text("recording")?,
        column("epoch", PhysicalType::INT32)?,
        column("onset_s", PhysicalType::DOUBLE)?,
        text("stage")?,
        text("events")?,
        text("scored_stage")?,
        text("not_judged")?,
    ];
    for stage in STAGES {
        fields.push(column(&format!("p_{}", stage.to_lowercase()), PhysicalType::FLOAT)?);
    }
    for event in &events {
        fields.push(column(&format!("p_{event}"), PhysicalType::FLOAT)?);
    }
    let schema = Arc::new(Type::group_type_builder("labels").with_fields(fields).build()?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut rows = file.next_row_group()?;
    let id = night.entry.id.to_string();
    write_texts(&mut rows, epochs.iter().map(|_| Some(id.clone())))?;
    let numbers: Vec<i32> = epochs.iter().map(|epoch| epoch.epoch as i32).collect();
    write::<Int32Type>(&mut rows, &numbers, &vec![1; epochs.len()])?;
    let onsets_s: Vec<f64> = epochs.iter().map(|epoch| epoch.onset_s).collect();
    write::<DoubleType>(&mut rows, &onsets_s, &vec![1; epochs.len()])?;
    write_texts(&mut rows, epochs.iter().map(|epoch| epoch.stage.map(str::to_owned)))?;
    write_texts(&mut rows, epochs.iter().map(|epoch| Some(epoch.events.join(";"))))?;
    let scored = |epoch: &LabelledEpoch| epoch.scored_stage.map(|stage| stage.code().to_owned());
    write_texts(&mut rows, epochs.iter().map(scored))?;
    let not_judged = |epoch: &LabelledEpoch| Some(epoch.not_judged.join("; "));
    write_texts(&mut rows, epochs.iter().map(not_judged).map(|it| it.filter(|it| !it.is_empty())))?;
    for stage in STAGES {
        let p = epochs.iter().map(|epoch| probability(&epoch.stage_probabilities, stage));
        write_floats(&mut rows, p)?;
    }
    for event in events {
        let p = epochs.iter().map(|epoch| probability(&epoch.event_probabilities, event));
        write_floats(&mut rows, p)?;
    }
    rows.close()?;
    Ok(file.into_inner()?)
}

fn column(name: &str, physical: PhysicalType) -> Result<Arc<Type>> {
    let logical = (physical == PhysicalType::BYTE_ARRAY).then_some(LogicalType::String);
    let builder = Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical);
    Ok(Arc::new(builder.build()?))
}

/// Writes the next column: the values that there are, and 1 for each row with a value, 0 for each without.
fn write<T: parquet::data_type::DataType>(
    rows: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
    levels: &[i16],
) -> Result<()> {
    if let Some(mut column) = rows.next_column()? {
        column.typed::<T>().write_batch(values, Some(levels), None)?;
        column.close()?;
    }
    Ok(())
}

fn write_texts(
    rows: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    texts: impl Iterator<Item = Option<String>>,
) -> Result<()> {
    let texts: Vec<Option<ByteArray>> =
        texts.map(|text| text.map(|text| ByteArray::from(text.into_bytes()))).collect();
    let levels: Vec<i16> = texts.iter().map(|text| i16::from(text.is_some())).collect();
    let values: Vec<ByteArray> = texts.into_iter().flatten().collect();
    write::<ByteArrayType>(rows, &values, &levels)
}

fn write_floats(
    rows: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    numbers: impl Iterator<Item = Option<f32>>,
) -> Result<()> {
    let numbers: Vec<Option<f32>> = numbers.collect();
    let levels: Vec<i16> = numbers.iter().map(|number| i16::from(number.is_some())).collect();
    let values: Vec<f32> = numbers.into_iter().flatten().collect();
    write::<FloatType>(rows, &values, &levels)
}
