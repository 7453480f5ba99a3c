//! Look-ups of host names on threads of our own.
//!
//! hyper-util's resolver takes another of tokio's blocking threads for each look-up, of which there
//! may be 512, panics if none can be made, and makes the runtime's end wait for one that hangs.

use std::{
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use huaweicloud_sms_transport::{Lookup, LookupError};
use hyper_util::client::legacy::connect::dns::Name;
use tokio::sync::oneshot;
use tower_service::Service;

#[derive(Clone, Debug, Default)]
pub(crate) struct Resolver(pub(crate) Lookup);

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = LookupError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, LookupError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), LookupError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (answer, answered) = oneshot::channel();
        // Nobody listens any more once the call was dropped.
        let pending = self.0.start(name.as_str(), move |found| drop(answer.send(found)));
        Box::pin(async move {
            // Held until the end: dropped with this future it gives the look-up up.
            let _pending = pending?;
            // The connector puts the port in.
            match answered.await {
                Ok(found) => Ok(found?.into_iter()),
                Err(lost) => Err(LookupError(std::io::Error::other(lost))),
            }
        })
    }
}
