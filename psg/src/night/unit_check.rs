//! Detects a wrong unit in the header from the standard deviation of a channel.

use nocturne_edf::EdfHeader;

use crate::montage::{ResolvedChannel, ResolvedMontage, VoltageUnit, plausible_deviation_uv};
use crate::warning::{Warning, WarningCode};

/// Factor by which a deviation may exceed the plausible range without a warning.
///
/// Adjacent units differ by a factor of a thousand, so a wrong one is still detected.
const TOLERANCE_FACTOR: f64 = 4.0;

/// Returns a warning if the deviation of a voltage is implausible.
///
/// `deviation_uv` is its standard deviation over the night in microvolts, by the unit of the header or the profile.
pub(super) fn warning(
    montage: &ResolvedMontage,
    resolved: &ResolvedChannel,
    header: &EdfHeader,
    deviation_uv: f64,
) -> Option<Warning> {
    let (min, max) = plausible_deviation_uv(resolved.channel)?;
    if deviation_uv == 0.0
        || (min / TOLERANCE_FACTOR..=max * TOLERANCE_FACTOR).contains(&deviation_uv)
    {
        return None;
    }
    let (unit, label) = (montage.unit(header, resolved.plus), &header.signals[resolved.plus].label);
    let read_as = VoltageUnit::of(unit).unwrap_or(VoltageUnit::Microvolt);
    let in_unit = deviation_uv / read_as.microvolts();
    let fits = |it: &VoltageUnit| (min..=max).contains(&(in_unit * it.microvolts()));
    let guess = VoltageUnit::ALL
        .into_iter()
        .find(fits)
        .map_or_else(String::new, |it| format!("; its values are plausible in {}", it.symbol()));
    let reading = if unit.is_empty() {
        "has no unit and is read as µV".to_owned()
    } else {
        format!("is read as `{unit}`")
    };
    let message = format!(
        "`{label}`, which feeds {}, {reading}, but its standard deviation of {in_unit:.3e} is implausible{guess}",
        resolved.channel
    );
    Some(Warning::new(WarningCode::Unit, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::montage::tests::header_with_units;

    #[test]
    fn detects_volts_and_millivolts_labelled_as_microvolts() {
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
                "`C3-M2`, which feeds EEG_C3_A2, is read as `uV`, but its standard deviation of 2.000e-5 is implausible; its values are plausible in V",
            ),
        );
        check(
            "",
            0.03,
            Some(
                "`C3-M2`, which feeds EEG_C3_A2, has no unit and is read as µV, but its standard deviation of 3.000e-2 is implausible; its values are plausible in mV",
            ),
        );
        check(
            "mV",
            25_000.0,
            Some(
                "`C3-M2`, which feeds EEG_C3_A2, is read as `mV`, but its standard deviation of 2.500e1 is implausible; its values are plausible in µV",
            ),
        );
    }
}
