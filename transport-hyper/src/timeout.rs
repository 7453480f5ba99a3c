use std::{future::Future, pin::pin, task::Poll, time::Duration};

use hyper::rt::Timer;

/// A future's output, or `None` if the timer was faster.
pub(crate) async fn within<F: Future>(
    timer: &(dyn Timer + Send + Sync),
    limit: Duration,
    future: F,
) -> Option<F::Output> {
    let mut sleep = timer.sleep(limit);
    let mut future = pin!(future);
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => sleep.as_mut().poll(context).map(|()| None),
    })
    .await
}
