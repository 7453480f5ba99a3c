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
use hyper_util::rt::{TokioIo, TokioTimer};
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
    /// hyper's bare connection, a new one for each request; clear text and no proxy.
    Exchange,
}

/// All of them.
pub const SUBJECTS: [Subject; 4] =
    [Subject::Ureq, Subject::HyperMulti, Subject::HyperCurrent, Subject::Exchange];

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
fn on(runtime: &Runtime, transport: HyperTransport, request: Request<Vec<u8>>) -> Answered {
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
        .max_headers(128)
        .handshake(TokioIo::new(stream))
        .await
        .expect("a connection");
    let driver = tokio::spawn(connection);
    let response = exchange(&mut sender, request, settings, &TokioTimer::new()).await;
    driver.abort();
    response.map(|response| response.map(|body: Bytes| body.into()))
}
