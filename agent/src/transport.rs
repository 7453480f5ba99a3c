//! The transports of this build, behind one blocking client.

use huaweicloud_sms::{
    Settings, TransportError,
    http::{Request, Response},
};

use crate::args::Transport;

/// The transports of this build. The first one is the default.
pub(crate) const AVAILABLE: &[Transport] = &[
    #[cfg(feature = "ureq")]
    Transport::Ureq,
    #[cfg(feature = "hyper")]
    Transport::Hyper,
];

/// The client that all subcommands use, whatever its transport.
pub(crate) type Client = huaweicloud_sms::Client<Execute>;

pub(crate) type Execute =
    Box<dyn Fn(Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> + Send + Sync>;

/// A client over this transport.
pub(crate) fn client(transport: Transport, settings: Settings) -> Result<Client, String> {
    let execute: Execute = match transport {
        #[cfg(feature = "ureq")]
        Transport::Ureq => {
            use huaweicloud_sms::{Transport as _, ureq::Transport};
            let transport = Transport::new(settings).map_err(|error| error.to_string())?;
            Box::new(move |request| transport.execute(request))
        }
        #[cfg(feature = "hyper")]
        Transport::Hyper => {
            use huaweicloud_sms::{AsyncTransport as _, hyper::Transport};
            let transport = Transport::new(settings).map_err(|error| error.to_string())?;
            // hyper needs a runtime that keeps running between two calls, hence a thread of its own.
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .map_err(|error| format!("the async runtime cannot start: {error}"))?;
            Box::new(move |request| {
                let response = runtime.block_on(transport.execute(request))?;
                Ok(response.map(Vec::from))
            })
        }
        #[allow(unreachable_patterns, reason = "reached if a feature is off")]
        missing => return Err(format!("the transport {missing} is not in this build")),
    };
    Ok(Client::new(Box::new(move |request: Request<Vec<u8>>| {
        log::info!("{} {}", request.method(), request.uri());
        execute(request)
    })))
}
