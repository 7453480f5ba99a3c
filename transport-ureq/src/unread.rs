//! Keeps a connection out of the pool while anything unread waits below the HTTP parser.
//!
//! ureq asks `is_open` before a connection goes into its pool and before it is reused. Its own
//! layers then look at the socket alone. A TLS record that the server sent behind the response may
//! already lie in the TCP layer's buffer, and would become the response to the next request, which
//! may be another user's.

use ureq::{
    Error,
    unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport},
};

/// A link of the chain, once below TLS and once above it.
#[derive(Debug)]
pub(crate) struct CheckingUnread;

impl<In: Transport> Connector<In> for CheckingUnread {
    type Out = CheckUnread<In>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| {
            let is_below_tls = details.needs_tls() && !inner.is_tls();
            let records = is_below_tls.then(Records::default);
            CheckUnread { inner, records, is_filled: false }
        }))
    }
}

#[derive(Debug)]
pub(crate) struct CheckUnread<T> {
    inner: T,
    /// What came in, if this is below TLS.
    records: Option<Records>,
    /// Whether the last read filled the buffer. Then the layer below may hold more: rustls does not
    /// say whether it has plaintext left.
    is_filled: bool,
}

impl<T: Transport> Transport for CheckUnread<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let buffers = self.inner.buffers();
        let (room, before) = (buffers.input_append_buf().len(), buffers.input().len());
        let has_progress = self.inner.await_input(timeout)?;
        let received = self.inner.buffers().input().get(before..).unwrap_or_default();
        self.is_filled = received.len() >= room;
        if let Some(records) = &mut self.records {
            records.receive(received);
        }
        Ok(has_progress)
    }

    fn is_open(&mut self) -> bool {
        !self.is_filled
            && self.inner.buffers().input().is_empty()
            && self.records.as_ref().is_none_or(Records::is_at_boundary)
            && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// Follows the boundaries of TLS records ([RFC 8446], section 5.1). rustls keeps the beginning of a
/// record to itself.
///
/// [RFC 8446]: https://www.rfc-editor.org/rfc/rfc8446#section-5.1
#[derive(Debug, Default)]
struct Records {
    /// How many of a header's bytes were received.
    header: usize,
    /// The last two bytes of the header.
    length: u16,
    /// How many of the record's other bytes are to come.
    missing: usize,
}

impl Records {
    const HEADER: usize = 5;

    fn receive(&mut self, mut bytes: &[u8]) {
        loop {
            let (_, rest) = bytes.split_at(self.missing.min(bytes.len()));
            self.missing -= bytes.len() - rest.len();
            let Some((byte, rest)) = rest.split_first() else { return };
            bytes = rest;
            self.length = self.length << 8 | u16::from(*byte);
            self.header += 1;
            if self.header == Self::HEADER {
                *self = Self { missing: self.length.into(), ..Self::default() };
            }
        }
    }

    fn is_at_boundary(&self) -> bool {
        self.header == 0 && self.missing == 0
    }
}

#[cfg(test)]
mod tests {
    use ureq::unversioned::transport::LazyBuffers;

    use super::*;

    /// Receives these bytes, as many as fit at once.
    #[derive(Debug)]
    struct Receives(&'static [u8], LazyBuffers);

    impl Transport for Receives {
        fn buffers(&mut self) -> &mut dyn Buffers {
            &mut self.1
        }

        fn transmit_output(&mut self, _: usize, _: NextTimeout) -> Result<(), Error> {
            Ok(())
        }

        fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
            let buffer = self.1.input_append_buf();
            let (received, rest) = self.0.split_at(buffer.len().min(self.0.len()));
            buffer[..received.len()].copy_from_slice(received);
            self.1.input_appended(received.len());
            self.0 = rest;
            Ok(!received.is_empty())
        }

        fn is_open(&mut self) -> bool {
            true
        }
    }

    /// Reads once, consumes all but `unread` bytes, and says whether the connection may be reused.
    fn is_open_after(bytes: &'static [u8], unread: usize, records: Option<Records>) -> bool {
        let inner = Receives(bytes, LazyBuffers::new(16, 16));
        let mut transport = CheckUnread { inner, records, is_filled: false };
        assert!(transport.await_input(NextTimeout::default()).expect("input"));
        let length = transport.buffers().input().len();
        transport.buffers().input_consume(length - unread);
        transport.is_open()
    }

    #[test]
    fn a_connection_with_unread_bytes_is_not_open() {
        assert!(is_open_after(b"response", 0, None));
        assert!(!is_open_after(b"response", 1, None));
    }

    #[test]
    fn a_connection_is_not_open_after_a_read_that_filled_the_buffer() {
        assert!(is_open_after(&[0; 15], 0, None));
        assert!(!is_open_after(&[0; 16], 0, None));
    }

    #[test]
    fn a_connection_inside_a_record_is_not_open() {
        // A record of 3 bytes, then one of none.
        let bytes = b"\x17\x03\x03\x00\x03abc\x17\x03\x03\x00\x00";
        for end in 1..=bytes.len() {
            let is_open = is_open_after(&bytes[..end], 0, Some(Records::default()));
            assert_eq!(is_open, end == 8 || end == bytes.len(), "{end}");
        }
    }

    #[test]
    fn records_may_come_in_any_pieces() {
        let mut bytes = vec![0x17, 3, 3, 1, 2];
        bytes.resize(5 + 0x102, 0xff);
        let bytes = bytes.repeat(3);
        for size in 1..bytes.len() {
            let mut records = Records::default();
            let mut received = 0;
            for piece in bytes.chunks(size) {
                records.receive(piece);
                received += piece.len();
                assert_eq!(records.is_at_boundary(), received % (5 + 0x102) == 0, "{size}");
            }
        }
    }
}
