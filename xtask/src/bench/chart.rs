//! A picture of what came of the goals: how many times as good as was promised, or as bad.

use std::path::Path;

use anyhow::{Context, Result};
use plotters::backend::SVGBackend;
use plotters::drawing::IntoDrawingArea;
use plotters::element::{PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, Color, FontFamily, IntoTextStyle, RGBColor, ShapeStyle, TextStyle, WHITE};

use super::figures::{Goal, Report, short};

const WIDTH: u32 = 960;
/// Of a line with one goal.
const LINE: u32 = 26;
const ABOVE: u32 = 44;
/// Where the words end, and where the room for bars does.
const BARS: std::ops::Range<i32> = 520..720;
/// A bar that is as long as there is room says so many times, or more.
const MOST: f64 = 16.0;
const MET: RGBColor = RGBColor(46, 125, 50);
const MISSED: RGBColor = RGBColor(198, 40, 40);

/// Draws all goals of a report as an SVG.
pub(crate) fn draw(report: &Report, file: &Path) -> Result<()> {
    let height = ABOVE + LINE * report.goals.len() as u32 + 12;
    let area = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    let failed = || format!("drawing {}", file.display());
    area.fill(&WHITE).with_context(failed)?;
    let font = |anchor| -> TextStyle<'static> {
        (FontFamily::SansSerif, 14)
            .into_text_style(&(WIDTH, height))
            .color(&BLACK)
            .pos(Pos::new(anchor, VPos::Center))
    };
    let heading = "How many times as good as promised (logarithmic; the line is what was promised)";
    area.draw(&Text::new(heading, (12, 20), font(HPos::Left))).with_context(failed)?;
    for (goal, number) in report.goals.iter().zip(0i32..) {
        let middle = ABOVE as i32 + number * LINE as i32 + LINE as i32 / 2;
        let color = if goal.is_met() { MET } else { MISSED };
        let (from, to) = (place(1.0), place(times(goal)));
        let corners = [(from.min(to), middle - 8), (from.max(to).max(from.min(to) + 1), middle + 8)];
        area.draw(&Rectangle::new(corners, color.filled())).with_context(failed)?;
        area.draw(&Text::new(goal.what.clone(), (12, middle), font(HPos::Left))).with_context(failed)?;
        let value = format!("{}{} ({})", short(goal.value()), goal.unit, goal.than());
        area.draw(&Text::new(value, (WIDTH as i32 - 12, middle), font(HPos::Right))).with_context(failed)?;
    }
    let (promised, below) = (place(1.0), height as i32 - 8);
    let line = PathElement::new([(promised, ABOVE as i32 - 4), (promised, below)], ShapeStyle::from(&BLACK));
    area.draw(&line).with_context(failed)?;
    area.present().with_context(failed)
}

/// How many times as good as promised. Less than one: as bad.
fn times(goal: &Goal) -> f64 {
    if goal.at_most { goal.limit / goal.value() } else { goal.value() / goal.limit }
}

/// Where so many times is, from the left. A quarter is where the bars begin.
fn place(times: f64) -> i32 {
    let (least, most) = (0.25_f64.log2(), MOST.log2());
    let share = (times.log2().clamp(least, most) - least) / (most - least);
    BARS.start + (share * f64::from(BARS.end - BARS.start)).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::host::Host;

    #[test]
    fn a_bar_begins_at_what_was_promised_and_never_leaves_its_room() {
        assert_eq!(place(0.0), BARS.start);
        assert_eq!(place(1e9), BARS.end);
        assert!(place(0.5) < place(1.0) && place(1.0) < place(2.0));
    }

    #[test]
    fn a_picture_has_a_line_for_every_goal() {
        let mut report = Report::new(Host::default());
        report.note(("start", "Latchkey", " ms"), 10.0);
        report.judge_alone("the first & only", ("start", "Latchkey", " ms"), (20.0, true));
        assert_eq!(times(&report.goals[0]), 2.0);
        let file = std::env::temp_dir().join(format!("latchkey-xtask-chart-{}.svg", std::process::id()));
        draw(&report, &file).unwrap();
        let drawn = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert!(
            drawn.contains("<svg")
                && drawn.contains("the first &amp; only")
                && drawn.contains("at most 20 ms")
        );
    }
}
