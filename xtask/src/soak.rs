//! `cargo xtask soak`: half of what a release binary can do, for hours. What is asked of it is a test of the suite, which runs for
//! seconds there; here is what its samples mean, and a chart of them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use plotters::prelude::*;
use serde_json::json;

use crate::faults::{Suite, told_in};
use crate::tools;
use crate::workspace::{cargo, run as start, target};

/// How much more memory an hour may take after the first quarter, in KiB; how many bytes the log of SQLite may have.
const SLOPE: f64 = 1024.0;
const LOG: f64 = 64.0 * 1024.0 * 1024.0;
const TEST: &str = "soak::at_half_load_memory_files_and_log_stay_where_they_are";

/// What followed `cargo xtask soak`.
#[derive(Debug)]
struct Options {
    seconds: u32,
    csv: Option<PathBuf>,
    json: Option<PathBuf>,
    svg: Option<PathBuf>,
}

impl Options {
    fn parse(words: &[String]) -> Result<Options> {
        let mut options = Options { seconds: 2 * 3600, csv: None, json: None, svg: None };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            let file = match word.as_str() {
                "--hours" | "--minutes" => {
                    let each = if word == "--hours" { 3600.0 } else { 60.0 };
                    let many: f64 = value()?.parse().with_context(|| format!("{word} needs a number"))?;
                    if !(0.1..=1000.0).contains(&many) {
                        bail!("{word} is between 0.1 and 1000");
                    }
                    // Whole seconds are enough.
                    options.seconds = format!("{:.0}", many * each).parse().context("so many seconds")?;
                    continue;
                }
                "--csv" => &mut options.csv,
                "--json" => &mut options.json,
                "--svg" => &mut options.svg,
                other => bail!("{other} is not known here"),
            };
            *file = Some(value()?.into());
        }
        Ok(options)
    }
}

/// One look at the server.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sample {
    second: f64,
    kib: f64,
    files: f64,
    log: f64,
}

/// Runs it, says what came of it, and fails where something grew.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let options = Options::parse(words)?;
    tools::ensure(&tools::ALL)?;
    start(cargo().args(["build", "--locked", "--release", "-p", "latchkey"]))?;
    let suite = Suite::build(&["--test", "process"])?;
    let csv = options.csv.clone().unwrap_or(target()?.join("soak.csv"));
    println!("… {} minutes, with a look every ten seconds", options.seconds / 60);
    let variables = [
        ("LATCHKEY_TEST_PROGRAM", target()?.join("release/latchkey").into_os_string()),
        ("LATCHKEY_TEST_SOAK", options.seconds.to_string().into()),
        ("LATCHKEY_TEST_SOAK_FILE", std::path::absolute(&csv)?.into_os_string()),
    ];
    let said = suite.run("process", TEST, &variables)?;
    let samples = read(&fs::read_to_string(&csv).with_context(|| format!("reading {}", csv.display()))?)?;
    let judged = Judged::of(&samples)?;
    for (done, seen) in told_in(&said) {
        println!("done: {done}\nseen: {seen}");
    }
    println!("{}\nevery sample: {}", judged.line(), csv.display());
    if let Some(path) = &options.svg {
        draw(path, &samples)?;
    }
    if let Some(path) = &options.json {
        let value = json!({ "seconds": options.seconds, "kib_an_hour": judged.slope, "kib_at_most": judged.most,
            "files": [judged.fewest_files, judged.most_files], "wal_bytes_at_most": judged.log, "held": judged.held() });
        fs::write(path, value.to_string()).with_context(|| format!("writing {}", path.display()))?;
    }
    if judged.held() { Ok(()) } else { bail!("something grew") }
}

fn read(csv: &str) -> Result<Vec<Sample>> {
    csv.lines()
        .skip(1)
        .map(|line| {
            let numbers: Vec<f64> = line.split(',').filter_map(|field| field.parse().ok()).collect();
            match numbers[..] {
                [second, kib, files, log, ..] => Ok(Sample { second, kib, files, log }),
                _ => bail!("a sample has not enough numbers: {line}"),
            }
        })
        .collect()
}

/// What the samples after the first quarter say, in which everything is filled that is filled once.
#[derive(Debug)]
struct Judged {
    /// KiB that memory grows by in an hour.
    slope: f64,
    most: f64,
    fewest_files: f64,
    most_files: f64,
    log: f64,
}

impl Judged {
    fn of(samples: &[Sample]) -> Result<Judged> {
        let later = &samples[samples.len() / 4..];
        if later.len() < 3 {
            bail!("there are too few samples to say anything");
        }
        let most = |of: fn(&Sample) -> f64, samples: &[Sample]| samples.iter().map(of).fold(0.0, f64::max);
        Ok(Judged {
            slope: slope(later) * 3600.0,
            most: most(|sample| sample.kib, samples),
            fewest_files: later.iter().map(|sample| sample.files).fold(f64::INFINITY, f64::min),
            most_files: most(|sample| sample.files, later),
            log: most(|sample| sample.log, samples),
        })
    }

    fn held(&self) -> bool {
        // The people who ask come and go, each with a connection.
        self.slope <= SLOPE && self.log <= LOG && self.most_files <= self.fewest_files + 16.0
    }

