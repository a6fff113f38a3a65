//! Rate limits by client.

mod table;

use std::{num::NonZeroU32, sync::Arc};

use axum::{
    http::{HeaderValue, Request, StatusCode},
    response::{IntoResponse, Response},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
};

use self::table::Table;
use super::{
    admission::Admission,
    client::{Client, ClientKey},
    problem::Problem,
};
use crate::config::{EdgeSettings, Rate, RateLimit, TrustedProxies};

type Limiter = RateLimiter<ClientKey, Table, DefaultClock, StateInformationMiddleware>;

/// Who may call how often. Cheap to clone; the clones count together.
#[derive(Clone)]
pub struct RateLimits(Option<Arc<Inner>>);

struct Inner {
    limiter: Limiter,
    clock: DefaultClock,
    proxies: TrustedProxies,
    /// Whether clients on this machine count.
    loopback: bool,
    rate: Rate,
    /// `RateLimit-Policy`, the same for all.
    policy: HeaderValue,
}

/// What is said to a client that may call.
pub(super) struct Allowed {
    /// `RateLimit`.
    left: HeaderValue,
    policy: HeaderValue,
}

impl RateLimits {
    /// By these settings.
    #[must_use]
    pub fn new(settings: &EdgeSettings) -> Self {
        let RateLimit::On { rate, loopback } = settings.rate_limit else { return Self(None) };
        // None only of a rate beyond one call a nanosecond, which no setting reaches.
        let Some(quota) = Quota::with_period(rate.window / rate.calls.get()) else { return Self(None) };
        let table = Table::new(table::MAX_CLIENTS);
        let clock = DefaultClock::default();
        let limiter = Limiter::new(quota.allow_burst(rate.burst), table, clock.clone());
        let (burst, seconds) = (rate.burst, refill_seconds(rate, rate.burst.get()));
        let policy = HeaderValue::try_from(format!("\"client\";q={burst};w={seconds}"));
        Self(Some(Arc::new(Inner {
            limiter,
            clock,
            proxies: settings.proxies.clone(),
            loopback,
            rate,
            policy: policy.unwrap_or_else(|_| HeaderValue::from_static("\"client\"")),
        })))
    }

    /// Nobody is limited.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// Counts a call. None for a client that is not limited.
    fn check<B>(&self, request: &Request<B>) -> Result<Option<Allowed>, Problem> {
        let Some(limits) = &self.0 else { return Ok(None) };
        let Some(client) = Client::of_request(request, &limits.proxies) else { return Ok(None) };
        limits.check(client)
    }
}

impl Admission for RateLimits {
    type Admitted = Option<Allowed>;

    fn admit<B>(&self, request: &Request<B>) -> Result<Self::Admitted, Box<Response>> {
        self.check(request).map_err(|problem| Box::new(problem.into_response()))
    }

    fn finish(allowed: Self::Admitted, mut response: Response) -> Response {
        if let Some(Allowed { left, policy }) = allowed {
            response.headers_mut().insert("ratelimit", left);
            response.headers_mut().insert("ratelimit-policy", policy);
        }
        response
    }
}

/// Counts calls that were refused for lack of credentials, each client's by itself. Cheap to clone.
#[derive(Clone)]
pub(super) struct RefusalRate(Arc<Limiter>);

/// Refusals of one client in a second that are answered by their reason.
const REFUSALS_PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
/// Clients whose refusals are remembered.
const MAX_REFUSED_CLIENTS: usize = 8_192;

impl RefusalRate {
    pub(super) fn new() -> Self {
        let quota = Quota::per_second(REFUSALS_PER_SECOND);
        Self(Arc::new(Limiter::new(quota, Table::new(MAX_REFUSED_CLIENTS), DefaultClock::default())))
    }

    /// Counts a refusal of this client. Returns false if it is one too many.
    pub(super) fn claim(&self, client: ClientKey) -> bool {
        self.0.check_key(&client).is_ok()
    }
}

