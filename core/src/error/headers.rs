use alloc::string::String;

use http::{HeaderMap, header};

use crate::text::truncate;

/// The registered [content codings] that change a body, and their aliases.
///
/// [content codings]: https://www.iana.org/assignments/http-parameters/http-parameters.xhtml#content-coding
const CODINGS: [&str; 12] = [
    "aes128gcm",
    "br",
    "compress",
    "dcb",
    "dcz",
    "deflate",
    "exi",
    "gzip",
    "pack200-gzip",
    "x-compress",
    "x-gzip",
    "zstd",
];

/// Returns whether the body is encoded, so that it cannot be read.
///
/// Only registered codings count, because some servers write `utf-8`, `none` and the like for plain JSON. A
/// body in an unregistered coding is not JSON, so the parser rejects it.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_ENCODING).iter().any(|value| {
        value.as_bytes().split(|byte| *byte == b',').any(|coding| {
            let coding = coding.trim_ascii();
            CODINGS.iter().any(|known| coding.eq_ignore_ascii_case(known.as_bytes()))
        })
    })
}

/// Returns the request's id: from the gateway's header, else from the body, else from IAM's header.
pub(crate) fn request_id(headers: &HeaderMap, in_body: Option<String>) -> Option<String> {
    const MAX_CHARS: usize = 255;
    let header = |name| {
        let text =
            headers.get(name).and_then(|value| core::str::from_utf8(value.as_bytes()).ok())?;
        Some(truncate(text.trim_ascii(), MAX_CHARS).0).filter(|text| !text.is_empty())
    };
    header("x-request-id")
        .or(in_body.filter(|id| !id.is_empty()))
        .or_else(|| header("x-iam-trace-id"))
}
