//! Notices by the spread of a channel that its signal is in another unit than its header says.

use nocturne_edf::EdfHeader;

use crate::montage::{ResolvedChannel, ResolvedMontage, VoltageUnit, typical_deviation_uv};
use crate::{Warning, WarningCode};

/// How far beyond the typical range a deviation may be, as a factor, before the unit is doubted.
///
/// Neighbouring units lie a factor of a thousand apart, so that a wrong one is still noticed.
const LEEWAY: f64 = 4.0;

/// Returns a warning where a voltage spreads as none at the skin does; `deviation_uv` is its standard deviation over
/// the night in microvolts, by the unit of the header or of the profile.
pub(super) fn warning(
    montage: &ResolvedMontage,
    resolved: &ResolvedChannel,
    header: &EdfHeader,
    deviation_uv: f64,
) -> Option<Warning> {
    let (least, most) = typical_deviation_uv(resolved.channel)?;
    if deviation_uv == 0.0 || (least / LEEWAY..=most * LEEWAY).contains(&deviation_uv) {
        return None;
    }
    let (unit, label) = (montage.unit(header, resolved.plus), &header.signals[resolved.plus].label);
    let read_as = VoltageUnit::of(unit).unwrap_or(VoltageUnit::Microvolt);
    let in_unit = deviation_uv / read_as.microvolts();
    let fits = |it: &VoltageUnit| (least..=most).contains(&(in_unit * it.microvolts()));
    let guess = VoltageUnit::ALL
        .into_iter()
        .find(fits)
        .map_or_else(String::new, |it| format!("; its values are like those of {}", it.symbol()));
    let told = if unit.is_empty() {
        "names no unit and is read as µV".to_owned()
    } else {
        format!("is read as `{unit}`")
    };
    let message = format!(
        "`{label}`, which feeds {}, {told}, and spreads by {in_unit:.3e}, which no such signal does{guess}",
        resolved.channel
    );
    Some(Warning::new(WarningCode::Unit, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::montage::tests::header_with_units;

    #[test]
    fn volts_and_millivolts_under_the_name_of_microvolts_are_noticed() {
        let check = |unit: &str, deviation_uv: f64, expected: Option<&str>| {
            let header = header_with_units(&[("C3-M2", unit)]);
            let montage = ResolvedMontage::resolve(&header);
            let found = warning(&montage, &montage.channels()[0], &header, deviation_uv);
            let found = found.map(|warning| warning.message);
            assert_eq!(found.as_deref(), expected, "{unit}, {deviation_uv}");
        };
        for plausible_uv in [0.5, 20.0, 150.0, 9000.0] {
            check("uV", plausible_uv, None);
            check("", plausible_uv, None);
        }
        check(
            "uV",
            2e-5,
            Some(
                "`C3-M2`, which feeds EEG_C3_A2, is read as `uV`, and spreads by 2.000e-5, which no such signal does; its values are like those of V",
            ),
        );
        check(
            "",
            0.03,
            Some(
                "`C3-M2`, which feeds EEG_C3_A2, names no unit and is read as µV, and spreads by 3.000e-2, which no such signal does; its values are like those of mV",
            ),
        );
        check(
            "mV",
            25_000.0,
            Some(
                "`C3-M2`, which feeds EEG_C3_A2, is read as `mV`, and spreads by 2.500e1, which no such signal does; its values are like those of µV",
            ),
        );
    }
}
