//! Tests that a transport of a few lines works with both clients and both watches.

use std::{
    convert::Infallible,
    future::ready,
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use huaweicloud_sms::{
    Answer, AsyncClient, AsyncTransport, AuthToken, Client, Command, CommandResult, Endpoint,
    Event, ObtainCommand, Pace, ReportResult, ServerId,
    http::{Request, Response},
};

fn call() -> ObtainCommand {
    let endpoint = Endpoint::new("https://sms.example").expect("valid");
    ObtainCommand::new(&endpoint, &ServerId::new("id").expect("valid"))
}

fn report() -> ReportResult {
    let endpoint = Endpoint::new("https://sms.example").expect("valid");
    let (id, command) =
        (ServerId::new("id").expect("valid"), Command::new("START", Default::default()));
    let detail = serde_json::json!({});
    ReportResult::new(&endpoint, &id, command, CommandResult::Success, &detail).expect("valid")
}

fn token() -> AuthToken {
    AuthToken::new("t").expect("valid")
}

fn answer(request: &Request<Vec<u8>>) -> Response<&'static [u8]> {
    assert_eq!(request.headers()["x-auth-token"], "t");
    Response::new(br#"{"command_name":"START"}"#)
}

struct Mine;

impl AsyncTransport for Mine {
    type Error = Infallible;

    async fn execute(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Infallible> {
        Ok(answer(&request).map(Bytes::from_static))
    }

    fn sleep_until(&self, _: Instant) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

fn now<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[test]
fn a_closure_serves_a_client_and_a_watch() {
    let transport =
        |request: Request<Vec<u8>>| Ok::<_, Infallible>(answer(&request).map(<[u8]>::to_vec));
    let client = Client::new(transport);
    assert!(matches!(client.send(&call(), &token()), Ok(Answer::Command(_))));
    let mut watch = client.watch(call(), token(), Pace::default());
    assert!(matches!(watch.recv(), Some(Event::Answer(Answer::Command(_)))));
    client.shutdown();
    assert!(watch.recv().is_none());
}

#[test]
fn an_async_transport_serves_a_client_and_a_watch() {
    let client = AsyncClient::new(Mine);
    assert!(matches!(now(client.send(&call(), &token())), Some(Ok(Answer::Command(_)))));
    let mut watch = client.watch(call(), token(), Pace::default());
    assert!(matches!(now(watch.recv()), Some(Some(Event::Answer(Answer::Command(_))))));
    assert!(now(watch.recv()).is_none(), "it sleeps");
    assert!(watch.due() >= Instant::now() + Duration::from_secs(9));
    client.shutdown();
    assert!(matches!(now(watch.recv()), Some(None)));
}

/// A transport that counts its requests. Each response takes two polls.
struct Slow(std::sync::atomic::AtomicU32);

impl AsyncTransport for Slow {
    type Error = Infallible;

    async fn execute(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Infallible> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut is_first = true;
        std::future::poll_fn(|_| match std::mem::take(&mut is_first) {
            true => Poll::Pending,
            false => Poll::Ready(()),
        })
        .await;
        Ok(answer(&request).map(Bytes::from_static))
    }

    fn sleep_until(&self, _: Instant) -> impl Future<Output = ()> + Send {
        ready(())
    }
}

#[test]
fn a_dropped_recv_loses_nothing() {
    let client = AsyncClient::new(Slow(0.into()));
    let mut watch = client.watch(call(), token(), Pace::default());
    assert!(now(watch.recv()).is_none());
    assert!(matches!(now(watch.recv()), Some(Some(Event::Answer(_)))));
    assert_eq!(client.transport().0.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[test]
fn a_dropped_recv_loses_no_report() {
    let client = AsyncClient::new(Slow(0.into()));
    let mut watch = client.watch(call(), token(), Pace::default());
    assert!(now(watch.recv()).is_none());
    assert!(matches!(now(watch.recv()), Some(Some(Event::Answer(_)))));
    watch.report(report()).expect("none is pending");
    assert!(now(watch.recv()).is_none());
    assert_eq!(watch.pending_report(), Some(&report()));
    assert!(matches!(now(watch.recv()), Some(Some(Event::Reported))));
    assert_eq!(client.transport().0.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[test]
fn a_shutdown_wakes_each_sleeping_task_once() {
    use std::{sync::Arc, task::Wake};

    #[derive(Default)]
    struct Count(std::sync::atomic::AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    let client = AsyncClient::new(Mine);
    let count = Arc::new(Count::default());
    let waker = Arc::clone(&count).into();
    let mut watches: Vec<_> =
        (0..3).map(|_| client.watch(call(), token(), Pace::default())).collect();
    for watch in &mut watches {
        for _ in 0..10 {
            let _ = pin!(watch.recv()).poll(&mut Context::from_waker(&waker));
        }
    }
    // A dropped watch is not woken.
    watches.pop();
    client.shutdown();
    assert_eq!(count.0.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[test]
fn a_dropped_watch_does_not_hold_up_the_others() {
    let client = AsyncClient::new(Slow(0.into()));
    let mut first = client.watch(call(), token(), Pace::default());
    assert!(now(first.recv()).is_none(), "its request is under way");
    drop(first);
    let mut second = client.watch(call(), token(), Pace::default());
    assert!(now(second.recv()).is_none(), "it sends at once");
    assert!(matches!(now(second.recv()), Some(Some(Event::Answer(_)))));
    assert_eq!(client.transport().0.load(std::sync::atomic::Ordering::Relaxed), 2);
}

/// A transport whose first call never ends, and whose second call panics.
struct Faulty(std::sync::atomic::AtomicU32);

impl AsyncTransport for Faulty {
    type Error = Infallible;

    async fn execute(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Infallible> {
        match self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => std::future::pending().await,
            1 => panic!("the transport's own fault"),
            _ => Ok(answer(&request).map(Bytes::from_static)),
        }
    }

    fn sleep_until(&self, _: Instant) -> impl Future<Output = ()> + Send {
        ready(())
    }
}

#[test]
fn a_shutdown_drops_the_call_under_way() {
    struct Dropped(std::sync::mpsc::Sender<()>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }

    struct Silent(std::sync::Mutex<std::sync::mpsc::Sender<()>>);

    impl AsyncTransport for Silent {
        type Error = Infallible;

        async fn execute(&self, _: Request<Vec<u8>>) -> Result<Response<Bytes>, Infallible> {
            let _dropped = Dropped(self.0.lock().expect("not poisoned").clone());
            std::future::pending().await
        }

        fn sleep_until(&self, _: Instant) -> impl Future<Output = ()> + Send {
            std::future::pending()
        }
    }

    let (drops, dropped) = std::sync::mpsc::channel();
    let client = AsyncClient::new(Silent(drops.into()));
    let mut watch = client.watch(call(), token(), Pace::default());
    assert!(now(watch.recv()).is_none());
    assert!(dropped.try_recv().is_err(), "it is kept for the next recv");
    client.shutdown();
    assert!(matches!(now(watch.recv()), Some(None)));
    assert!(dropped.try_recv().is_ok());
}

#[test]
fn a_transport_that_panics_does_not_end_its_watch() {
    let client = AsyncClient::new(Faulty(1.into()));
    let least = Duration::from_nanos(1);
    let pace = Pace::default().with_interval(least).and_then(|pace| pace.with_call_limit(least));
    let mut watch = client.watch(call(), token(), pace.expect("valid"));
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| now(watch.recv())));
    assert!(panics.is_err());
    assert!(matches!(now(watch.recv()), Some(Some(Event::Answer(_)))));
}
