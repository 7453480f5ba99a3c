//! Reads the options of a call.

use std::fmt::Display;

use huaweicloud_sms::{Endpoint, Proxy, ProxyUrl, RootCerts, ServerId, Settings};

use crate::{
    args::{Call, Connection},
    file,
};

/// Returns the service and the source server.
pub(crate) fn target(args: &Call) -> Result<(Endpoint, ServerId), String> {
    let endpoint = endpoint(&args.endpoint, args.connection.allow_http)?;
    let server_id = args.server_id.parse().map_err(|error| format!("{error}"))?;
    Ok((endpoint, server_id))
}

/// Reads an address. An address without a scheme, as the SMS console shows it, counts as `https://`. The SDKs
/// read it so, too.
pub(crate) fn endpoint(text: &str, allow_http: bool) -> Result<Endpoint, String> {
    let is_bare = !text.is_empty() && !text.contains("://");
    let with_scheme = is_bare.then(|| format!("https://{text}"));
    let text = with_scheme.as_deref().unwrap_or(text);
    let is_http = text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://"));
    let endpoint =
        if is_http && allow_http { Endpoint::cleartext(text) } else { Endpoint::new(text) };
    endpoint.map_err(|error| match is_http && !allow_http {
        true => format!("{error}; --allow-http accepts that"),
        false => error.to_string(),
    })
}

pub(crate) fn settings(args: &Connection) -> Result<Settings, String> {
    let mut settings = Settings::default()
        .with_timeout(args.timeout)
        .with_connect_timeout(args.connect_timeout)
        .with_max_body(args.max_body);
    if let Some(path) = &args.ca_cert {
        // A trust store takes a few hundred KiB.
        let pem = file::read("the CA file", path, 4 * 1024 * 1024)?;
        let root_certs = RootCerts::Pem(pem);
        let of_file = |problem: &dyn Display| format!("the CA file {}: {problem}", path.display());
        for skipped in root_certs.check().map_err(|error| of_file(&error))? {
            log::warn!("{}; it is skipped", of_file(&skipped));
        }
        settings = settings.with_root_certs(root_certs);
    }
    if let Some(url) = &args.proxy {
        let url = ProxyUrl::new(url).map_err(|error| error.to_string())?;
        if url.has_user_info() {
            return Err("a proxy's password must not be on the command line, where every user of \
                        this machine can read it: set HTTPS_PROXY instead of --proxy"
                .into());
        }
        settings = settings.with_proxy(Proxy::Url(url));
    } else if args.no_proxy {
        settings = settings.with_proxy(Proxy::Direct);
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_scheme_is_https() {
        for (text, expected) in [
            ("sms.example", "https://sms.example"),
            ("sms.example:8443/base/", "https://sms.example:8443/base"),
            ("[::1]:8443", "https://[::1]:8443"),
            ("https://sms.example", "https://sms.example"),
            ("HTTPS://sms.example", "https://sms.example"),
        ] {
            for allow_http in [false, true] {
                let endpoint = endpoint(text, allow_http).expect("valid");
                assert_eq!(endpoint.as_str(), expected);
            }
        }
        for wrong in [
            "",
            "/base",
            "//sms.example",
            "http:sms.example",
            "https:/sms.example",
            "user@h",
            "\"h\"",
            "ftp://h",
        ] {
            endpoint(wrong, true).expect_err(wrong);
        }
    }
}
