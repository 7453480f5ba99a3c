use std::{future::Future, pin::Pin, task::Poll, time::Duration};

use hyper::rt::Timer;

/// A future's output, or `None` if the timer was faster. It comes pinned: a call's future is large,
/// and moving it in here would copy it twice.
pub(crate) async fn within<F: Future>(
    timer: &(dyn Timer + Send + Sync),
    limit: Duration,
    mut future: Pin<&mut F>,
) -> Option<F::Output> {
    let mut sleep = timer.sleep(limit);
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => sleep.as_mut().poll(context).map(|()| None),
    })
    .await
}
