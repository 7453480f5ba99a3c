use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::fmt;

use http::{HeaderName, HeaderValue, Request, header::AUTHORIZATION};

use crate::{
    AuthToken, Authorize, InvalidInput, Timestamp, Unauthenticated,
    auth::{check_header_value, header_value, sealed},
    invalid_input::Problem,
    secret::Secret,
    sign,
};

const X_SDK_DATE: HeaderName = HeaderName::from_static("x-sdk-date");
const X_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-security-token");
const X_PROJECT_ID: HeaderName = HeaderName::from_static("x-project-id");
const X_DOMAIN_ID: HeaderName = HeaderName::from_static("x-domain-id");

/// An access key (AK/SK): signs requests, in place of a token (SDK-HMAC-SHA256). What Huawei
/// recommends, and what the real Agent uses.
///
/// `Debug` shows the id, which is no secret, and nothing else. The secret key's memory is wiped on
/// drop; not so the stack on which a signature was calculated, nor a security token. What else that does
/// not cover says `SECURITY.md`.
///
/// ```
/// use std::time::SystemTime;
/// use huaweicloud_sms_core::{AccessKey, Endpoint, ObtainCommand, Operation, ServerId, Timestamp};
///
/// let key = AccessKey::new("EXAMPLEAK00000000001", "ExampleSecretKey")?;
/// let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com")?;
/// let server_id = ServerId::new("f32ab4d6-d150-4fb3-aa55-edbb5cf9947f")?;
/// let call = ObtainCommand::new(&endpoint, &server_id);
///
/// // A signature is good for 15 minutes before and after its moment.
/// let now = Timestamp::from_unix_time(SystemTime::UNIX_EPOCH.elapsed()?);
/// let request = call.request(&key.at(now));
/// assert!(request.headers()["authorization"].is_sensitive());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct AccessKey {
    id: String,
    secret: Secret,
    security_token: Option<HeaderValue>,
    project_id: Option<HeaderValue>,
    domain_id: Option<HeaderValue>,
}

impl AccessKey {
    /// The longest accepted access key id, secret key, project id or domain id, in characters. Ours:
    /// real ones have 20 to 40.
    pub const MAX_CHARS: usize = 255;
    /// The longest accepted security token, in characters. Ours: as for a token.
    pub const MAX_SECURITY_TOKEN_CHARS: usize = AuthToken::MAX_CHARS;

    /// An access key id (AK) and its secret key (SK).
    ///
    /// # Errors
    /// One of them is empty, over [`MAX_CHARS`](Self::MAX_CHARS), or has a character that is not
    /// visible ASCII, such as a line break at the end; or a comma in the id.
    pub fn new(id: &str, secret: &str) -> Result<Self, InvalidInput> {
        const ID: &str = "access key id";
        check_header_value(ID, id, Self::MAX_CHARS)?;
        if let Some(index) = id.find(',') {
            // It would end the id in `Authorization`.
            let problem = Problem::BadCharacter { position: index + 1, what: "a comma" };
            return Err(InvalidInput::new(ID, problem));
        }
        check_header_value("secret key", secret, Self::MAX_CHARS)?;
        Ok(Self {
            id: id.to_owned(),
            secret: Secret::new(secret.as_bytes().to_vec()),
            security_token: None,
            project_id: None,
            domain_id: None,
        })
    }

    /// The security token that a temporary key comes with (`X-Security-Token`).
    ///
    /// # Errors
    /// As [`new`](Self::new), with another limit
    /// ([`MAX_SECURITY_TOKEN_CHARS`](Self::MAX_SECURITY_TOKEN_CHARS)).
    pub fn security_token(mut self, token: &str) -> Result<Self, InvalidInput> {
        let mut value = header_value("security token", token, Self::MAX_SECURITY_TOKEN_CHARS)?;
        value.set_sensitive(true);
        self.security_token = Some(value);
        Ok(self)
    }

    /// The project to act in (`X-Project-Id`). The SDKs send it; SMS is a global service, and whether
    /// it looks at this is not documented.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn project_id(mut self, id: &str) -> Result<Self, InvalidInput> {
        self.project_id = Some(header_value("project id", id, Self::MAX_CHARS)?);
        Ok(self)
    }

    /// The account to act in (`X-Domain-Id`), for global services. The SDKs' SMS client never sends
    /// it.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn domain_id(mut self, id: &str) -> Result<Self, InvalidInput> {
        self.domain_id = Some(header_value("domain id", id, Self::MAX_CHARS)?);
        Ok(self)
    }

    /// The access key id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// This key at a moment: what signs a request. The gateway refuses a moment that is more than 15
    /// minutes off its own clock.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Signer<'_> {
        Signer { key: self, now }
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An [`AccessKey`] at a moment; see [`AccessKey::at`].
///
/// It signs whatever request it is given, with an absolute URI: method, path, query, body, `Host`,
/// and all the headers there are but those that belong to one connection, have several values or an
/// underscore in their name. The body is always hashed, also where the request says
/// `X-Sdk-Content-Sha256: UNSIGNED-PAYLOAD`. It adds `Host`, so that what is signed is what is sent,
/// `X-Sdk-Date`, the key's own headers and `Authorization`, in place of a token or another signature.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    key: &'a AccessKey,
    now: Timestamp,
}

impl sealed::Sealed for Signer<'_> {}

impl Authorize for Signer<'_> {
    fn authorize(&self, request: &mut Request<Vec<u8>>) {
        let Self { key, now } = *self;
        Unauthenticated.authorize(request);
        let host = sign::host(request.uri());
        let headers = request.headers_mut();
        if let Some(host) = host {
            headers.entry(http::header::HOST).or_insert(host);
        }
        let date = format!("{}", now.sdk_date());
        headers.insert(X_SDK_DATE, ascii(date.clone()));
        for (name, value) in [
            (X_SECURITY_TOKEN, &key.security_token),
            (X_PROJECT_ID, &key.project_id),
            (X_DOMAIN_ID, &key.domain_id),
        ] {
            if let Some(value) = value {
                headers.insert(name, value.clone());
            }
        }
        let signed = sign::signed_headers(request.headers());
        let names = sign::join(&signed);
        let canonical_request = sign::canonical_request(request, &signed, &names);
        let string_to_sign = sign::string_to_sign(&date, &canonical_request);
        let signature = sign::signature(key.secret.as_bytes(), &string_to_sign);
        let mut proof = ascii(sign::authorization(&key.id, &names, &signature));
        proof.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, proof);
    }
}

fn ascii(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("visible ASCII and spaces can be a header's value")
}
