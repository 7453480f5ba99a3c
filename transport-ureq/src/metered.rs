//! A bound on what comes in for one answer, above TLS.

use huaweicloud_sms_transport::Meter;
use ureq::{
    Error,
    unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport},
};

/// The last link of the chain.
#[derive(Debug)]
pub(crate) struct Metering(pub(crate) Meter);

impl<In: Transport> Connector<In> for Metering {
    type Out = Metered<In>;

    fn connect(
        &self,
        _: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| Metered { inner, meter: self.0 }))
    }
}

#[derive(Debug)]
pub(crate) struct Metered<T> {
    inner: T,
    meter: Meter,
}

impl<T: Transport> Transport for Metered<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.meter.sent();
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let before = self.inner.buffers().input().len();
        let has_progress = self.inner.await_input(timeout)?;
        let count = self.inner.buffers().input().len().saturating_sub(before);
        self.meter.received(count).map_err(|flood| Error::Other(flood.into()))?;
        Ok(has_progress)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
