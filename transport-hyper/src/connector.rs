//! How connections are made: TCP, a proxy's tunnel, TLS, and a limit over all of it.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Uri, uri::Scheme};
use huaweicloud_sms_transport::{LookupError, Proxy, Settings, SettingsError, find};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{
    client::{
        legacy::connect::{HttpConnector, proxy::Tunnel},
        proxy::matcher::Matcher,
    },
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::{SharedTimer, resolver::Resolver, timeout, tls};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;
type Tcp = TokioIo<TcpStream>;

/// The connector of [`HyperTransport::new`](crate::HyperTransport::new).
#[derive(Clone)]
pub struct Connector {
    https: HttpsConnector<Route>,
    timer: SharedTimer,
    limit: Duration,
}

/// The connection was not made in time. A connect that lost the race against a connection becoming
/// free goes on in the background; this ends it too.
#[derive(Debug)]
pub(crate) struct ConnectTimeout;

/// The proxy did not open a tunnel.
#[derive(Debug)]
pub(crate) struct ProxyError(BoxError);

impl Connector {
    pub(crate) fn new(settings: &Settings, timer: SharedTimer) -> Result<Self, SettingsError> {
        let mut http = HttpConnector::new_with_resolver(Resolver::default());
        http.enforce_http(false);
        http.set_nodelay(true);
        let proxy = match settings.get_proxy() {
            Proxy::None => None,
            Proxy::Url(url) => {
                let matcher = Matcher::builder().all(url.expose()).build();
                // An address that it cannot read means "no proxy" to it.
                if matcher.intercept(&Uri::from_static("http://host/")).is_none() {
                    return Err(SettingsError::Proxy("is not understood by the HTTP client"));
                }
                Some(matcher)
            }
            _ => Some(Matcher::from_env()),
        };
        let route = Route { http, proxy: proxy.map(Arc::new) };
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls::config(settings.get_trust())?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(route);
        Ok(Self { https, timer, limit: settings.get_timeout() })
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Tcp>;
    type Error = BoxError;
    type Future = BoxFuture<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.https.call(uri);
        let (timer, limit) = (Arc::clone(&self.timer), self.limit);
        Box::pin(async move {
            let connected = timeout::within(&*timer, limit, connecting).await;
            connected.unwrap_or_else(|| Err(ConnectTimeout.into()))
        })
    }
}

/// Straight to the host, or through a proxy's tunnel.
#[derive(Clone)]
struct Route {
    http: HttpConnector<Resolver>,
    proxy: Option<Arc<Matcher>>,
}

impl Service<Uri> for Route {
    type Response = Tcp;
    type Error = BoxError;
    type Future = BoxFuture<Tcp>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.http.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Some(proxy) = self.proxy.as_ref().and_then(|proxy| proxy.intercept(&uri)) else {
            let connecting = self.http.call(uri);
            return Box::pin(async move { Ok(connecting.await?) });
        };
        if proxy.uri().scheme() != Some(&Scheme::HTTP) {
            return Box::pin(async { Err(ProxyError("not an http:// proxy".into()).into()) });
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.http.clone());
        if let Some(auth) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(auth.clone());
        }
        let tunneling = tunnel.call(with_port(uri));
        Box::pin(async move {
            tunneling.await.map_err(|error| {
                let error = BoxError::from(error);
                // A proxy that can't be reached is no different from a service that can't.
                let is_unreachable = find::<std::io::Error>(error.as_ref()).is_some()
                    || find::<LookupError>(error.as_ref()).is_some();
                if is_unreachable { error } else { ProxyError(error).into() }
            })
        })
    }
}

/// A tunnel goes to port 443 unless told otherwise, also for `http`.
fn with_port(uri: Uri) -> Uri {
    let host = uri.host().filter(|_| uri.port().is_none() && uri.scheme() == Some(&Scheme::HTTP));
    let with_port = host.and_then(|host| format!("http://{host}:80").parse().ok());
    with_port.unwrap_or(uri)
}

impl ProxyError {
    /// hyper-util tells one status, and that in words only.
    pub(crate) fn status(&self) -> Option<u16> {
        self.0.to_string().contains("authorization required").then_some(407)
    }
}

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connecting took too long")
    }
}

impl std::error::Error for ConnectTimeout {}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ProxyError {}
