//! Checks the route to a host (name, proxy, TCP and TLS) by the transport's events and its error.

use std::net::IpAddr;

use huaweicloud_sms::{Proxy, ProxyMatcher, ProxyUrl, Settings, http::Uri};

use super::{check::Check, diagnosis::Diagnosis, sent::Sent, step::Step, tls};
use crate::{failure::Failure, transport::address};

/// The rules that choose the proxy of a request.
pub(super) struct Route {
    matcher: ProxyMatcher,
    proxy: Proxy,
}

impl Route {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { matcher: ProxyMatcher::new(settings.proxy()), proxy: settings.proxy().clone() }
    }

    pub(super) fn proxy_for(&self, uri: &Uri) -> Option<&ProxyUrl> {
        self.matcher.proxy_for(uri).ok().flatten()
    }

    /// Returns the step of the route at which a request failed, if it failed there.
    pub(super) fn failed_step<T>(&self, sent: &Sent<T>) -> Option<Step> {
        sent.failed_step(self.proxy_for(&sent.uri).is_some())
    }

    /// Adds the checks of the route of a request. `ca_cert` is the file that replaces the system's trust store.
    pub(super) fn check<T>(
        &self,
        diagnosis: &mut Diagnosis,
        sent: &Sent<T>,
        ca_cert: Option<&str>,
    ) {
        let failed = self.failed_step(sent);
        // The request failed before the transport began to connect.
        if sent.trail.is_empty() && failed.is_none() {
            return;
        }
        let failure = |step| sent.failure().filter(|_| failed == Some(step));
        let checks = [
            (Step::Name, self.name(sent, failure(Step::Name))),
            (Step::Proxy, self.proxy(sent, failure(Step::Proxy))),
            (Step::Tcp, self.tcp(sent, failure(Step::Tcp))),
            (Step::Tls, tls::check(sent, failure(Step::Tls), ca_cert)),
        ];
        for (step, check) in checks {
            if let Some(check) = check {
                diagnosis.add(step, check);
            }
        }
    }

    fn name<T>(&self, sent: &Sent<T>, failure: Option<&Failure>) -> Option<Check> {
        let proxy = self.proxy_for(&sent.uri);
        if let Some(failure) = failure {
            return Some(fail(peer(&sent.uri, proxy), failure).within(sent.since_last(sent.ended)));
        }
        let (at, addresses) = sent.trail.looked_up.as_ref()?;
        let host = proxy.map_or(sent.uri.host().unwrap_or_default(), ProxyUrl::host);
        let peer = peer(&sent.uri, proxy);
        let found = if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            format!("{peer} is an address")
        } else {
            let addresses: Vec<_> =
                addresses.iter().map(|address| address.ip().to_string()).collect();
            format!("{peer}: {}", addresses.join(", "))
        };
        Some(Check::ok(found).within(sent.since_last(*at)))
    }

    /// Returns `None` if the proxy could not even be looked up.
    fn proxy<T>(&self, sent: &Sent<T>, failure: Option<&Failure>) -> Option<Check> {
        if sent.trail.is_empty() && failure.is_none() {
            return None;
        }
        let proxy = self.proxy_for(&sent.uri);
        let found = self.proxy_found(&sent.uri, proxy);
        Some(match failure {
            Some(failure) => {
                let tried = tried(sent).map(|tried| format!("; {tried}")).unwrap_or_default();
                fail(format!("{found}{tried}"), failure).within(sent.since_last(sent.ended))
            }
            None if proxy.is_some() => {
                let at = sent.trail.tunnelled.unwrap_or(sent.ended);
                let target = address(&sent.uri);
                Check::ok(format!("{found}, opened a tunnel to {target}"))
                    .within(sent.since_last(at))
            }
            None => Check::ok(found),
        })
    }

    fn tcp<T>(&self, sent: &Sent<T>, failure: Option<&Failure>) -> Option<Check> {
        if let Some(failure) = failure {
            let found = tried(sent).unwrap_or_else(|| address(&sent.uri));
            return Some(fail(found, failure).within(sent.since_last(sent.ended)));
        }
        let (at, reached) = sent.trail.connected?;
        let to_proxy = if self.proxy_for(&sent.uri).is_some() { " (the proxy)" } else { "" };
        let found = format!("reached {reached}{to_proxy}");
        let check = match tried(sent) {
            Some(tried) => Check::warn(
                found,
                format!("other addresses were tried first: {tried}"),
                "have the network reach these addresses, or remove them from the name: each \
                 connection tries them first",
            ),
            None => Check::ok(found),
        };
        Some(check.within(sent.since_last(at)))
    }

    /// Describes the proxy and the option or variable that names it.
    fn proxy_found(&self, uri: &Uri, proxy: Option<&ProxyUrl>) -> String {
        let from = match (self.matcher.variable_for(uri), &self.proxy) {
            (Some(variable), _) => variable,
            (None, Proxy::Url(_)) => "--proxy",
            (None, Proxy::Direct) => "--no-proxy",
            (None, _) => "no variable of the environment names one",
        };
        match (proxy, self.matcher.proxy_for(uri)) {
            (Some(proxy), _) => format!("{}:{} ({from})", proxy.host(), proxy.port()),
            (None, Ok(_)) => format!("none for {} ({from})", uri.host().unwrap_or_default()),
            (None, Err(_)) => from.into(),
        }
    }
}

/// Makes a failed check of a transport's failure, with its own message.
pub(super) fn fail(found: impl Into<String>, failure: &Failure) -> Check {
    let wait = failure.response().and_then(|response| response.retry_after());
    let wait = wait.map(|wait| format!("; it asks to wait {} s (Retry-After)", wait.as_secs()));
    let reason = with_causes(&failure.message(), failure) + &wait.unwrap_or_default();
    Check::fail(found, reason, failure.advice().unwrap_or_default())
}

/// Appends the messages of the HTTP client to a reason.
pub(super) fn with_causes(reason: &str, failure: &Failure) -> String {
    let causes = failure.causes().join(": ");
    if causes.is_empty() { reason.into() } else { format!("{reason} ({causes})") }
}

/// Returns the host whose name is looked up.
fn peer(uri: &Uri, proxy: Option<&ProxyUrl>) -> String {
    match proxy {
        Some(proxy) => format!("{} (the proxy)", proxy.host()),
        None => uri.host().unwrap_or_default().to_owned(),
    }
}

/// Describes the addresses that failed, with the reasons.
fn tried<T>(sent: &Sent<T>) -> Option<String> {
    let tried: Vec<_> =
        sent.trail.tried().iter().map(|(address, why)| format!("{address}: {why}")).collect();
    (!tried.is_empty()).then(|| tried.join(", "))
}