impl Inner {
    fn check(&self, client: Client) -> Result<Option<Allowed>, Problem> {
        if !self.loopback && client.is_local {
            return Ok(None);
        }
        match self.limiter.check_key(&client.key()) {
            Ok(state) => Ok(Some(Allowed {
                left: self.left(state.remaining_burst_capacity()),
                policy: self.policy.clone(),
            })),
            Err(until) => {
                let wait = until.wait_time_from(self.clock.now());
                let seconds = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1);
                let Rate { calls, window, burst } = self.rate;
                let unit = if window.as_secs() == 1 { "second" } else { "minute" };
                let detail = format!("more than {calls} calls a {unit}, {burst} at once, from one address");
                let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).retry_after(seconds);
                Err(problem
                    .with_header("ratelimit", self.left(0))
                    .with_header("ratelimit-policy", self.policy.clone()))
            }
        }
    }

    /// `RateLimit`: calls left, and seconds until all are there again.
    fn left(&self, left: u32) -> HeaderValue {
        let seconds = refill_seconds(self.rate, self.rate.burst.get().saturating_sub(left));
        // Digits and punctuation always are a header.
        HeaderValue::try_from(format!("\"client\";r={left};t={seconds}"))
            .unwrap_or_else(|_| HeaderValue::from_static("\"client\""))
    }
}

/// Seconds until so many calls are allowed anew, rounded up.
fn refill_seconds(rate: Rate, calls: u32) -> u64 {
    (u64::from(calls) * rate.window.as_secs()).div_ceil(u64::from(rate.calls.get()))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn limits(rate: &str, loopback: bool) -> RateLimits {
        let rate_limit = RateLimit::On { rate: rate.parse().unwrap(), loopback };
        RateLimits::new(&EdgeSettings { rate_limit, ..EdgeSettings::default() })
    }

    fn call(limits: &RateLimits, from: &str) -> Result<Option<Allowed>, Problem> {
        let peer = std::net::SocketAddr::new(from.parse().unwrap(), 9);
        let mut request = Request::new(());
        request.extensions_mut().insert(crate::http::client::Peer(peer));
        limits.check(&request)
    }

    #[test]
    fn each_client_has_its_own_quota_and_is_told_what_is_left() {
        let limits = limits("1/m:3", false);
        for left in ["2;t=60", "1;t=120", "0;t=180"] {
            let allowed = call(&limits, "9.9.9.9").unwrap().unwrap();
            assert_eq!(allowed.left, format!("\"client\";r={left}"));
            assert_eq!(allowed.policy, "\"client\";q=3;w=180");
        }
        assert_eq!(call(&limits, "9.9.9.9").err().unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(call(&limits, "9.9.9.8").is_ok());
        // Of IPv6 a client has the last 64 bits for itself.
        for n in 1..4 {
            assert!(call(&limits, &format!("2001:db8::{n}")).is_ok());
        }
        assert!(call(&limits, "2001:db8::ffff:1").is_err());
        assert!(call(&limits, "2001:db8:0:1::1").is_ok());
    }

    #[test]
    fn this_machine_is_not_limited_unless_asked_for() {
        for (asked, refused) in [(false, false), (true, true)] {
            let limits = limits("1/m", asked);
            for from in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
                let _ = call(&limits, from);
                assert_eq!(call(&limits, from).is_err(), refused, "{from}");
            }
        }
    }

    #[test]
    fn refusals_are_counted_by_client() {
        let refusals = RefusalRate::new();
        let key = |text: &str| ClientKey::of(text.parse().unwrap());
        for _ in 0..REFUSALS_PER_SECOND.get() {
            assert!(refusals.claim(key("9.9.9.9")));
        }
        assert!(!refusals.claim(key("9.9.9.9")));
        assert!(refusals.claim(key("9.9.9.8")));
    }

    #[test]
    fn counting_a_call_takes_little_and_many_clients_have_a_bound() {
        let limits = limits("1000000/s", true);
        let clients = 400_000_u32;
        let begun = Instant::now();
        for n in 0..clients {
            assert!(call(&limits, &std::net::Ipv4Addr::from(n | 0x0900_0000).to_string()).is_ok());
        }
        // Generous: it is some hundred nanoseconds in a release build.
        assert!(begun.elapsed() < Duration::from_secs(60));
        let inner = limits.0.as_ref().unwrap();
        let known = inner.limiter.len();
        assert!((table::MAX_CLIENTS / 2..=table::MAX_CLIENTS).contains(&known), "{known}");
    }
}
