/// Follows the boundaries of TLS records ([RFC 8446], section 5.1) in the received bytes of a connection. rustls
/// does not say whether it holds the beginning of a record.
///
/// [RFC 8446]: https://www.rfc-editor.org/rfc/rfc8446#section-5.1
#[derive(Debug, Default)]
pub struct Records {
    /// The number of received bytes of a header.
    header: usize,
    /// The last two bytes of the header.
    length: u16,
    /// The number of the record's other bytes that have not arrived.
    missing: usize,
}

impl Records {
    const HEADER: usize = 5;

    /// Counts received bytes.
    pub fn receive(&mut self, mut bytes: &[u8]) {
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

    /// Returns whether every record that has begun has ended.
    #[must_use]
    pub fn is_at_boundary(&self) -> bool {
        self.header == 0 && self.missing == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_boundaries_for_pieces_of_any_size() {
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
