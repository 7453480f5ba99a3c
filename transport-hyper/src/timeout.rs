use std::{future::Future, pin::Pin, task::Poll, time::Duration};

use hyper::rt::Timer;

/// A future's output, or what `late` says if the timer was faster; the future is still there then.
/// It comes pinned: a call's future is large, and moving it in here would copy it twice.
pub(crate) async fn within_or<F: Future>(
    timer: &(dyn Timer + Send + Sync),
    limit: Duration,
    mut future: Pin<&mut F>,
    late: impl FnOnce() -> F::Output,
) -> F::Output {
    let mut sleep = timer.sleep(limit);
    let output = std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => sleep.as_mut().poll(context).map(|()| None),
    });
    output.await.unwrap_or_else(late)
}
