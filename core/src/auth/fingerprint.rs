use core::fmt;

use hmac_sha256::Hash as Sha256;

/// A SHA-256 hash of a credential. It distinguishes credentials without a copy of them.
///
/// `Debug` does not show it, because a short password can be guessed from its hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Hashes the parts of a credential, with their lengths and the kind of the credential.
    pub(crate) fn new<'a>(kind: &'a str, parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in core::iter::once(kind.as_bytes()).chain(parts) {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(redacted)")
    }
}
