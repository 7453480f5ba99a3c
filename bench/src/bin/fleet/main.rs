//! Measures what many pollers cost in one process. `bench/README.md` has the figures.
#![allow(clippy::print_stdout, reason = "it is there to print figures")]

mod bare;
mod measure;
mod server;
mod virtual_clock;
mod watches;

use std::{error::Error, time::Duration};

use huaweicloud_sms::{
    AuthToken, Endpoint, InvalidInput, Pace, Proxy, ServerId, Settings, hyper::Transport,
};

use crate::{measure::Memory, server::Server};

/// The time from an answer to the next call of the same poller.
const INTERVAL: Duration = Duration::from_secs(5);

const USAGE: &str = "fleet watches [pollers] [seconds]   a task and a `Watch` for each poller
fleet bare [pollers] [seconds]      bare `Poller`s in one task, a task for each call
fleet virtual [pollers]             bare `Poller`s on a virtual clock, no calls";

/// The pollers, and the service that they poll.
struct Fleet {
    endpoint: Endpoint,
    token: AuthToken,
    transport: Transport,
    pollers: u32,
    seconds: u64,
}

impl Fleet {
    fn server_id(number: u32) -> Result<ServerId, Box<dyn Error>> {
        Ok(ServerId::new(&format!("f32ab4d6-d150-4fb3-aa55-{number:012}"))?)
    }

    /// It has no jitter, so that the expected rate is known.
    fn pace() -> Result<Pace, InvalidInput> {
        Pace::default().with_interval(INTERVAL)?.with_jitter(0)
    }

    /// Spaces the starts over the interval. Otherwise all pollers would be due at once in each round.
    fn delay(&self, number: u32) -> Duration {
        INTERVAL * number / self.pollers
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let empty = Memory::now()?;
    let mut args = std::env::args().skip(1);
    let mode = args.next().unwrap_or_default();
    let mut number = |default| args.next().map_or(Ok(default), |text| text.parse());
    match mode.as_str() {
        "serve" => return server::serve(),
        "virtual" => return virtual_clock::run(number(1_000_000)?),
        "watches" | "bare" => {}
        _ => return Err(USAGE.into()),
    }
    let (pollers, seconds) = (number(10_000)?, number(30)?.into());

    let server = Server::start()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let fleet = Fleet {
        endpoint: Endpoint::cleartext(server.url())?,
        token: AuthToken::new(&"t".repeat(1024))?,
        transport: Transport::new(Settings::default().with_proxy(Proxy::Direct))?,
        pollers,
        seconds,
    };
    runtime.block_on(async {
        match mode.as_str() {
            "watches" => watches::run(&fleet, empty).await,
            _ => bare::run(fleet, empty).await,
        }
    })
}
