//! HTTP requests by route and status, with the time to the head of the answer.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, RwLock},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    extract::MatchedPath,
    http::{Method, Request, Response},
};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::exposition::{Exposition, Kind};

/// Upper ends of the histogram's buckets: seconds, and their text.
const BUCKETS: [(f64, &str); 14] = [
    (0.0005, "0.0005"),
    (0.001, "0.001"),
    (0.0025, "0.0025"),
    (0.005, "0.005"),
    (0.01, "0.01"),
    (0.025, "0.025"),
    (0.05, "0.05"),
    (0.1, "0.1"),
    (0.25, "0.25"),
    (0.5, "0.5"),
    (1.0, "1"),
    (2.5, "2.5"),
    (5.0, "5"),
    (10.0, "10"),
];
/// The route of whatever matches none: files and unknown paths.
const OTHER: &str = "other";

/// Counts of all routes. Cheap to clone.
#[derive(Clone, Default)]
pub struct RequestMetrics(Arc<RwLock<HashMap<String, Arc<Route>>>>);

#[derive(Default)]
struct Route(Mutex<Counts>);

/// Of one route.
#[derive(Clone, Default)]
struct Counts {
    answers: BTreeMap<(&'static str, u16), u64>,
    /// By bucket, each without those before it; the last is of what is longer than all.
    buckets: [u64; BUCKETS.len() + 1],
    total: Duration,
}

impl Route {
    fn count(&self, method: &'static str, status: u16, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BUCKETS.iter().position(|(end, _)| seconds <= *end).unwrap_or(BUCKETS.len());
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.answers.entry((method, status)).or_default() += 1;
        counts.buckets[bucket] += 1;
        counts.total += took;
    }
}

/// Methods are the caller's words: only those that are served have a name of their own.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

impl RequestMetrics {
    /// A layer that counts what passes. It belongs on the router, whose routes then have names; these are as many as the
    /// router has routes, whatever is asked.
    #[must_use]
    pub fn layer(&self) -> Timing {
        Timing(self.clone())
    }

    fn route(&self, name: &str) -> Arc<Route> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        known.unwrap_or_else(|| {
            let mut routes = self.0.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(routes.entry(name.to_owned()).or_default())
        })
    }

    pub(super) fn write(&self, out: &mut Exposition) {
        let mut routes: Vec<(String, Counts)> = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(name, route)| {
                (name.clone(), route.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
            })
            .collect();
        routes.sort_by(|a, b| a.0.cmp(&b.0));
        let mut family = out.family("tidemark_http_requests_total", Kind::Counter, "Requests answered.");
        for (name, counts) in &routes {
            for ((method, status), count) in &counts.answers {
                let status = status.to_string();
                family.sample(&[("method", method), ("route", name), ("status", &status)], *count);
            }
        }
        let help = "Time from the request to the head of its answer.";
        let mut family = out.family("tidemark_http_request_duration_seconds", Kind::Histogram, help);
        for (name, counts) in &routes {
            let mut below = 0;
            for ((_, end), count) in BUCKETS.iter().zip(&counts.buckets) {
                below += count;
                family.part("_bucket", &[("route", name), ("le", end)], below);
            }
            let all: u64 = counts.buckets.iter().sum();
            family.part("_bucket", &[("route", name), ("le", "+Inf")], all);
            family.part("_sum", &[("route", name)], counts.total.as_secs_f64());
            family.part("_count", &[("route", name)], all);
        }
    }
}

/// See [`RequestMetrics::layer`].
#[derive(Clone)]
pub struct Timing(RequestMetrics);

impl<S> Layer<S> for Timing {
    type Service = Timed<S>;

    fn layer(&self, inner: S) -> Timed<S> {
        Timed { inner, metrics: self.0.clone() }
    }
}

/// A service whose requests are counted.
#[derive(Clone)]
pub struct Timed<S> {
    inner: S,
    metrics: RequestMetrics,
}

impl<S, B, R> Service<Request<B>> for Timed<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = TimedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let name = request.extensions().get::<MatchedPath>().map_or(OTHER, MatchedPath::as_str);
        let route = self.metrics.route(name);
        let method = word(request.method());
        TimedFuture { answer: self.inner.call(request), route, method, begun: Instant::now() }
    }
}

pin_project! {
    /// An answer under way. One that is given up is not counted.
    pub struct TimedFuture<F> {
        #[pin]
        answer: F,
        route: Arc<Route>,
        method: &'static str,
        begun: Instant,
    }
}

impl<F, R, E> Future for TimedFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let answer = std::task::ready!(this.answer.poll(cx));
        if let Ok(response) = &answer {
            this.route.count(this.method, response.status().as_u16(), this.begun.elapsed());
        }
        Poll::Ready(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up() {
        let metrics = RequestMetrics::default();
        let route = metrics.route("/x");
        for millis in [0, 1, 30, 60_000] {
            route.count("GET", 200, Duration::from_millis(millis));
        }
        route.count("GET", 404, Duration::ZERO);
        let mut out = Exposition::default();
        metrics.write(&mut out);
        let text = out.finish();
        for line in [
            "tidemark_http_requests_total{method=\"GET\",route=\"/x\",status=\"200\"} 4",
            "tidemark_http_requests_total{method=\"GET\",route=\"/x\",status=\"404\"} 1",
            "tidemark_http_request_duration_seconds_bucket{route=\"/x\",le=\"0.0005\"} 2",
            "tidemark_http_request_duration_seconds_bucket{route=\"/x\",le=\"0.001\"} 3",
            "tidemark_http_request_duration_seconds_bucket{route=\"/x\",le=\"0.05\"} 4",
            "tidemark_http_request_duration_seconds_bucket{route=\"/x\",le=\"10\"} 4",
            "tidemark_http_request_duration_seconds_bucket{route=\"/x\",le=\"+Inf\"} 5",
            "tidemark_http_request_duration_seconds_sum{route=\"/x\"} 60.031",
            "tidemark_http_request_duration_seconds_count{route=\"/x\"} 5",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }
}
