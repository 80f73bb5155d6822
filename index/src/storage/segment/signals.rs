//! Encodes what was measured on the signals of a night; see the format of a segment.

use nocturne_psg::SignalMeasures;
use nocturne_psg::montage::Position;
use nocturne_psg::signal_rules::{
    ByteScale, CHIN_TONE_PERCENT, Desaturation, EpochColumn, HEART_RATE_BPM, LegMeasures,
    LegMovement, Measured, NoSignal, SaturationMeasures,
};

use crate::storage::envelope::Damage;

/// The state of a measure that was measured; a reason is its position in [`NoSignal::ALL`] plus 1.
const MEASURED: u8 = 0;
/// The code of an unknown position.
const NO_POSITION: u8 = 255;

/// Appends the bytes of measures.
pub(crate) fn encode(measures: &SignalMeasures, bytes: &mut Vec<u8>) {
    let SignalMeasures { saturation, heart_rate, position, chin_tone, legs } = measures;
    bytes.extend([
        state(saturation),
        state(heart_rate),
        state(position),
        state(chin_tone),
        state(legs),
    ]);
    if let Ok(saturation) = saturation {
        encode_saturation(saturation, bytes);
    }
    if let Ok(heart_rate) = heart_rate {
        bytes.extend(heart_rate.codes());
    }
    if let Ok(position) = position {
        let code = |position: &Option<Position>| position.map_or(NO_POSITION, |it| it as u8);
        bytes.extend(position.iter().map(code));
    }
    if let Ok(chin_tone) = chin_tone {
        bytes.extend(chin_tone.codes());
    }
    if let Ok(legs) = legs {
        encode_legs(legs, bytes);
    }
}

fn state<T>(measured: &Measured<T>) -> u8 {
    match measured {
        Ok(_) => MEASURED,
        Err(reason) => *reason as u8 + 1,
    }
}

fn encode_saturation(saturation: &SaturationMeasures, bytes: &mut Vec<u8>) {
    let SaturationMeasures { mean, lowest, valid_s, below_90_s, desaturations } = saturation;
    for column in [mean, lowest, valid_s, below_90_s] {
        bytes.extend(column.codes());
    }
    bytes.extend((desaturations.len() as u32).to_le_bytes());
    for Desaturation { onset_s, duration_s, depth_percent } in desaturations {
        bytes.extend(onset_s.to_le_bytes());
        bytes.extend(duration_s.to_le_bytes());
        bytes.extend(depth_percent.to_le_bytes());
    }
}

fn encode_legs(legs: &LegMeasures, bytes: &mut Vec<u8>) {
    let LegMeasures { valid_s, movements, n_legs, excludes_respiratory } = legs;
    bytes.extend(valid_s.codes());
    bytes.extend([*n_legs, u8::from(*excludes_respiratory)]);
    bytes.extend((movements.len() as u32).to_le_bytes());
    for LegMovement { onset_s, duration_s, is_periodic } in movements {
        bytes.extend(onset_s.to_le_bytes());
        bytes.extend(duration_s.to_le_bytes());
        bytes.push(u8::from(*is_periodic));
    }
}

/// Decodes the measures of a night of `n` epochs. Damage is at an offset in `bytes`.
pub(crate) fn decode(bytes: &[u8], n: usize) -> Result<SignalMeasures, Damage> {
    let mut cursor = Cursor { bytes, at: 0, n };
    let states = [(); 5].map(|()| cursor.state());
    let [saturation, heart_rate, position, chin_tone, legs] = states;
    let measures = SignalMeasures {
        saturation: read_if(saturation?, || cursor.saturation())?,
        heart_rate: read_if(heart_rate?, || cursor.column(HEART_RATE_BPM))?,
        position: read_if(position?, || cursor.positions())?,
        chin_tone: read_if(chin_tone?, || cursor.column(CHIN_TONE_PERCENT))?,
        legs: read_if(legs?, || cursor.legs())?,
    };
    match bytes.len() - cursor.at {
        0 => Ok(measures),
        rest => Err(Damage::at(cursor.at, format!("`signals` has {rest} bytes too many"))),
    }
}

/// Reads a measure, unless there is a reason why there is none.
fn read_if<T>(
    state: Measured<()>,
    read: impl FnOnce() -> Result<T, Damage>,
) -> Result<Measured<T>, Damage> {
    match state {
        Ok(()) => read().map(Ok),
        Err(reason) => Ok(Err(reason)),
    }
}

