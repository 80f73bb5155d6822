//! Draws the losses of a run as an SVG, a panel for each loss.

use std::fmt::Write;

use serde::Deserialize;

use crate::objective::Losses;

/// Width of the drawing, and height of one panel, in pixels.
const SIZE: (f64, f64) = (720.0, 220.0);
/// Margins around the plot: left, right, top, bottom.
const MARGIN: (f64, f64, f64, f64) = (56.0, 12.0, 26.0, 24.0);
/// Maximum number of points of a line; neighbouring steps are averaged.
const POINTS: usize = 240;
/// Colours of the training and the held-out line, distinguishable with red-green colour blindness.
const COLOURS: (&str, &str) = ("#7aa6c2", "#c2571a");

/// The plotted fields of a line of `metrics.jsonl`.
#[derive(Deserialize)]
struct MetricsLine {
    step: u64,
    #[serde(flatten)]
    training: Option<Losses>,
    validation_losses: Option<Losses>,
}

/// Returns one of the losses.
type LossField = fn(&Losses) -> Option<f32>;

/// The values of one loss over a run.
#[derive(Debug, Default)]
struct LossCurve {
    training: Vec<(f64, f64)>,
    held_out: Vec<(f64, f64)>,
}

/// Plots the lines of `metrics.jsonl`; a loss without values has no panel.
pub(super) fn plot(metrics: &str) -> String {
    let lines: Vec<MetricsLine> =
        metrics.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let losses: [(&str, LossField); 3] = [
        ("contrastive, nats", |losses| Some(losses.contrastive)),
        ("caption, nats per token", |losses| losses.caption),
        ("reconstruction, mean squared error", |losses| losses.reconstruction),
    ];
    let courses = losses.map(|(name, number)| (name, LossCurve::of(&lines, number)));
    let drawn: Vec<_> = courses.iter().filter(|(_, course)| !course.is_empty()).collect();
    let last = lines.iter().map(|line| line.step).max().unwrap_or(0).max(1) as f64;
    let (width, height) = (SIZE.0, SIZE.1 * drawn.len().max(1) as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (number, (name, course)) in drawn.into_iter().enumerate() {
        course.plot(&mut svg, name, number as f64 * SIZE.1, last);
    }
    svg + "</svg>\n"
}

impl LossCurve {
    fn of(lines: &[MetricsLine], number: LossField) -> Self {
        let points = |of: fn(&MetricsLine) -> Option<&Losses>| -> Vec<(f64, f64)> {
            let point =
                |line: &MetricsLine| Some((line.step as f64, f64::from(number(of(line)?)?)));
            lines.iter().filter_map(point).filter(|(_, loss)| loss.is_finite()).collect()
        };
        Self {
            training: averaged(&points(|line| line.training.as_ref())),
            held_out: points(|line| line.validation_losses.as_ref()),
        }
    }

    fn is_empty(&self) -> bool {
        self.training.is_empty() && self.held_out.is_empty()
    }

    /// Draws a panel whose upper edge is at `top`, over the steps from 0 to `last`.
    fn plot(&self, svg: &mut String, name: &str, top: f64, last: f64) {
        let (left, right) = (MARGIN.0, SIZE.0 - MARGIN.1);
        let (upper, lower) = (top + MARGIN.2, top + SIZE.1 - MARGIN.3);
        let losses = || self.training.iter().chain(&self.held_out).map(|(_, loss)| *loss);
        let (least, most) =
            losses().fold((f64::MAX, f64::MIN), |(a, b), loss| (a.min(loss), b.max(loss)));
        let span = if most > least { most - least } else { 1.0 };
        let x = |step: f64| left + step / last * (right - left);
        let y = |loss: f64| lower - (loss - least) / span * (lower - upper);
        let title = top + 16.0;
        let legend = |x: f64, colour: &str, what: &str| {
            format!(
                "<text x=\"{x}\" y=\"{title}\" text-anchor=\"end\" fill=\"{colour}\">{what}</text>\n"
            )
        };
        let _ = write!(
            svg,
            "<text x=\"{left}\" y=\"{title}\">{name}</text>\n{}{}\
             <path d=\"M{left} {upper}V{lower}H{right}\" fill=\"none\" stroke=\"#888\"/>\n",
            legend(right - 70.0, COLOURS.0, "training"),
            legend(right, COLOURS.1, "held out"),
        );
        for loss in [least, most] {
            let (x, y) = (left - 6.0, y(loss) + 4.0);
            let _ =
                writeln!(svg, "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{loss:.3}</text>");
        }
        for step in [0.0, last] {
            let anchor = if step > 0.0 { "end" } else { "start" };
            let (x, y) = (x(step), lower + 16.0);
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">step {step}</text>"
            );
        }
        for (points, colour) in [(&self.training, COLOURS.0), (&self.held_out, COLOURS.1)] {
            let points: Vec<String> = points
                .iter()
                .map(|(step, loss)| format!("{:.1},{:.1}", x(*step), y(*loss)))
                .collect();
            let points = points.join(" ");
            let _ = writeln!(
                svg,
                "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"
            );
        }
    }
}

/// Returns the means of neighbouring points, at most [`POINTS`] of them.
fn averaged(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mean = |points: &[(f64, f64)]| {
        let n = points.len() as f64;
        let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
        (x / n, y / n)
    };
    points.chunks(points.len().div_ceil(POINTS).max(1)).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_a_panel_for_each_recorded_loss() {
        let metrics = "{\"step\":0,\"loss\":4.0,\"contrastive\":2.0,\"caption\":10.0}\n\
                       {\"step\":1,\"loss\":3.0,\"contrastive\":1.0,\"caption\":8.0}\n\
                       {\"step\":2,\"validation_loss\":3.0,\"validation_losses\":{\"contrastive\":1.5}}\n\
                       {\"step\":2,\"lo";
        let svg = plot(metrics);
        assert_eq!(svg.matches("contrastive, nats").count(), 1);
        assert_eq!(svg.matches("caption, nats").count(), 1);
        assert!(!svg.contains("reconstruction"));
        // 652 pixels for two steps; 170 for losses from 1 to 2.
        assert!(svg.contains("points=\"56.0,26.0 382.0,196.0\""), "{svg}");
        assert!(svg.contains("points=\"708.0,111.0\""), "{svg}");
    }

    #[test]
    fn long_runs_are_averaged_to_a_few_points() {
        let points: Vec<_> = (0..1000).map(|step| (f64::from(step), 1.0)).collect();
        let drawn = averaged(&points);
        assert_eq!(drawn.len(), 200);
        assert_eq!(drawn[0], (2.0, 1.0));
    }
}
