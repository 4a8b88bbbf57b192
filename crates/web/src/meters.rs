//! What is counted of requests, since the server started. How it is written is in `metrics.rs`.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use auth::{Counter, Histogram, Spread};
use axum::http::StatusCode;

/// Bounds of how long an answer takes, in microseconds.
const DURATIONS: &[i64] = &[1_000, 5_000, 25_000, 100_000, 500_000, 2_500_000];

/// What the first digit of a status stands for.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Every status that a proxy is answered with.
const CHECKS: [(StatusCode, &str); 8] = [
    (StatusCode::OK, "200"),
    (StatusCode::FOUND, "302"),
    (StatusCode::SEE_OTHER, "303"),
    (StatusCode::BAD_REQUEST, "400"),
    (StatusCode::UNAUTHORIZED, "401"),
    (StatusCode::FORBIDDEN, "403"),
    (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "431"),
    (StatusCode::SERVICE_UNAVAILABLE, "503"),
];

/// The counters of a site.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    checks: [Counter; CHECKS.len()],
    /// By the template of the route, of which there are as many as routes, and then by the class of the status.
    requests: RwLock<BTreeMap<String, [Option<Histogram>; CLASSES.len()]>>,
}

/// How long answers took: the template of the route, the class of the status, and the times in microseconds.
pub(crate) type Answered = Vec<(String, &'static str, Spread)>;

impl Meters {
    /// A proxy was answered. This happens before every request to every program behind it, and costs next to nothing.
    pub(crate) fn check(&self, status: StatusCode) {
        if let Some(at) = CHECKS.iter().position(|(known, _)| *known == status) {
            self.checks[at].add(1);
        }
    }

    /// How many checks were answered, by status.
    pub(crate) fn checks(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CHECKS.iter().zip(&self.checks).map(|((_, word), counter)| (*word, counter.value()))
    }

    /// A request was answered. `route` is a template, never a path, or there would be as many as there are strangers.
    pub(crate) fn answered(&self, route: &str, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1).min(CLASSES.len() - 1);
        let known = self.requests.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(Some(histogram)) = known.get(route).map(|classes| &classes[class]) {
            return histogram.took(took);
        }
        drop(known);
        let mut requests = self.requests.write().unwrap_or_else(PoisonError::into_inner);
        let classes = requests.entry(route.to_owned()).or_default();
        classes[class].get_or_insert_with(|| Histogram::new(DURATIONS)).took(took);
    }

    /// How long answers took so far.
    pub(crate) fn requests(&self) -> Answered {
        let requests = self.requests.read().unwrap_or_else(PoisonError::into_inner);
        let mut answered = Vec::new();
        for (route, classes) in requests.iter() {
            for (class, histogram) in CLASSES.iter().zip(classes) {
                answered.extend(histogram.as_ref().map(|found| (route.clone(), *class, found.spread())));
            }
        }
        answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_route_and_class() {
        let meters = Meters::default();
        for (route, status) in [("/", 200), ("/", 204), ("/", 404), ("-", 404), ("-", 999)] {
            meters.answered(route, StatusCode::from_u16(status).unwrap(), Duration::from_millis(3));
        }
        let seen: Vec<_> = meters.requests();
        let seen: Vec<_> =
            seen.iter().map(|(route, class, spread)| (route.as_str(), *class, spread.counts[1])).collect();
        assert_eq!(seen, [("-", "4xx", 1), ("-", "5xx", 1), ("/", "2xx", 2), ("/", "4xx", 1)]);
    }

    #[test]
    fn a_check_is_counted_by_its_status() {
        let meters = Meters::default();
        meters.check(StatusCode::FORBIDDEN);
        meters.check(StatusCode::IM_A_TEAPOT);
        assert_eq!(meters.checks().filter(|(_, count)| *count > 0).collect::<Vec<_>>(), [("403", 1)]);
    }
}
