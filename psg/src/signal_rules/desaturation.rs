//! Finds desaturations in the saturation of each second.
//!
//! The algorithm, named *peak-to-recovery*:
//!
//! - The baseline is the highest saturation of the preceding [`BASELINE_S`] seconds, and the onset the last second at it.
//! - A fall of at least [`MIN_DEPTH`] below the baseline is a desaturation if two thirds of it are recovered. It
//!   ends at the first second in which they are; or where the saturation is highest before it falls by another
//!   [`MIN_DEPTH`], if it had risen by as much before, and another desaturation starts there.
//! - It lasts [`MIN_DURATION_S`] to [`MAX_DURATION_S`] seconds; a longer fall is a change of level.
//! - Its depth is the baseline minus the lowest saturation.
//! - Nothing crosses a gap, an invalid second or a step of more than [`MAX_STEP`]: no baseline and no desaturation.
//!
//! Saturations are compared in tenths of a percent: files store whole percents with an error, by which a fall of 3 % may
//! seem smaller.

/// A fall of the oxygen saturation by at least 3 % from its baseline, with recovery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Desaturation {
    /// Last second at the baseline, from the start of the recording.
    pub onset_s: f64,
    /// Seconds until it has recovered, whole.
    pub duration_s: f32,
    /// Baseline minus lowest saturation in percent, to a tenth.
    pub depth_percent: f32,
}

/// Smallest depth, 3 %; a larger one is a filter on [`Desaturation::depth_percent`].
const MIN_DEPTH: Tenths = 30;
/// Length of the time whose highest saturation is the baseline.
const BASELINE_S: usize = 120;
/// Shortest desaturation.
const MIN_DURATION_S: usize = 10;
/// Longest desaturation.
const MAX_DURATION_S: usize = 180;
/// Largest change between successive seconds, 10 %; blood does not lose more, so a larger one is a fault of the sensor.
const MAX_STEP: Tenths = 100;

/// Saturations in tenths of a percent.
type Tenths = i32;

/// Finds the desaturations in contiguous seconds in percent, NaN for invalid ones, the first of which starts at `start_s`.
pub(super) fn find(seconds: &[f32], start_s: f64) -> Vec<Desaturation> {
    let tenths = |percent: &f32| percent.is_finite().then(|| (10.0 * percent).round() as Tenths);
    let seconds: Vec<Option<Tenths>> = seconds.iter().map(tenths).collect();
    let is_continuous = |a: &Option<Tenths>, b: &Option<Tenths>| {
        a.zip(*b).is_some_and(|(a, b)| (a - b).abs() <= MAX_STEP)
    };
    let mut found = Vec::new();
    let mut first = 0;
    for piece in seconds.chunk_by(is_continuous) {
        let valid: Vec<Tenths> = piece.iter().copied().flatten().collect();
        found.extend(in_piece(&valid, start_s + first as f64));
        first += piece.len();
    }
    found
}

/// A fall that has reached the smallest depth.
struct Fall {
    onset: usize,
    baseline: Tenths,
    lowest: Tenths,
    /// The highest second since the lowest one, and its saturation.
    top: (usize, Tenths),
}

/// Finds the desaturations in valid seconds without a jump.
fn in_piece(seconds: &[Tenths], start_s: f64) -> Vec<Desaturation> {
    let mut found = Vec::new();
    let mut fall: Option<Fall> = None;
    // The first second that may be in a baseline.
    let mut first = 0;
    for (now, saturation) in seconds.iter().copied().enumerate() {
        if let Some(current) = &mut fall {
            let Some(end) = current.follow(now, saturation) else { continue };
            if let Some(end) = end.recovered {
                found.extend(current.desaturation(end, start_s));
            }
            first = end.next;
        }
        fall = Fall::start(seconds, first, now);
    }
    found
}

/// How a fall ends.
struct FallEnd {
    /// The second in which it has recovered; `None` if it has not.
    recovered: Option<usize>,
    /// The first second of later baselines.
    next: usize,
}

impl Fall {
    /// Returns the fall that reaches the smallest depth now, if there is one.
    fn start(seconds: &[Tenths], first: usize, now: usize) -> Option<Self> {
        let from = first.max(now.saturating_sub(BASELINE_S));
        let preceding = seconds[from..=now].iter().copied().enumerate();
        // Of equal maxima, the last one is returned.
        let (offset, baseline) = preceding.max_by_key(|(_, saturation)| *saturation)?;
        let lowest = seconds[now];
        (baseline - lowest >= MIN_DEPTH).then_some(Self {
            onset: from + offset,
            baseline,
            lowest,
            top: (now, lowest),
        })
    }

    /// Follows the fall to the next second, and returns how it ends there, if it does.
    fn follow(&mut self, now: usize, saturation: Tenths) -> Option<FallEnd> {
        let depth = self.baseline - self.lowest;
        if 3 * (saturation - self.lowest) >= 2 * depth {
            return Some(FallEnd { recovered: Some(now), next: now });
        }
        let (top, highest) = self.top;
        let falls_again = highest - self.lowest >= MIN_DEPTH && highest - saturation >= MIN_DEPTH;
        if falls_again {
            return Some(FallEnd { recovered: Some(top), next: top });
        }
        if saturation < self.lowest {
            (self.lowest, self.top) = (saturation, (now, saturation));
        } else if saturation > highest {
            self.top = (now, saturation);
        }
        (now - self.onset > MAX_DURATION_S).then_some(FallEnd { recovered: None, next: now })
    }

