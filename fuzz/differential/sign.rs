//! Signs requests, one a line, so that `sign.py` can compare them with the official SDK's.
//!
//! A line of standard input is a JSON object of `id`, `secret`, `security_token` (or `null`), `time`
//! (seconds since the Unix epoch), `method`, `uri`, `headers` (an object) and `body`. A line of standard
//! output is a JSON object of `authorization` and the `headers` that it covers.

use std::{
    collections::BTreeMap,
    error::Error,
    io::{self, Write},
    time::Duration,
};

use huaweicloud_sms_core::{
    AccessKey, Authorize, Timestamp,
    http::{HeaderName, HeaderValue, Request},
};

#[derive(serde::Deserialize)]
struct Input {
    id: String,
    secret: String,
    security_token: Option<String>,
    time: u64,
    method: String,
    uri: String,
    headers: BTreeMap<String, String>,
    body: String,
}

#[derive(serde::Serialize)]
struct Output<'a> {
    authorization: &'a str,
    headers: BTreeMap<&'a str, &'a str>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut output = io::stdout().lock();
    for line in io::stdin().lines() {
        let signed = sign(serde_json::from_str(&line?)?)?;
        let text = |name| signed.headers().get(name).map(HeaderValue::as_bytes).unwrap_or_default();
        let authorization = std::str::from_utf8(text("authorization"))?;
        let names =
            authorization.split_once("SignedHeaders=").and_then(|(_, rest)| rest.split_once(','));
        let (names, _) = names.ok_or("no names of signed headers")?;
        let headers = names.split(';').map(|name| Ok((name, std::str::from_utf8(text(name))?)));
        let headers = headers.collect::<Result<_, Box<dyn Error>>>()?;
        writeln!(output, "{}", serde_json::to_string(&Output { authorization, headers })?)?;
    }
    Ok(())
}

fn sign(input: Input) -> Result<Request<Vec<u8>>, Box<dyn Error>> {
    let mut key = AccessKey::new(&input.id, &input.secret)?;
    if let Some(token) = &input.security_token {
        key = key.with_security_token(token)?;
    }
    let mut request = Request::builder()
        .method(input.method.as_str())
        .uri(input.uri)
        .body(input.body.into_bytes())?;
    for (name, value) in &input.headers {
        let value = HeaderValue::from_bytes(value.as_bytes())?;
        request.headers_mut().insert(HeaderName::from_bytes(name.as_bytes())?, value);
    }
    key.signer(Timestamp::from_unix_time(Duration::from_secs(input.time))).authorize(&mut request);
    Ok(request)
}
