//! Look-ups of host names, bounded in number.
//!
//! hyper-util's own resolver takes another of tokio's blocking threads for each look-up, of which
//! there may be 512: with a resolver that hangs, each call would leave one behind.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    vec,
};

use huaweicloud_sms_transport::LookupError;
use hyper_util::client::legacy::connect::dns::Name;
use tokio::{sync::Semaphore, task::spawn_blocking};
use tower_service::Service;

/// How many look-ups run at once, which is how many threads hang at most.
const MAX_LOOK_UPS: usize = 4;

#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    permits: Arc<Semaphore>,
}

impl Default for Resolver {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(MAX_LOOK_UPS)) }
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = LookupError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, LookupError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), LookupError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let permits = Arc::clone(&self.permits);
        Box::pin(async move {
            let failed = |error| LookupError(io::Error::other(error));
            let permit =
                permits.acquire_owned().await.map_err(|error| failed(error.to_string()))?;
            let look_up = spawn_blocking(move || {
                // The thread holds it, not the call, which may have ended long before.
                let _permit = permit;
                // The connector puts the port in.
                (name.as_str(), 0).to_socket_addrs()
            });
            match look_up.await {
                Ok(addresses) => addresses.map_err(LookupError),
                Err(error) => Err(failed(error.to_string())),
            }
        })
    }
}