/// Reads values one after the other.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Number of epochs.
    n: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Damage> {
        let taken = self.at.checked_add(n).and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or_else(|| Damage::at(self.at, "`signals` is too short"))?;
        self.at += n;
        Ok(taken)
    }

    fn array<const SIZE: usize>(&mut self) -> Result<[u8; SIZE], Damage> {
        Ok(*self.take(SIZE)?.first_chunk().expect("it has the length that was asked for"))
    }

    /// Returns the error for an invalid value of `size` bytes that was just read.
    fn invalid(&self, size: usize) -> Damage {
        let at = self.at - size;
        let bytes = &self.bytes[at..self.at];
        Damage::at(at, format!("`signals` has the invalid bytes {bytes:02x?}"))
    }

    fn state(&mut self) -> Result<Measured<()>, Damage> {
        let [code] = self.array()?;
        if code == MEASURED {
            return Ok(Ok(()));
        }
        let reason = NoSignal::ALL.get(usize::from(code) - 1);
        Ok(Err(*reason.ok_or_else(|| self.invalid(1))?))
    }

    fn column(&mut self, scale: ByteScale) -> Result<EpochColumn, Damage> {
        Ok(EpochColumn::from_codes(scale, self.take(self.n)?.to_vec()))
    }

    fn positions(&mut self) -> Result<Vec<Option<Position>>, Damage> {
        (0..self.n).map(|_| self.position()).collect()
    }

    fn position(&mut self) -> Result<Option<Position>, Damage> {
        let [code] = self.array()?;
        if code == NO_POSITION {
            return Ok(None);
        }
        let position = Position::ALL.get(usize::from(code));
        position.copied().map(Some).ok_or_else(|| self.invalid(1))
    }

    fn saturation(&mut self) -> Result<SaturationMeasures, Damage> {
        Ok(SaturationMeasures {
            mean: self.column(SaturationMeasures::PERCENT)?,
            lowest: self.column(SaturationMeasures::PERCENT)?,
            valid_s: self.column(ByteScale::WHOLE)?,
            below_90_s: self.column(ByteScale::WHOLE)?,
            desaturations: self.events(|cursor| {
                Ok(Desaturation {
                    onset_s: cursor.f64()?,
                    duration_s: cursor.f32()?,
                    depth_percent: cursor.f32()?,
                })
            })?,
        })
    }

    fn legs(&mut self) -> Result<LegMeasures, Damage> {
        let valid_s = self.column(ByteScale::WHOLE)?;
        let [n_legs] = self.array()?;
        let excludes_respiratory = self.bool()?;
        let movements = self.events(|cursor| {
            Ok(LegMovement {
                onset_s: cursor.f64()?,
                duration_s: cursor.f32()?,
                is_periodic: cursor.bool()?,
            })
        })?;
        Ok(LegMeasures { valid_s, movements, n_legs, excludes_respiratory })
    }

    fn events<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Damage>,
    ) -> Result<Vec<T>, Damage> {
        let count = u32::from_le_bytes(self.array()?);
        // A wrong count ends at the end of the bytes, and no memory is reserved for it.
        (0..count).map(|_| read(self)).collect()
    }

    fn bool(&mut self) -> Result<bool, Damage> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [_] => Err(self.invalid(1)),
        }
    }

    fn f64(&mut self) -> Result<f64, Damage> {
        let value = f64::from_le_bytes(self.array()?);
        if value.is_finite() { Ok(value) } else { Err(self.invalid(8)) }
    }

    fn f32(&mut self) -> Result<f32, Damage> {
        let value = f32::from_le_bytes(self.array()?);
        if value.is_finite() { Ok(value) } else { Err(self.invalid(4)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn measures() -> SignalMeasures {
        let column = |scale, codes: [u8; 2]| EpochColumn::from_codes(scale, codes.to_vec());
        SignalMeasures {
            saturation: Ok(SaturationMeasures {
                mean: column(SaturationMeasures::PERCENT, [218, 255]),
                lowest: column(SaturationMeasures::PERCENT, [200, 255]),
                valid_s: column(ByteScale::WHOLE, [30, 0]),
                below_90_s: column(ByteScale::WHOLE, [2, 0]),
                desaturations: vec![Desaturation {
                    onset_s: 7.0,
                    duration_s: 21.0,
                    depth_percent: 4.5,
                }],
            }),
            heart_rate: Ok(column(HEART_RATE_BPM, [41, 42])),
            position: Ok(vec![Some(Position::Supine), None]),
            chin_tone: Err(NoSignal::PoorSignal),
            legs: Ok(LegMeasures {
                valid_s: column(ByteScale::WHOLE, [30, 29]),
                movements: vec![LegMovement { onset_s: 8.05, duration_s: 1.5, is_periodic: true }],
                n_legs: 2,
                excludes_respiratory: true,
            }),
        }
    }

    fn encoded(measures: &SignalMeasures) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(measures, &mut bytes);
        bytes
    }

    #[test]
    fn measures_are_read_as_written() {
        let measures = measures();
        let bytes = encoded(&measures);
        assert_eq!(bytes[..5], [0, 0, 0, 3, 0]);
        // States; saturation; heart rate; position; legs.
        assert_eq!(bytes.len(), 5 + (8 + 4 + 16) + 2 + 2 + (2 + 2 + 4 + 13));
        assert_eq!(decode(&bytes, 2).unwrap(), measures);
        let none = SignalMeasures {
            saturation: Err(NoSignal::NoChannel),
            heart_rate: Err(NoSignal::NoChannel),
            position: Err(NoSignal::Unsuitable),
            chin_tone: Err(NoSignal::NoChannel),
            legs: Err(NoSignal::NoChannel),
        };
        assert_eq!(decode(&encoded(&none), 2).unwrap(), none);
    }

    #[test]
    fn damage_is_named_with_its_place() {
        let check = |at: usize, value: u8, expected: &str| {
            let mut bytes = encoded(&measures());
            bytes[at] = value;
            let damage = decode(&bytes, 2).unwrap_err();
            assert_eq!((damage.offset, damage.problem.as_str()), (at, expected));
        };
        check(3, 4, "`signals` has the invalid bytes [04]");
        check(35, 5, "`signals` has the invalid bytes [05]");
        let bytes = encoded(&measures());
        let damage = decode(&bytes, 1).unwrap_err();
        assert!(damage.problem.contains("`signals`"), "{damage:?}");
        let damage = decode(&[bytes, vec![0]].concat(), 2).unwrap_err();
        assert_eq!(damage.problem, "`signals` has 1 bytes too many");
    }

    proptest! {
        #[test]
        fn decoder_never_panics(bytes: Vec<u8>, n in 0_usize..9) {
            let _ = decode(&bytes, n);
        }
    }
}
