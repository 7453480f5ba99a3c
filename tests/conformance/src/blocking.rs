use std::{
    sync::{Arc, mpsc},
    thread,
};

use http::{Request, Response};
use huaweicloud_sms_transport::{AsyncTransport, Transport};
use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
};

/// Makes a blocking transport of an async one. It has a tokio runtime, on which it runs the calls. The
/// runtime also runs between calls, except with [`only_during_calls`](Self::only_during_calls).
///
/// ```
/// use huaweicloud_sms_transport_conformance::{Blocking, kind, run};
/// use huaweicloud_sms_transport_hyper::HyperTransport; // In place of yours.
///
/// let start = |settings| Blocking::new(HyperTransport::new(settings).expect("valid settings"));
/// assert_eq!(run("mine", "302", start, kind).failures().count(), 0);
/// ```
pub struct Blocking<T> {
    transport: Arc<T>,
    runtime: Arc<Runtime>,
    runs_between_calls: bool,
    /// Ends the thread that drives a current-thread runtime.
    _driver: Option<oneshot::Sender<()>>,
}

impl<T> Blocking<T> {
    /// Runs the calls on a multi-thread runtime with one worker.
    ///
    /// # Panics
    /// If no runtime can be made.
    pub fn new(transport: T) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self::on(runtime.expect("a runtime"), transport)
    }

    /// Runs the calls on this multi-thread runtime.
    pub fn on(runtime: Runtime, transport: T) -> Self {
        Self {
            transport: transport.into(),
            runtime: runtime.into(),
            runs_between_calls: true,
            _driver: None,
        }
    }

    /// Runs the calls on a current-thread runtime that another thread drives.
    ///
    /// # Panics
    /// If no runtime can be made.
    pub fn on_current_thread(transport: T) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = Arc::new(runtime.expect("a runtime"));
        let driven = Arc::clone(&runtime);
        let (driver, dropped) = oneshot::channel();
        thread::spawn(move || driven.block_on(dropped));
        Self {
            transport: transport.into(),
            runtime,
            runs_between_calls: true,
            _driver: Some(driver),
        }
    }

    /// Runs the calls on a current-thread runtime that runs only during calls.
    ///
    /// # Panics
    /// If no runtime can be made.
    pub fn only_during_calls(transport: T) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        Self { runs_between_calls: false, ..Self::on(runtime.expect("a runtime"), transport) }
    }
}

impl<T: AsyncTransport + 'static> Transport for Blocking<T> {
    type Error = T::Error;

    fn execute(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, T::Error> {
        if !self.runs_between_calls {
            let response = self.runtime.block_on(self.transport.execute(request));
            return response.map(|response| response.map(Into::into));
        }
        let (sender, receiver) = mpsc::channel();
        let transport = Arc::clone(&self.transport);
        self.runtime.spawn(async move {
            // The receiver exists, because the caller's thread waits for the result.
            let _ = sender.send(transport.execute(request).await);
        });
        receiver.recv().expect("the call does not panic").map(|response| response.map(Into::into))
    }
}
