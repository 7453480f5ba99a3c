use std::{env, ffi::OsString};

use http::{Uri, uri::Scheme};

use crate::{Proxy, ProxyUrl, SettingsError, addresses::target, no_proxy::NoProxy};

/// Decides which proxy a request uses.
///
/// Both adapters use it, so that settings and environment have the same effect over ureq and over hyper. It
/// reads the environment as curl does:
///
/// * For `https` it takes the first of `https_proxy`, `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY` that is not
///   empty. For `http` it takes the first of `http_proxy`, `all_proxy`, `ALL_PROXY`. It ignores `HTTP_PROXY`,
///   because under CGI a client sets that variable with the header `Proxy` ([httpoxy]). On Windows both names
///   are the same variable, so it reads neither of them if `REQUEST_METHOD` is set.
/// * A value may lack `http://`. It must name a port. curl would use 1080.
/// * Hosts of `no_proxy`, else `NO_PROXY`, use no proxy. Commas, semicolons, blanks or line breaks separate
///   the entries. `example.com`, `.example.com` and `*.example.com` are that domain with its sub-domains,
///   `10.0.0.1` is an address and `10.0.0.0/8` a range. An entry that ends with `:443` is only for that port.
///   A lone `*` is every host.
///
/// An unusable value is an error of every request to which it applies. If it were ignored, the request would
/// bypass the proxy.
///
/// [httpoxy]: https://httpoxy.org/
#[derive(Clone, Debug)]
pub struct ProxyMatcher {
    https: Found,
    http: Found,
    no_proxy: Result<NoProxy, SettingsError>,
    /// The variable that holds that list.
    no_proxy_variable: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct Found {
    proxy: Result<Option<ProxyUrl>, SettingsError>,
    variable: Option<&'static str>,
}

const HTTPS: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const HTTP: [&str; 3] = ["http_proxy", "all_proxy", "ALL_PROXY"];
const NO_PROXY: [&str; 2] = ["no_proxy", "NO_PROXY"];

impl ProxyMatcher {
    /// Reads the settings, and the environment if the settings say so. It reads the environment once.
    #[must_use]
    pub fn new(proxy: &Proxy) -> Self {
        let always = |url: Option<&ProxyUrl>| {
            let found = Found { proxy: Ok(url.cloned()), variable: None };
            let no_proxy = Ok(NoProxy::default());
            Self { https: found.clone(), http: found, no_proxy, no_proxy_variable: None }
        };
        match proxy {
            Proxy::FromEnvironment => Self::from_environment(|name| env::var_os(name)),
            Proxy::Direct => always(None),
            Proxy::Url(url) => always(Some(url)),
        }
    }

