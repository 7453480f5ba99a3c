//! What secrets need.

/// Headers whose values are secrets.
pub(crate) const HEADERS: [&str; 7] = [
    "x-auth-token",
    "x-subject-token",
    "x-security-token",
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
];

pub(crate) fn is_secret(header: &str) -> bool {
    HEADERS.iter().any(|secret| header.eq_ignore_ascii_case(secret))
}

/// Compares secrets: how long it takes does not tell where they differ.
pub(crate) fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
