//! How connections are made: TCP, a proxy's tunnel, TLS, and a limit over all of it.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Uri, uri::Scheme};
use huaweicloud_sms_transport::{ConnectTimeout, Meter, Routes, Settings, SettingsError};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::{
    SharedTimer,
    connecting::Connecting,
    metered::Metered,
    resolver::Resolver,
    timeout, tls,
    tunnel::{self, ProxyError},
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;
type Tcp = TokioIo<TcpStream>;

/// The connector of [`HyperTransport::new`](crate::HyperTransport::new).
#[derive(Clone)]
pub struct Connector {
    https: HttpsConnector<Route>,
    timer: SharedTimer,
    limit: Duration,
    meter: Meter,
    connecting: Connecting,
}

impl Connector {
    pub(crate) fn new(
        settings: &Settings,
        timer: SharedTimer,
        resolver: Resolver,
    ) -> Result<Self, SettingsError> {
        let mut http = HttpConnector::new_with_resolver(resolver);
        http.enforce_http(false);
        http.set_nodelay(true);
        // Shared among the addresses of a host, so that a dead one does not take all the time. A bit
        // more than our own limit, which is to be the one that ends a connect to a single one.
        let limit = settings.get_timeout();
        http.set_connect_timeout(Some(limit + limit / 8));
        let routes = Arc::new(Routes::new(settings.get_proxy()));
        let route = Route { http, routes };
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls::config(settings.get_trust())?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(route);
        let (limit, meter) = (settings.get_timeout(), Meter::new(settings));
        Ok(Self { https, timer, limit, meter, connecting: Connecting::default() })
    }

    /// The calls that it is making a connection for.
    pub(crate) fn connecting(&self) -> Connecting {
        self.connecting.clone()
    }
}

impl Service<Uri> for Connector {
    type Response = Metered<MaybeHttpsStream<Tcp>>;
    type Error = BoxError;
    type Future = BoxFuture<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.https.call(uri);
        // A connect that lost the race against a connection becoming free goes on in the
        // background; the limit ends that too.
        let (timer, limit, meter) = (Arc::clone(&self.timer), self.limit, self.meter);
        let begun = self.connecting.begin();
        Box::pin(async move {
            let connecting = async { connecting.await.map(|stream| Metered::new(stream, meter)) };
            let late = || Err(ConnectTimeout.into());
            let connected = timeout::within_or(&*timer, limit, pin!(connecting), late).await;
            drop(begun);
            connected
        })
    }
}

/// Straight to the host, or through a proxy's tunnel.
#[derive(Clone)]
struct Route {
    http: HttpConnector<Resolver>,
    routes: Arc<Routes>,
}

impl Service<Uri> for Route {
    type Response = Tcp;
    type Error = BoxError;
    type Future = BoxFuture<Tcp>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.http.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let proxy = match self.routes.proxy_for(&uri) {
            Ok(Some(proxy)) => proxy,
            Ok(None) => {
                let connecting = self.http.call(uri);
                return Box::pin(async move { Ok(connecting.await?) });
            }
            Err(error) => return Box::pin(async { Err(ProxyError::from(error).into()) }),
        };
        let Ok(origin) = proxy.origin().parse() else {
            let error = SettingsError::Proxy("is not understood by the HTTP client");
            return Box::pin(async { Err(ProxyError::from(error).into()) });
        };
        let auth = proxy.basic_auth();
        // A proxy that can't be reached is no different from a service that can't.
        let connecting = self.http.call(origin);
        Box::pin(async move {
            let stream = connecting.await?;
            let host = uri.host().unwrap_or_default();
            tunnel::open(stream.inner(), host, port(&uri), auth.as_deref()).await?;
            Ok(stream)
        })
    }
}

fn port(uri: &Uri) -> u16 {
    let default = if uri.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 };
    uri.port_u16().unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use huaweicloud_sms_simulator::{Script, Simulator, Step};
    use huaweicloud_sms_transport::{Proxy, Trust, find};
    use hyper_util::rt::TokioTimer;

    use super::*;

    /// Nobody is left to give it up when it goes on in the background.
    #[test]
    fn connecting_has_a_limit_of_its_own() {
        let script = Script::new().on_accept([Step::Hold]);
        let service = Simulator::builder().tls().script(script).start().expect("started");
        let trust = Trust::Pem(service.ca_pem().expect("a CA").into());
        let settings = Settings::default().proxy(Proxy::None).trust(trust);
        let settings = settings.timeout(Duration::from_millis(100));
        let timer: SharedTimer = Arc::new(TokioTimer::new());
        let connector = Connector::new(&settings, timer, Resolver::default());
        let mut connector = connector.expect("a connector");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let connecting = async { connector.call(service.url().parse()?).await.map(drop) };
        let error = runtime.expect("a runtime").block_on(connecting).expect_err("silence");
        assert!(find::<ConnectTimeout>(error.as_ref()).is_some(), "{error:?}");
        assert!(service.wait_until_gone(Duration::from_secs(60)), "the connection was kept");
    }
}
