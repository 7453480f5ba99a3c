use huaweicloud_sms_transport::{Settings, Transport, TransportError};
use huaweicloud_sms_transport_hyper::HyperTransport;
use huaweicloud_sms_transport_ureq::UreqTransport;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::runtime::Runtime;

use crate::Blocking;

/// One of our adapters, in one of the ways to run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    /// ureq.
    Ureq,
    /// hyper on tokio's multi-thread runtime.
    HyperMulti,
    /// hyper on a current-thread runtime that keeps running.
    HyperCurrent,
    /// hyper on a current-thread runtime that runs during calls only.
    HyperPaused,
    /// ureq with an agent of the caller, with ureq's defaults.
    UreqAgent,
    /// hyper with a client of the caller, without TLS and proxy.
    HyperClient,
}

/// A transport of one of our adapters.
pub type Boxed = Box<dyn Transport<Error = TransportError> + Send + Sync>;

impl Adapter {
    /// Every adapter.
    pub const ALL: [Self; 6] = [
        Self::Ureq,
        Self::HyperMulti,
        Self::HyperCurrent,
        Self::HyperPaused,
        Self::UreqAgent,
        Self::HyperClient,
    ];

    /// Returns the adapters that make their connections themselves.
    pub fn connecting() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|adapter| adapter.connects())
    }

    /// Returns whether our code makes the connections, with look-ups, proxies and TLS.
    #[must_use]
    pub fn connects(self) -> bool {
        !matches!(self, Self::UreqAgent | Self::HyperClient)
    }

    /// Returns the name of the HTTP client, as in the name of the adapter's crate.
    #[must_use]
    pub fn client(self) -> &'static str {
        match self {
            Self::Ureq | Self::UreqAgent => "ureq",
            Self::HyperMulti | Self::HyperCurrent | Self::HyperPaused | Self::HyperClient => {
                "hyper"
            }
        }
    }

    /// Creates a transport of this adapter.
    ///
    /// # Panics
    /// If the settings are invalid or no runtime can be made.
    #[must_use]
    pub fn start(self, settings: Settings) -> Boxed {
        const VALID: &str = "valid settings";
        match self {
            Self::Ureq => Box::new(UreqTransport::new(settings).expect(VALID)),
            Self::HyperMulti => {
                Box::new(Blocking::new(HyperTransport::new(settings).expect(VALID)))
            }
            Self::HyperCurrent => {
                Box::new(Blocking::on_current_thread(HyperTransport::new(settings).expect(VALID)))
            }
            Self::HyperPaused => {
                Box::new(Blocking::only_during_calls(HyperTransport::new(settings).expect(VALID)))
            }
            Self::UreqAgent => {
                let agent = ureq::Agent::config_builder().proxy(None).build().new_agent();
                Box::new(UreqTransport::with_agent(agent, settings).expect(VALID))
            }
            Self::HyperClient => {
                let client = Client::builder(TokioExecutor::new()).build_http();
                let transport = HyperTransport::with_client(client, settings).expect(VALID);
                Box::new(Blocking::on(Runtime::new().expect("a runtime"), transport))
            }
        }
    }
}