    fn line(&self) -> String {
        format!(
            "memory: {:.1} MiB at most, and {:+.2} MiB an hour after the first quarter; open files: {} to {}; log of SQLite: {:.1} MiB \
             at most: {}",
            self.most / 1024.0,
            self.slope / 1024.0,
            self.fewest_files,
            self.most_files,
            self.log / 1024.0 / 1024.0,
            if self.held() { "held" } else { "NOT HELD" }
        )
    }
}

/// The line of least squares through the memory: KiB a second.
fn slope(samples: &[Sample]) -> f64 {
    let mean = |of: fn(&Sample) -> f64| {
        let (sum, count) =
            samples.iter().fold((0.0, 0.0), |(sum, count), sample| (sum + of(sample), count + 1.0));
        sum / count
    };
    let (second, kib) = (mean(|sample| sample.second), mean(|sample| sample.kib));
    let (above, below) = samples.iter().fold((0.0, 0.0), |(above, below), sample| {
        let off = sample.second - second;
        (above + off * (sample.kib - kib), below + off * off)
    });
    if below == 0.0 { 0.0 } else { above / below }
}

/// What a chart shows of a sample, and in which color.
type Chart = (&'static str, fn(&Sample) -> f64, RGBColor);

/// Three charts below each other, over minutes.
fn draw(path: &Path, samples: &[Sample]) -> Result<()> {
    let area = SVGBackend::new(path, (900, 720)).into_drawing_area();
    area.fill(&WHITE)?;
    let minutes = samples.last().map_or(1.0, |sample| sample.second / 60.0).max(0.1);
    let charts: [Chart; 3] = [
        ("memory, MiB", |sample| sample.kib / 1024.0, RGBColor(31, 90, 160)),
        ("open files", |sample| sample.files, RGBColor(30, 120, 70)),
        ("log of SQLite, MiB", |sample| sample.log / 1024.0 / 1024.0, RGBColor(160, 80, 20)),
    ];
    for (part, (name, of, color)) in area.split_evenly((3, 1)).iter().zip(charts) {
        let most = samples.iter().map(of).fold(0.0, f64::max).max(1.0) * 1.15;
        let mut chart = ChartBuilder::on(part)
            .caption(name, ("sans-serif", 16))
            .margin(8)
            .margin_right(24)
            .x_label_area_size(32)
            .y_label_area_size(48)
            .build_cartesian_2d(0.0..minutes, 0.0..most)?;
        let whole = |number: &f64| format!("{number:.0}");
        let mut mesh = chart.configure_mesh();
        mesh.light_line_style(TRANSPARENT).x_desc("minutes").x_label_formatter(&whole);
        mesh.y_labels(5).y_label_formatter(&whole).draw()?;
        let points: Vec<(f64, f64)> =
            samples.iter().map(|sample| (sample.second / 60.0, of(sample))).collect();
        chart.draw_series([PathElement::new(points, color.stroke_width(2))])?;
    }
    area.present().with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{Judged, Options, Sample, draw, read};

    fn samples(of: impl Fn(f64) -> f64) -> Vec<Sample> {
        (0..100)
            .map(|n| f64::from(n) * 10.0)
            .map(|second| Sample { second, kib: of(second), files: 40.0, log: 4e6 })
            .collect()
    }

    #[test]
    fn memory_that_grows_after_the_first_quarter_does_not_hold() {
        let warm =
            Judged::of(&samples(|second| if second < 200.0 { 20_000.0 + 50.0 * second } else { 30_000.0 }));
        let warm = warm.unwrap();
        assert!(warm.held() && warm.slope.abs() < 1.0, "{warm:?}");
        let leaks = Judged::of(&samples(|second| 30_000.0 + second)).unwrap();
        assert!(!leaks.held() && (3599.0..3601.0).contains(&leaks.slope), "{leaks:?}");
        assert!(Judged::of(&samples(|_| 1.0)[..3]).is_ok() && Judged::of(&[]).is_err());
    }

    #[test]
    fn files_that_stay_open_and_a_log_that_grows_do_not_hold() {
        let mut leaks = samples(|_| 1.0);
        leaks[99].files = 80.0;
        assert!(!Judged::of(&leaks).unwrap().held());
        let mut long = samples(|_| 1.0);
        long[3].log = 70e6;
        assert!(!Judged::of(&long).unwrap().held());
    }

    #[test]
    fn samples_are_read_and_drawn() {
        let all =
            read("second,resident_kib,files,wal_bytes,rows,events\n0,100,5,4096,1,2\n10,110,5,4096,,\n")
                .unwrap();
        assert_eq!(all[1], Sample { second: 10.0, kib: 110.0, files: 5.0, log: 4096.0 });
        assert!(read("x\n1,2\n").is_err());
        let path = std::env::temp_dir().join(format!("latchkey-xtask-soak-{}.svg", std::process::id()));
        draw(&path, &all).unwrap();
        let picture = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(picture.starts_with("<svg") && picture.contains("log of SQLite"), "{picture}");
    }

    #[test]
    fn hours_and_minutes_are_read_and_nonsense_is_refused() {
        let parse = |line: &str| Options::parse(&line.split(' ').map(String::from).collect::<Vec<_>>());
        assert_eq!(parse("--hours 2").unwrap().seconds, 7200);
        assert_eq!(parse("--minutes 2.5 --csv x").unwrap().seconds, 150);
        assert!(parse("--hours x").is_err() && parse("--minutes -1").is_err() && parse("--days 1").is_err());
    }
}
