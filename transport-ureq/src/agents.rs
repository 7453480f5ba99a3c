//! Our agents, one for each way out: an agent has one proxy for all that it is asked for, and a
//! request that brings its own would have TLS set up anew for each connection.

use http::Uri;
use huaweicloud_sms_transport::{Lookup, Meter, ProxyUrl, Routes, Settings, SettingsError};
use ureq::{Agent, config::Config};

use crate::{connector, resolver::Names, threads::Threads, tls};

pub(crate) struct Agents {
    routes: Routes,
    direct: Agent,
    proxied: Vec<(ProxyUrl, Agent)>,
    threads: Threads,
}

impl Agents {
    pub(crate) fn new(settings: &Settings, lookup: Lookup) -> Result<Self, SettingsError> {
        let threads = Threads::new(lookup);
        let tls = tls::config(settings.get_trust())?;
        let agent = |proxy| {
            let config = Config::builder()
                .max_redirects(0)
                .http_status_as_error(false)
                .timeout_global(Some(settings.get_timeout()))
                .max_response_header_size(Settings::MAX_HEAD)
                .max_idle_age(settings.get_idle_age())
                // What the request does not have is not sent: the one who builds it knows.
                .accept("")
                .accept_encoding("")
                .user_agent("")
                .proxy(proxy)
                .tls_config(tls.clone())
                .build();
            let chain = connector::chain(threads.clone(), Meter::new(settings));
            Agent::with_parts(config, chain, Names(threads.clone()))
        };
        let routes = Routes::new(settings.get_proxy());
        let mut proxied = Vec::new();
        for url in routes.proxies() {
            let proxy = ureq::Proxy::new(url.expose())
                .map_err(|_| SettingsError::Proxy("is not understood by the HTTP client"))?;
            proxied.push((url.clone(), agent(Some(proxy))));
        }
        Ok(Self { direct: agent(None), proxied, routes, threads })
    }

    /// The agent for a request, or why its proxy can't be used.
    pub(crate) fn for_uri(&self, uri: &Uri) -> Result<&Agent, SettingsError> {
        let Some(proxy) = self.routes.proxy_for(uri)? else { return Ok(&self.direct) };
        let found = self.proxied.iter().find(|(url, _)| url == proxy);
        // Each proxy of the routes has its agent; the direct one is never a substitute.
        found.map(|(_, agent)| agent).ok_or(SettingsError::Proxy("has no agent"))
    }

    pub(crate) fn shutdown(&self) {
        self.threads.shutdown();
        for agent in self.proxied.iter().map(|(_, agent)| agent).chain([&self.direct]) {
            agent.clone().shutdown();
        }
    }
}