    /// Reads an environment. `get` returns the value of a variable.
    pub fn from_environment(get: impl Fn(&str) -> Option<OsString>) -> Self {
        // An empty variable counts as unset.
        let set = |name| get(name).filter(|value| !value.is_empty()).map(|value| (name, value));
        let first = |names: &[&'static str]| names.iter().copied().find_map(set);
        let variable = |names: &[&'static str]| first(names).map(|(name, _)| name);
        let text = |names: &[&'static str]| {
            let Some((variable, value)) = first(names) else { return Ok(None) };
            let problem = "is not Unicode";
            let value = value.into_string();
            let value = value.map_err(|_| SettingsError::Environment { variable, problem })?;
            Ok(Some((variable, value)))
        };
        let proxy = |names: &[&'static str]| {
            let Some((variable, value)) = text(names)? else { return Ok(None) };
            let url = if value.contains("://") { value } else { format!("http://{value}") };
            match ProxyUrl::new(&url) {
                Ok(url) => Ok(Some(url)),
                Err(SettingsError::Proxy(problem)) => {
                    Err(SettingsError::Environment { variable, problem })
                }
                Err(other) => Err(other),
            }
        };
        let no_proxy = text(&NO_PROXY).and_then(|found| {
            let (variable, list) = found.unwrap_or_default();
            NoProxy::new(&list).map_err(|problem| SettingsError::Environment { variable, problem })
        });
        // On Windows the names of variables have no case.
        let is_cgi = cfg!(windows) && get("REQUEST_METHOD").is_some();
        let http = if is_cgi { &HTTP[1..] } else { &HTTP };
        let found = |names| Found { proxy: proxy(names), variable: variable(names) };
        let no_proxy_variable = variable(&NO_PROXY);
        Self { https: found(&HTTPS), http: found(http), no_proxy, no_proxy_variable }
    }

    /// Returns the proxy of a request, or `None` if the request uses no proxy.
    ///
    /// # Errors
    /// [`SettingsError::Environment`]. The request must not be sent then.
    pub fn proxy_for(&self, uri: &Uri) -> Result<Option<&ProxyUrl>, SettingsError> {
        let found = &self.found(uri).proxy;
        if matches!(found, Ok(None)) {
            return Ok(None);
        }
        let no_proxy = self.no_proxy.as_ref().map_err(Clone::clone)?;
        let (host, port, _) = target(uri);
        if no_proxy.covers(host, port) {
            return Ok(None);
        }
        found.as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    /// Returns the variable of the environment that names the request's proxy, or whose list exempts the
    /// request from a proxy. Returns `None` if the settings decide, or if there is no proxy.
    #[must_use]
    pub fn variable_for(&self, uri: &Uri) -> Option<&'static str> {
        let found = self.found(uri);
        match self.proxy_for(uri) {
            Ok(None) if !matches!(found.proxy, Ok(None)) => self.no_proxy_variable,
            Err(SettingsError::Environment { variable, .. }) => Some(variable),
            _ => found.variable,
        }
    }

    fn found(&self, uri: &Uri) -> &Found {
        if uri.scheme() == Some(&Scheme::HTTPS) { &self.https } else { &self.http }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(variables: &[(&str, &str)]) -> ProxyMatcher {
        ProxyMatcher::from_environment(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    /// Returns the proxy of a request, if any.
    fn proxy_of(matcher: &ProxyMatcher, uri: &'static str) -> Option<String> {
        let proxy = matcher.proxy_for(&Uri::from_static(uri)).expect("usable");
        proxy.map(|proxy| proxy.expose().trim_start_matches("http://").to_owned())
    }

    #[test]
    fn takes_the_first_variable_that_is_set() {
        for (variables, https, http) in [
            (&[][..], None, None),
            (&[("https_proxy", "a:1"), ("HTTPS_PROXY", "b:1")], Some("a:1"), None),
            (&[("https_proxy", ""), ("HTTPS_PROXY", "b:1")], Some("b:1"), None),
            (&[("HTTPS_PROXY", "a:1"), ("ALL_PROXY", "b:1")], Some("a:1"), Some("b:1")),
            (&[("all_proxy", "a:1"), ("ALL_PROXY", "b:1")], Some("a:1"), Some("a:1")),
            (&[("http_proxy", "a:1"), ("ALL_PROXY", "b:1")], Some("b:1"), Some("a:1")),
            (&[("HTTP_PROXY", "a:1")], None, None),
            (&[("HTTPS_PROXY", "http://u:p@a:1/")], Some("u:p@a:1"), None),
            (&[("HTTPS_PROXY", "u:p@a:1")], Some("u:p@a:1"), None),
            (&[("ALL_PROXY", "a:1"), ("no_proxy", "h"), ("NO_PROXY", "x")], None, None),
            (&[("ALL_PROXY", "a:1"), ("NO_PROXY", "h")], None, None),
            (&[("ALL_PROXY", "a:1"), ("NO_PROXY", "h:443")], None, Some("a:1")),
            (&[("ALL_PROXY", "a:1"), ("NO_PROXY", "x;h:8080")], Some("a:1"), None),
        ] {
            let matcher = matcher(variables);
            assert_eq!(proxy_of(&matcher, "https://h/").as_deref(), https, "{variables:?}");
            assert_eq!(proxy_of(&matcher, "http://h:8080/").as_deref(), http, "{variables:?}");
        }
    }

    #[test]
    fn variable_for_names_the_variable_that_decides() {
        for (variables, variable) in [
            (&[][..], None),
            (&[("NO_PROXY", "h")], None),
            (&[("https_proxy", ""), ("HTTPS_PROXY", "a:1")], Some("HTTPS_PROXY")),
            (&[("ALL_PROXY", "a:1"), ("NO_PROXY", "x")], Some("ALL_PROXY")),
            (&[("ALL_PROXY", "a:1"), ("no_proxy", "h"), ("NO_PROXY", "x")], Some("no_proxy")),
            (&[("ALL_PROXY", "socks5://a:1")], Some("ALL_PROXY")),
            (&[("ALL_PROXY", "a:1"), ("NO_PROXY", "10.0.0.0/33")], Some("NO_PROXY")),
        ] {
            let found = matcher(variables).variable_for(&Uri::from_static("https://h/"));
            assert_eq!(found, variable, "{variables:?}");
        }
        let url = ProxyUrl::new("http://a:1").expect("valid");
        let matcher = ProxyMatcher::new(&Proxy::Url(url));
        assert_eq!(matcher.variable_for(&Uri::from_static("https://h/")), None);
    }

    #[test]
    fn a_value_that_cannot_be_used_fails_the_requests_it_applies_to() {
        let uri = Uri::from_static;
        for bad in
            ["socks5://a:1", "https://a:1", "a", "http://u:canary@a", "http://", "a:1/canary"]
        {
            let matcher = matcher(&[("HTTPS_PROXY", bad), ("ALL_PROXY", "b:1"), ("NO_PROXY", "x")]);
            let error = matcher.proxy_for(&uri("https://h/")).expect_err(bad);
            let text = error.to_string();
            assert!(text.starts_with("HTTPS_PROXY ") && !text.contains("canary"), "{text}");
            assert_eq!(proxy_of(&matcher, "http://h/").as_deref(), Some("b:1"));
            assert_eq!(proxy_of(&matcher, "https://x/"), None, "no proxy is wanted there");
        }
    }

    #[test]
    fn an_entry_of_no_proxy_that_matches_nothing_fails_the_requests_through_a_proxy() {
        let list = ("NO_PROXY", "10.0.0.0/33");
        let matcher = matcher(&[("HTTPS_PROXY", "a:1"), list]);
        let error = matcher.proxy_for(&Uri::from_static("https://h/")).expect_err("no range");
        assert!(error.to_string().starts_with("NO_PROXY has an entry"), "{error}");
        assert_eq!(proxy_of(&matcher, "http://h/"), None, "there is no proxy to pass by");
    }

    #[cfg(unix)]
    #[test]
    fn rejects_values_that_are_not_unicode() {
        use std::os::unix::ffi::OsStringExt;
        let broken = |name: &'static str| {
            ProxyMatcher::from_environment(move |asked| match asked {
                _ if asked == name => Some(OsString::from_vec(vec![0xff])),
                "ALL_PROXY" => Some("a:1".into()),
                _ => None,
            })
        };
        for name in ["HTTPS_PROXY", "NO_PROXY"] {
            let error = broken(name).proxy_for(&Uri::from_static("https://h/")).expect_err(name);
            assert_eq!(error.to_string(), format!("{name} is not Unicode"));
        }
        assert_eq!(proxy_of(&broken("HTTPS_PROXY"), "http://h/").as_deref(), Some("a:1"));
    }

    #[test]
    fn settings_override_the_environment() {
        let url = ProxyUrl::new("http://a:1").expect("valid");
        let matcher = ProxyMatcher::new(&Proxy::Url(url));
        assert_eq!(proxy_of(&matcher, "https://h/").as_deref(), Some("a:1"));
        assert_eq!(proxy_of(&matcher, "http://localhost/").as_deref(), Some("a:1"));
        let matcher = ProxyMatcher::new(&Proxy::Direct);
        assert_eq!(proxy_of(&matcher, "https://h/"), None);
    }

    #[test]
    fn debug_shows_no_password() {
        let shown = format!("{:?}", matcher(&[("ALL_PROXY", "user:canary@a:1")]));
        assert!(shown.contains("a:1") && !shown.contains("canary"), "{shown}");
    }
}
