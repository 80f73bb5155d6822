//! Derives the subject of a recording from its file name.

/// Cohorts of the National Sleep Research Resource that name recordings `cohort-visit-subject`.
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
/// Minimum number of digits in a subject number; numbers of visits and months are shorter.
const MIN_DIGITS: usize = 4;

/// Returns the subject of a recording, or `None` if its name does not follow the scheme of a known cohort.
///
/// `shhs1-200001` and `shhs2-200001` are two nights of `shhs-200001`; `mros-visit2-aa0001` is a night of `mros-aa0001`.
/// In BIDS, `sub-01_ses-1_task-sleep_eeg` is a night of `sub-01`. In Sleep-EDF, `SC4001E0-PSG` and `SC4002E0-PSG` are two nights of `sleep-edf-SC400`.
/// Folders and file extensions are ignored.
pub fn subject_of(recording: &str) -> Option<String> {
    let name = recording.rsplit(['/', '\\']).next().unwrap_or(recording);
    let name = name.split('.').next().unwrap_or(name);
    of_bids(name).or_else(|| of_nsrr(name)).or_else(|| of_sleep_edf(name))
}

/// Parses `sub-01_task-sleep_eeg`: BIDS separates entities by `_`, the subject first.
fn of_bids(name: &str) -> Option<String> {
    let subject = name.split('_').next()?;
    let label = subject.strip_prefix("sub-")?;
    let is_label = !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_label.then(|| subject.to_owned())
}

fn of_nsrr(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let (first, rest) = name.split_once('-')?;
    // SHHS appends the number of the visit to the name of the cohort.
    let cohort = COHORTS.into_iter().find(|cohort| {
        first.strip_prefix(cohort).is_some_and(|visit| {
            visit.is_empty()
                || (visit.len() == 1 && visit.bytes().all(|byte| byte.is_ascii_digit()))
        })
    })?;
    let is_subject = |part: &&str| part.bytes().filter(u8::is_ascii_digit).count() >= MIN_DIGITS;
    let subject = rest.split('-').rfind(is_subject)?;
    Some(format!("{cohort}-{subject}"))
}

/// Parses `SC4ssNE0-PSG` and `ST7ssNJ0-PSG`: subject `ss`, night `N` (Kemp et al., Sleep-EDF Expanded on PhysioNet).
fn of_sleep_edf(name: &str) -> Option<String> {
    let subject = name.get(..5)?;
    let (study, digits) = subject.split_at(3);
    let is_study = matches!(study, "SC4" | "ST7");
    let rest = name.get(5..)?;
    let is_night = rest.len() >= 3 && rest.as_bytes()[0].is_ascii_digit();
    let is_subject = is_study && is_night && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_subject.then(|| format!("sleep-edf-{subject}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nights_of_one_person_have_the_same_subject() {
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
        check("sub-01_ses-2_task-sleep_eeg", Some("sub-01"));
        check("SC4001E0-PSG", Some("sleep-edf-SC400"));
        check("SC4002E0-PSG", Some("sleep-edf-SC400"));
        check("ST7011J0-PSG", Some("sleep-edf-ST701"));
    }

    #[test]
    fn names_of_unknown_cohorts_have_no_subject() {
        for name in ["night-0001", "shhs", "shhs1-12", "shhsx-200001", "SC40", "é", ""] {
            assert_eq!(subject_of(name), None, "{name}");
        }
    }
}
