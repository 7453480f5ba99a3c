//! The way to a host: name, proxy, TCP and TLS, by what the transport told and its error.

use std::net::IpAddr;

use huaweicloud_sms::{Proxy, ProxyMatcher, ProxyUrl, Settings, http::Uri};

use super::{check::Check, diagnosis::Diagnosis, sent::Sent, step::Step, tls};
use crate::{failure::Failure, transport::address};

/// Which proxy a request uses, and why.
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

    /// The part of the way at which a request failed, if it did there.
    pub(super) fn failed_step<T>(&self, sent: &Sent<T>) -> Option<Step> {
        sent.failed_step(self.proxy_for(&sent.uri).is_some())
    }

    /// Adds what is known of the way of a request. `ca_cert` is the file that replaces the system's trust
    /// store.
    pub(super) fn check<T>(
        &self,
        diagnosis: &mut Diagnosis,
        sent: &Sent<T>,
        ca_cert: Option<&str>,
    ) {
        let failed = self.failed_step(sent);
        // It failed before a connection was begun.
        if sent.trail.is_empty() && failed.is_none() {
            return;
        }
        let proxy = self.proxy_for(&sent.uri);
        let failure = |step| sent.failure().filter(|_| failed == Some(step));
        let time = |end| sent.trail.since_last(sent.started, end);

        match (&sent.trail.looked_up, failure(Step::Name)) {
            (_, Some(failure)) => {
                let check = fail(peer(&sent.uri, proxy), failure);
                diagnosis.add(Step::Name, check.within(time(sent.ended)));
            }
            (Some((at, addresses)), None) => {
                let addresses: Vec<_> = addresses.iter().map(|address| address.ip()).collect();
                diagnosis.add(Step::Name, name(&sent.uri, proxy, &addresses).within(time(*at)));
            }
            (None, None) => {}
        }

        // A proxy that could not even be looked up was not tried.
        if failed != Some(Step::Name) {
            let found = self.proxy_found(&sent.uri, proxy);
            let check = match (failure(Step::Proxy), proxy) {
                (Some(failure), _) => {
                    let tried = tried(sent).map(|tried| format!("{found}; {tried}"));
                    fail(tried.unwrap_or(found), failure).within(time(sent.ended))
                }
                (None, Some(_)) => {
                    let at = sent.trail.tunnelled.unwrap_or(sent.ended);
                    let target = address(&sent.uri);
                    Check::ok(format!("{found}, opened a tunnel to {target}")).within(time(at))
                }
                (None, None) => Check::ok(found),
            };
            diagnosis.add(Step::Proxy, check);
        }

        match (sent.trail.connected, failure(Step::Tcp)) {
            (_, Some(failure)) => {
                let found = tried(sent).unwrap_or_else(|| address(&sent.uri));
                diagnosis.add(Step::Tcp, fail(found, failure).within(time(sent.ended)));
            }
            (Some((at, reached)), None) => {
                let to_proxy = if proxy.is_some() { " (the proxy)" } else { "" };
                let found = format!("reached {reached}{to_proxy}");
                let check = match tried(sent) {
                    Some(tried) => Check::warn(
                        found,
                        format!("other addresses were tried first: {tried}"),
                        "have the network reach these addresses, or remove them from the name: \
                         each connection tries them first",
                    ),
                    None => Check::ok(found),
                };
                diagnosis.add(Step::Tcp, check.within(time(at)));
            }
            (None, None) => {}
        }

        tls::check(diagnosis, sent, failure(Step::Tls), ca_cert);
    }

    /// Which proxy, and what says so.
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

/// A failure of the transport, in its own words.
pub(super) fn fail(found: impl Into<String>, failure: &Failure) -> Check {
    let causes = failure.causes().join(": ");
    let cause = if causes.is_empty() { String::new() } else { format!(" ({causes})") };
    let wait = failure.response().and_then(|response| response.retry_after());
    let wait = wait.map(|wait| format!("; it asks to wait {} s (Retry-After)", wait.as_secs()));
    let reason = format!("{}{cause}{}", failure.message(), wait.unwrap_or_default());
    Check::fail(found, reason, failure.advice().unwrap_or_default())
}

/// The host whose name is looked up.
fn peer(uri: &Uri, proxy: Option<&ProxyUrl>) -> String {
    match proxy {
        Some(proxy) => format!("{} (the proxy)", proxy.host()),
        None => uri.host().unwrap_or_default().to_owned(),
    }
}

fn name(uri: &Uri, proxy: Option<&ProxyUrl>, addresses: &[IpAddr]) -> Check {
    let host = proxy.map_or(uri.host().unwrap_or_default(), ProxyUrl::host);
    let peer = peer(uri, proxy);
    if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Check::ok(format!("{peer} is an address"));
    }
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    Check::ok(format!("{peer}: {}", addresses.join(", ")))
}

/// The addresses that were tried in vain, and why.
fn tried<T>(sent: &Sent<T>) -> Option<String> {
    let tried: Vec<_> =
        sent.trail.tried().iter().map(|(address, why)| format!("{address}: {why}")).collect();
    (!tried.is_empty()).then(|| tried.join(", "))
}
