use std::{
    net::TcpStream,
    sync::{Arc, mpsc},
    thread,
};

use bytes::Bytes;
use http::{Request, Response};
use huaweicloud_sms_transport::{Error, Settings};
use huaweicloud_sms_transport_hyper::{HyperTransport, exchange};
use huaweicloud_sms_transport_ureq::UreqTransport;
use hyper_util::{
    client::legacy::{Client, connect::Connect},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::runtime::{Builder, Runtime};

type Answered = Result<Response<Vec<u8>>, Error>;

/// A way to carry a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// ureq.
    Ureq,
    /// hyper on tokio's multi-thread runtime.
    HyperMulti,
    /// hyper on a current-thread runtime that keeps running.
    HyperCurrent,
    /// ureq with an agent of the caller's, all at its defaults.
    UreqAgent,
    /// hyper with a client of the caller's; clear text and no proxy.
    HyperClient,
    /// hyper's bare connection, a new one for each request; clear text and no proxy.
    Exchange,
}

/// All of them.
pub const SUBJECTS: [Subject; 6] = [
    Subject::Ureq,
    Subject::HyperMulti,
    Subject::HyperCurrent,
    Subject::UreqAgent,
    Subject::HyperClient,
    Subject::Exchange,
];

/// A transport that is ready, whatever is inside.
pub struct Transport {
    execute: Box<dyn Fn(Request<Vec<u8>>) -> Answered + Send + Sync>,
}

impl Transport {
    /// Carries one request.
    ///
    /// # Errors
    /// The transport's.
    pub fn execute(&self, request: Request<Vec<u8>>) -> Answered {
        (self.execute)(request)
    }
}

impl Subject {
    /// Whether connections are made by a transport of ours: TLS, proxies, names.
    #[must_use]
    pub fn connects(self) -> bool {
        matches!(self, Self::Ureq | Self::HyperMulti | Self::HyperCurrent)
    }

    /// The name of the client, as the transports' names have it.
    #[must_use]
    pub fn client(self) -> &'static str {
        match self {
            Self::Ureq | Self::UreqAgent => "ureq",
            _ => "hyper",
        }
    }

    /// Makes a transport of this kind.
    ///
    /// # Panics
    /// If the settings are refused or there is no runtime.
    #[must_use]
    pub fn start(self, settings: Settings) -> Transport {
        let execute: Box<dyn Fn(Request<Vec<u8>>) -> Answered + Send + Sync> = match self {
            Self::Ureq => {
                let transport = UreqTransport::new(settings).expect("a transport");
                Box::new(move |request| transport.execute(request))
            }
            Self::HyperMulti => {
                let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
                let runtime = runtime.expect("a runtime");
                let transport = HyperTransport::new(settings).expect("a transport");
                Box::new(move |request| on(&runtime, transport.clone(), request))
            }
            Self::HyperCurrent => {
                let transport = HyperTransport::new(settings).expect("a transport");
                let runtime = Arc::new(
                    Builder::new_current_thread().enable_all().build().expect("a runtime"),
                );
                let driven = Arc::clone(&runtime);
                let (keep, kept) = tokio::sync::oneshot::channel::<()>();
                // Runs until `keep` is dropped with the transport.
                thread::spawn(move || driven.block_on(kept));
                Box::new(move |request| {
                    let _ = &keep;
                    on(&runtime, transport.clone(), request)
                })
            }
            Self::UreqAgent => {
                let agent = ureq::Agent::config_builder().proxy(None).build().new_agent();
                let transport = UreqTransport::with_agent(agent, settings).expect("a transport");
                Box::new(move |request| transport.execute(request))
            }
            Self::HyperClient => {
                let runtime = Runtime::new().expect("a runtime");
                let client = Client::builder(TokioExecutor::new())
                    .retry_canceled_requests(false)
                    .build_http();
                let timer = Arc::new(TokioTimer::new());
                let transport = HyperTransport::with_client(client, settings, timer);
                let transport = transport.expect("a transport");
                Box::new(move |request| on(&runtime, transport.clone(), request))
            }
            Self::Exchange => {
                let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
                let runtime = runtime.expect("a runtime");
                Box::new(move |request| runtime.block_on(bare(request, &settings)))
            }
        };
        Transport { execute }
    }
}

/// Runs the call as a task of the runtime and waits for it.
fn on<C: Connect + Clone + Send + Sync + 'static>(
    runtime: &Runtime,
    transport: HyperTransport<C>,
    request: Request<Vec<u8>>,
) -> Answered {
    let (answer, answered) = mpsc::channel();
    runtime.spawn(async move {
        // The test waits for it.
        let _ = answer.send(transport.execute(request).await);
    });
    answered.recv().expect("the call ends").map(|response| response.map(Into::into))
}

async fn bare(request: Request<Vec<u8>>, settings: &Settings) -> Answered {
    let host = request.uri().authority().expect("absolute").as_str();
    let connected = TcpStream::connect(host).and_then(|stream| {
        stream.set_nonblocking(true)?;
        tokio::net::TcpStream::from_std(stream)
    });
    let stream = connected.map_err(|error| Error::Connect { source: error.into() })?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .handshake(TokioIo::new(stream))
        .await
        .expect("a connection");
    let driver = tokio::spawn(connection);
    let response = exchange(&mut sender, request, settings, &TokioTimer::new()).await;
    driver.abort();
    response.map(|response| response.map(|body: Bytes| body.into()))
}