    fn desaturation(&self, end: usize, start_s: f64) -> Option<Desaturation> {
        let duration = end - self.onset;
        (MIN_DURATION_S..=MAX_DURATION_S).contains(&duration).then(|| Desaturation {
            onset_s: start_s + self.onset as f64,
            duration_s: duration as f32,
            depth_percent: (self.baseline - self.lowest) as f32 / 10.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds each saturation for a number of seconds.
    fn held(parts: &[(f32, usize)]) -> Vec<f32> {
        parts.iter().flat_map(|(percent, n)| std::iter::repeat_n(*percent, *n)).collect()
    }

    fn desaturation(onset_s: f64, duration_s: f32, depth_percent: f32) -> Desaturation {
        Desaturation { onset_s, duration_s, depth_percent }
    }

    #[test]
    fn fall_of_three_percent_lasts_from_its_peak_to_two_thirds_of_its_recovery() {
        // The last second at 96 is 59. The lowest is 92; two thirds of 4 are recovered at 95, in second 85.
        let seconds = held(&[(96.0, 60), (94.0, 5), (92.0, 10), (94.0, 10), (95.0, 30)]);
        assert_eq!(find(&seconds, 300.0), [desaturation(359.0, 26.0, 4.0)]);
        let small = held(&[(96.0, 60), (93.1, 20), (96.0, 30)]);
        assert!(find(&small, 0.0).is_empty());
        // As 96 and 93 are read from a file with 16 bits for 100 %.
        let rounded = held(&[(95.9993, 60), (93.0003, 20), (95.9993, 30)]);
        assert_eq!(find(&rounded, 0.0), [desaturation(59.0, 21.0, 3.0)]);
    }

    #[test]
    fn baseline_is_the_highest_of_two_minutes() {
        // The peak is 119 and 121 s before the fall to 93.
        let after = |n: usize| held(&[(96.0, 10), (94.0, n), (93.0, 20), (96.0, 30)]);
        assert_eq!(find(&after(119), 0.0), [desaturation(9.0, 140.0, 3.0)]);
        assert!(find(&after(121), 0.0).is_empty());
    }

    #[test]
    fn fall_shorter_than_ten_seconds_does_not_count() {
        let lasting = |n: usize| held(&[(96.0, 60), (92.0, n), (96.0, 60)]);
        assert!(find(&lasting(8), 0.0).is_empty());
        assert_eq!(find(&lasting(9), 0.0), [desaturation(59.0, 10.0, 4.0)]);
    }

    #[test]
    fn falls_without_full_recovery_between_them_are_apart() {
        // From 95 to 85; a rise by 4 to 89; a fall by 5 to 84, and back.
        let seconds = held(&[
            (95.0, 30),
            (90.0, 5),
            (85.0, 10),
            (89.0, 5),
            (84.0, 10),
            (93.0, 1),
            (95.0, 60),
        ]);
        let expected = [desaturation(29.0, 16.0, 10.0), desaturation(49.0, 11.0, 5.0)];
        assert_eq!(find(&seconds, 0.0), expected);
        // A rise by 2 is a part of one desaturation.
        let one = held(&[
            (95.0, 30),
            (90.0, 5),
            (85.0, 10),
            (87.0, 5),
            (84.0, 10),
            (93.0, 1),
            (95.0, 60),
        ]);
        assert_eq!(find(&one, 0.0), [desaturation(29.0, 31.0, 11.0)]);
    }

    #[test]
    fn change_of_level_is_not_a_desaturation() {
        assert!(find(&held(&[(96.0, 60), (92.0, 600)]), 0.0).is_empty());
        // After the change, the baseline is the new level.
        let later = held(&[(96.0, 60), (92.0, 400), (88.0, 20), (92.0, 60)]);
        assert_eq!(find(&later, 0.0), [desaturation(459.0, 21.0, 4.0)]);
    }

    #[test]
    fn nothing_crosses_an_invalid_second() {
        let mut seconds = held(&[(96.0, 60), (92.0, 20), (96.0, 60)]);
        seconds[70] = f32::NAN;
        assert!(find(&seconds, 0.0).is_empty());
        // The values before an invalid second are not the baseline behind it.
        let mut before = held(&[(96.0, 60), (92.0, 60), (95.0, 60)]);
        before[60] = f32::NAN;
        assert!(find(&before, 0.0).is_empty());
    }

    #[test]
    fn jumps_are_faults_of_the_sensor() {
        let jump = |percent: f32| held(&[(96.0, 60), (percent, 20), (96.0, 60)]);
        assert!(find(&jump(85.0), 0.0).is_empty());
        assert_eq!(find(&jump(86.0), 0.0), [desaturation(59.0, 21.0, 10.0)]);
    }
}
