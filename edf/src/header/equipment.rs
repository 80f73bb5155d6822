//! The equipment code in the recording field, as far as it marks a simulated recording.

use super::START_DATE_PREFIX;

/// Equipment code of recordings that Nocturne's simulator has made; `_` and a version may follow.
pub const SIMULATOR_EQUIPMENT: &str = "Nocturne_simulator";

/// Maximum length of the code in bytes, so that it fits the field whatever the date is.
const MAX_BYTES: usize = 40;

/// Returns the equipment code of a recording field if it is that of the simulator.
///
/// The field of EDF+ is `Startdate`, the date, the investigation, the technician and the equipment (EDF+ specification,
/// section 2.1.3.4). The others may name people and are not returned; nor is a code with anything but a version behind it.
pub(crate) fn simulator_code(recording: &str) -> Option<&str> {
    let code = recording.trim().strip_prefix(START_DATE_PREFIX)?.split(' ').nth(3)?;
    let rest = code.strip_prefix(SIMULATOR_EQUIPMENT)?;
    let is_version = |version: &str| version.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let is_code = rest.is_empty() || rest.strip_prefix('_').is_some_and(is_version);
    (is_code && code.len() <= MAX_BYTES).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_equipment_code_marks_a_simulated_recording() {
        let code = |rest: &str| {
            simulator_code(&format!("Startdate 01-JAN-1985 {rest}")).map(str::to_owned)
        };
        assert_eq!(code("X X Nocturne_simulator_0.1.0").unwrap(), "Nocturne_simulator_0.1.0");
        assert_eq!(code("X X Nocturne_simulator   ").unwrap(), "Nocturne_simulator");
        for other in [
            "X X X",
            "X X",
            "PSG-1234 Nocturne_simulator Telemetry03",
            "X X Nocturne_simulator_Miller",
            "X X Nocturne_simulators",
            "X X nocturne_simulator",
        ] {
            assert_eq!(code(other), None, "{other}");
        }
        assert_eq!(simulator_code("X X X X Nocturne_simulator"), None);
    }
}
