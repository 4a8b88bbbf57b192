//! The text in which Prometheus reads numbers, version 0.0.4: for each family what it means, its kind, and its samples.
//! Written by hand, since the library for it writes another one, in which the tool that judges metrics finds none of them.

use std::fmt::{Display, Write};

use auth::Spread;

/// What this text is called.
pub(crate) const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The text as it grows.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

/// A family that was begun, for its samples.
pub(crate) struct Family<'a> {
    page: &'a mut String,
    name: &'static str,
}

impl Page {
    pub(crate) fn into_text(self) -> String {
        self.0
    }

    /// A number that only grows.
    pub(crate) fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.begin(name, "counter", help)
    }

    /// A number that is what it is now.
    pub(crate) fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.begin(name, "gauge", help)
    }

    /// How values are spread.
    pub(crate) fn histogram(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.begin(name, "histogram", help)
    }

    fn begin(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Family { page: &mut self.0, name }
    }
}

impl Family<'_> {
    /// Its one sample.
    pub(crate) fn is(mut self, value: impl Display) {
        self.sample("", &[], value);
    }

    /// Its one sample, if there is one now.
    pub(crate) fn may_be(mut self, value: Option<impl Display>) {
        if let Some(value) = value {
            self.sample("", &[], value);
        }
    }

    /// A sample for each word.
    pub(crate) fn by<V: Display>(mut self, label: &str, values: impl IntoIterator<Item = (&'static str, V)>) {
        for (word, value) in values {
            self.sample("", &[(label, word)], value);
        }
    }

    /// A sample with these labels.
    pub(crate) fn with(mut self, labels: &[(&str, &str)], value: impl Display) {
        self.sample("", labels, value);
    }

    /// A spread with these labels, whose values are so many to a unit.
    pub(crate) fn spread(&mut self, labels: &[(&str, &str)], spread: &Spread, to_a_unit: f64) {
        let mut so_far = 0;
        for (at, count) in spread.counts.iter().enumerate() {
            so_far += count;
            let bound = spread.bounds.get(at).map_or("+Inf".to_owned(), |bound| in_units(*bound, to_a_unit));
            let labels: Vec<_> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
            self.sample("_bucket", &labels, so_far);
        }
        self.sample("_sum", labels, in_units(spread.sum, to_a_unit));
        self.sample("_count", labels, so_far);
    }

    fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.page, "{}{suffix}", self.name);
        for (at, (label, text)) in labels.iter().enumerate() {
            let _ = write!(self.page, "{}{label}=\"{}\"", if at == 0 { '{' } else { ',' }, escaped(text));
        }
        let _ = writeln!(self.page, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn in_units(value: i64, to_a_unit: f64) -> String {
    (value as f64 / to_a_unit).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_prometheus_reads() {
        let mut page = Page::default();
        page.counter("a_total", "Counts.").by("why", [("one", 1), ("a\"b\\c\nd", 2)]);
        page.gauge("b", "Is.").may_be(None::<u8>);
        let spread = Spread { bounds: &[-500_000, 250], counts: vec![1, 2, 3], sum: -1_250 };
        page.histogram("c_seconds", "Takes.").spread(&[("of", "x")], &spread, 1e6);
        let expected = "# HELP a_total Counts.\n# TYPE a_total counter\na_total{why=\"one\"} 1\n\
                        a_total{why=\"a\\\"b\\\\c\\nd\"} 2\n# HELP b Is.\n# TYPE b gauge\n\
                        # HELP c_seconds Takes.\n# TYPE c_seconds histogram\n\
                        c_seconds_bucket{of=\"x\",le=\"-0.5\"} 1\nc_seconds_bucket{of=\"x\",le=\"0.00025\"} 3\n\
                        c_seconds_bucket{of=\"x\",le=\"+Inf\"} 6\nc_seconds_sum{of=\"x\"} -0.00125\n\
                        c_seconds_count{of=\"x\"} 6\n";
        assert_eq!(page.into_text(), expected);
    }
}
