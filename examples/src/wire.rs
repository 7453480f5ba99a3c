//! HTTP/1.1 as bytes, for examples without an HTTP client: one exchange per connection, no I/O.

use std::io::{Error, ErrorKind};

use huaweicloud_sms_core::http::{Method, Request, Response, header};

/// The most that is taken of a response.
const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 256 * 1024;
const MAX_HEADERS: usize = 128;

/// The bytes of a request.
#[must_use]
pub fn encode(request: &Request<Vec<u8>>) -> Vec<u8> {
    let (uri, body) = (request.uri(), request.body());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let mut bytes =
        format!("{} {path} HTTP/1.1\r\nHost: {host}\r\n", request.method()).into_bytes();
    for (name, value) in request.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    if *request.method() != Method::GET {
        bytes.extend(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend(b"Connection: close\r\n\r\n");
    bytes.extend(body);
    bytes
}

/// The response, when it is there whole; `None` while more has to come. `is_end` says that the
/// connection was closed, so that nothing will.
///
/// # Errors
/// What is no HTTP, goes over a limit, or ended too early.
pub fn decode(mut bytes: &[u8], is_end: bool) -> Result<Option<Response<Vec<u8>>>, Error> {
    let mut head_left = MAX_HEAD;
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let parsed = head.parse(bytes).map_err(invalid)?;
        let length = match parsed {
            httparse::Status::Complete(length) => length,
            httparse::Status::Partial => bytes.len(),
        };
        if length > head_left {
            return Err(invalid("the head is too large"));
        }
        head_left -= length;
        if parsed.is_partial() {
            return more(is_end);
        }
        bytes = &bytes[length..];
        let status = head.code.unwrap_or_default();
        // A 100 or 103 only announces the response. Of a 101 there is nothing to be understood.
        if (100..200).contains(&status) && status != 101 {
            continue;
        }
        let mut response = Response::builder().status(status);
        for header in head.headers.iter() {
            response = response.header(header.name, header.value);
        }
        let response = response.body(()).map_err(invalid)?;
        return match body(&response, bytes, is_end)? {
            Some(body) => Ok(Some(response.map(|()| body))),
            None => more(is_end),
        };
    }
}

fn more<T>(is_end: bool) -> Result<Option<T>, Error> {
    match is_end {
        true => Err(Error::new(ErrorKind::UnexpectedEof, "closed before the answer was complete")),
        false => Ok(None),
    }
}

/// The whole body. Its end is proved by its framing, or by the connection's.
fn body(head: &Response<()>, bytes: &[u8], is_end: bool) -> Result<Option<Vec<u8>>, Error> {
    if matches!(head.status().as_u16(), 101 | 204 | 304) {
        return Ok(Some(Vec::new()));
    }
    let headers = head.headers();
    if let Some(coding) = headers.get(header::TRANSFER_ENCODING) {
        if !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err(invalid("an unknown transfer encoding"));
        }
        return unchunk(bytes);
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(length) = lengths.next() else {
        limit(bytes.len())?;
        return Ok(is_end.then(|| bytes.to_vec()));
    };
    if lengths.any(|other| other != length) || !length.as_bytes().iter().all(u8::is_ascii_digit) {
        return Err(invalid("a bad content length"));
    }
    let length = length.to_str().map_err(invalid)?.parse().map_err(invalid)?;
    limit(length)?;
    Ok(bytes.get(..length).map(<[u8]>::to_vec))
}

fn unchunk(mut bytes: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    // Chunks of a byte each are six bytes long.
    limit(bytes.len() / 6)?;
    let mut body = Vec::new();
    loop {
        let size = httparse::parse_chunk_size(bytes).map_err(|_| invalid("a bad chunk size"))?;
        let httparse::Status::Complete((start, size)) = size else { return Ok(None) };
        bytes = &bytes[start..];
        if size == 0 {
            // Trailers are of no interest, but their end is the body's.
            let mut trailers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let end = httparse::parse_headers(bytes, &mut trailers).map_err(invalid)?;
            return Ok(end.is_complete().then_some(body));
        }
        let size = usize::try_from(size).map_err(invalid)?;
        limit(body.len().saturating_add(size))?;
        let Some((chunk, rest)) = bytes.split_at_checked(size) else { return Ok(None) };
        body.extend(chunk);
        bytes = match rest {
            [b'\r', b'\n', rest @ ..] => rest,
            [] | [b'\r'] => return Ok(None),
            _ => return Err(invalid("a chunk of another size than announced")),
        };
    }
}

fn limit(length: usize) -> Result<(), Error> {
    if length > MAX_BODY { Err(invalid("the body is too large")) } else { Ok(()) }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status and body of what is the same in pieces of any size, and is cut short nowhere.
    fn read(bytes: &[u8]) -> (u16, Vec<u8>) {
        for end in 0..bytes.len() {
            assert!(matches!(decode(&bytes[..end], false), Ok(None)), "{end} bytes are enough");
            assert!(decode(&bytes[..end], true).is_err(), "{end} bytes are taken for all");
        }
        let response = decode(bytes, false).expect("valid").expect("complete");
        (response.status().as_u16(), response.into_body())
    }

    #[test]
    fn framings() {
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), (200, b"{}".to_vec()));
        assert_eq!(read(b"HTTP/1.1 204 No Content\r\n\r\n"), (204, vec![]));
        let chunked = b"HTTP/1.1 429 \r\nTransfer-Encoding: chunked\r\n\r\n\
            1\r\n{\r\n1;a=b\r\n}\r\n0\r\nTrailer: x\r\n\r\n";
        assert_eq!(read(chunked), (429, b"{}".to_vec()));
        let announced = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\na: b\r\n\r\n\
            HTTP/1.1 302 Found\r\nLocation: http://host/\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(read(announced), (302, vec![]));
    }

    #[test]
    fn without_a_length_the_end_is_the_connections() {
        let bytes = b"HTTP/1.0 200 OK\r\n\r\n{}";
        assert!(matches!(decode(bytes, false), Ok(None)));
        assert_eq!(decode(bytes, true).expect("valid").expect("complete").body(), b"{}");
    }

    #[test]
    fn limits_and_nonsense() {
        let large = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "x".repeat(MAX_HEAD));
        let announced = "HTTP/1.1 103 \r\n\r\n".repeat(MAX_HEAD / 17 + 1);
        let endless = ["HTTP/1.1 200 OK\r\n\r\n", &"x".repeat(MAX_BODY + 1)].concat();
        for text in [
            large.as_str(),
            &large[..MAX_HEAD + 9],
            &announced,
            &endless,
            "SSH-2.0",
            "HTTP/1.1 200 OK\r\nContent-Length: 262145\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40001\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}{}\r\n0\r\n\r\n",
        ] {
            assert!(decode(text.as_bytes(), false).is_err(), "{:.60}", text);
        }
    }

    #[test]
    fn a_request_as_bytes() {
        let request = Request::get("http://host:8080/a%2Fb?c").header("x", "y").body(vec![]);
        let bytes = encode(&request.expect("valid"));
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            "GET /a%2Fb?c HTTP/1.1\r\nHost: host:8080\r\nx: y\r\nConnection: close\r\n\r\n"
        );
    }
}
