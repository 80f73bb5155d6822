//! Which person a recording is of, as far as its name tells.

/// Cohorts of the National Sleep Research Resource whose names of recordings are `cohort-visit-person`.
const COHORTS: [&str; 15] = [
    "abc",
    "bestair",
    "ccshs",
    "cfs",
    "chat",
    "hchs",
    "heartbeat",
    "homepap",
    "mesa",
    "mros",
    "numom2b",
    "pats",
    "shhs",
    "sof",
    "wsc",
];
/// Fewest digits in the number of a person; those of visits and months have fewer.
const DIGITS: usize = 4;

/// Returns the person that a recording of that name is of, where the name is one of a cohort whose names tell.
///
/// `shhs1-200001` and `shhs2-200001` are two nights of `shhs-200001`; `mros-visit2-aa0001` is one of `mros-aa0001`.
/// Of Sleep-EDF, `SC4001E0-PSG` and `SC4002E0-PSG` are two nights of `sleep-edf-SC400`.
/// Folders before the name, and an ending behind it, say nothing.
pub fn subject_of(recording: &str) -> Option<String> {
    let name = recording.rsplit(['/', '\\']).next().unwrap_or(recording);
    let name = name.split('.').next().unwrap_or(name);
    of_nsrr(name).or_else(|| of_sleep_edf(name))
}

fn of_nsrr(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let (first, rest) = name.split_once('-')?;
    // The visits of SHHS are told by a digit behind its name.
    let cohort = COHORTS.into_iter().find(|cohort| {
        first.strip_prefix(cohort).is_some_and(|visit| {
            visit.is_empty()
                || (visit.len() == 1 && visit.bytes().all(|byte| byte.is_ascii_digit()))
        })
    })?;
    let is_person = |part: &&str| part.bytes().filter(u8::is_ascii_digit).count() >= DIGITS;
    let person = rest.split('-').rfind(is_person)?;
    Some(format!("{cohort}-{person}"))
}

/// `SC4ssNE0-PSG` and `ST7ssNJ0-PSG`: person `ss`, night `N` (Kemp et al., PhysioNet's Sleep-EDF Expanded).
fn of_sleep_edf(name: &str) -> Option<String> {
    let person = name.get(..5)?;
    let (study, digits) = person.split_at(3);
    let is_study = matches!(study, "SC4" | "ST7");
    let rest = name.get(5..)?;
    let is_night = rest.len() >= 3 && rest.as_bytes()[0].is_ascii_digit();
    let is_person = is_study && is_night && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_person.then(|| format!("sleep-edf-{person}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nights_of_one_person_have_one_subject() {
        let check = |recording, expected: Option<&str>| {
            assert_eq!(subject_of(recording).as_deref(), expected, "{recording}");
        };
        check("shhs1-200001", Some("shhs-200001"));
        check("shhs2-200001.edf", Some("shhs-200001"));
        check("polysomnography/edfs/shhs2/shhs2-200001", Some("shhs-200001"));
        check("mesa-sleep-0001", Some("mesa-0001"));
        check("mros-visit1-aa0001", Some("mros-aa0001"));
        check("MROS-visit2-AA0001", Some("mros-aa0001"));
        check("cfs-visit5-800002", Some("cfs-800002"));
        check("chat-followup-300001", Some("chat-300001"));
        check("sof-visit-8-00123", Some("sof-00123"));
        check("wsc-visit1-10119-nsrr", Some("wsc-10119"));
        check("abc-month09-900001", Some("abc-900001"));
        check("homepap-lab-full-1600001", Some("homepap-1600001"));
        check("pats-812301-baseline", Some("pats-812301"));
        check("SC4001E0-PSG", Some("sleep-edf-SC400"));
        check("SC4002E0-PSG", Some("sleep-edf-SC400"));
        check("ST7011J0-PSG", Some("sleep-edf-ST701"));
    }

    #[test]
    fn names_of_no_known_cohort_tell_nothing() {
        for name in ["night-0001", "shhs", "shhs1-12", "shhsx-200001", "SC40", "é", ""] {
            assert_eq!(subject_of(name), None, "{name}");
        }
    }
}
