use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::fmt;

use http::{HeaderName, HeaderValue, Request, header::AUTHORIZATION};

use zeroize::Zeroizing;

use super::{
    AuthToken, Authorize, Fingerprint, Unauthenticated, X_SDK_DATE, X_SECURITY_TOKEN,
    check_header_value, header_value, sealed, signing,
};
use crate::{
    invalid_input::{InvalidInput, Problem},
    time::Timestamp,
};

const X_PROJECT_ID: HeaderName = HeaderName::from_static("x-project-id");
const X_DOMAIN_ID: HeaderName = HeaderName::from_static("x-domain-id");

/// An access key (AK/SK), which signs requests with
/// [SDK-HMAC-SHA256](https://support.huaweicloud.com/devg-apisign/api-sign-algorithm-001.html), in
/// place of a token. Huawei recommends it, and the official Agent uses it.
///
/// `Debug` shows only the id, which is not secret. The secret key is zeroized on drop. `SECURITY.md` lists
/// the copies that are not zeroized.
///
/// ```
/// # use huaweicloud_sms_core as huaweicloud_sms;
/// use std::time::SystemTime;
/// use huaweicloud_sms::{AccessKey, Endpoint, ObtainCommand, Operation, ServerId, Timestamp};
///
/// let key = AccessKey::new("EXAMPLEAK00000000001", "ExampleSecretKey")?;
/// let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com")?;
/// let server_id = ServerId::new("f32ab4d6-d150-4fb3-aa55-edbb5cf9947f")?;
/// let call = ObtainCommand::new(&endpoint, &server_id);
///
/// // A signature is valid for 15 minutes before and after its timestamp.
/// let now = Timestamp::from_unix_time(SystemTime::UNIX_EPOCH.elapsed()?);
/// let request = call.request(&key.signer(now));
/// assert!(request.headers()["authorization"].is_sensitive());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct AccessKey {
    id: String,
    secret: Zeroizing<Vec<u8>>,
    security_token: Option<HeaderValue>,
    project_id: Option<HeaderValue>,
    domain_id: Option<HeaderValue>,
}

impl AccessKey {
    /// The longest accepted access key id, secret key, project id or domain id, in characters. The
    /// limit is this crate's own. Real ids and keys have 20 to 40 characters.
    pub const MAX_CHARS: usize = 255;
    /// The longest accepted security token, in characters. The limit is this crate's own, the same as for a
    /// token.
    pub const MAX_SECURITY_TOKEN_CHARS: usize = AuthToken::MAX_CHARS;

    /// Checks an access key id (AK) and its secret key (SK).
    ///
    /// # Errors
    /// One of them is empty, longer than [`MAX_CHARS`](Self::MAX_CHARS), or has a character that is not
    /// visible ASCII, such as a line break at the end. A comma in the id is an error, too.
    pub fn new(id: &str, secret: &str) -> Result<Self, InvalidInput> {
        const ID: &str = "access key id";
        check_header_value(ID, id, Self::MAX_CHARS)?;
        if let Some(index) = id.find(',') {
            // A comma would end the id in `Authorization`.
            let problem = Problem::BadCharacter { position: index + 1, what: "a comma" };
            return Err(InvalidInput::new(ID, problem));
        }
        check_header_value("secret key", secret, Self::MAX_CHARS)?;
        Ok(Self {
            id: id.to_owned(),
            secret: Zeroizing::new(secret.as_bytes().to_vec()),
            security_token: None,
            project_id: None,
            domain_id: None,
        })
    }

    /// Sets the security token of a temporary key (`X-Security-Token`).
    ///
    /// # Errors
    /// The token is empty, longer than [`MAX_SECURITY_TOKEN_CHARS`](Self::MAX_SECURITY_TOKEN_CHARS), or has a
    /// character that is not visible ASCII.
    pub fn with_security_token(mut self, token: &str) -> Result<Self, InvalidInput> {
        let mut value = header_value("security token", token, Self::MAX_SECURITY_TOKEN_CHARS)?;
        value.set_sensitive(true);
        self.security_token = Some(value);
        Ok(self)
    }

    /// Sets the project of the requests (`X-Project-Id`). The SDKs send it. SMS is a global service, and the
    /// API reference does not say whether it reads this header.
    ///
    /// # Errors
    /// The same as those of [`new`](Self::new).
    pub fn with_project_id(mut self, id: &str) -> Result<Self, InvalidInput> {
        self.project_id = Some(header_value("project id", id, Self::MAX_CHARS)?);
        Ok(self)
    }

    /// Sets the account of the requests (`X-Domain-Id`), for global services. The SMS clients of the SDKs
    /// never send it.
    ///
    /// # Errors
    /// The same as those of [`new`](Self::new).
    pub fn with_domain_id(mut self, id: &str) -> Result<Self, InvalidInput> {
        self.domain_id = Some(header_value("domain id", id, Self::MAX_CHARS)?);
        Ok(self)
    }

    /// Returns the access key id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns a signer with this timestamp. The gateway rejects a timestamp that differs from its own
    /// clock by more than 15 minutes.
    #[must_use]
    pub fn signer(&self, now: Timestamp) -> Signer<'_> {
        Signer { key: self, now }
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let token = self.security_token.as_ref().map_or(&b""[..], HeaderValue::as_bytes);
        Fingerprint::new("key", [self.id.as_bytes(), &self.secret, token])
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Signs requests with an [`AccessKey`] and a timestamp; see [`AccessKey::signer`].
///
/// The signature covers method, path, query, body and headers. It leaves out headers of one connection,
/// headers with several values, and headers with an underscore in their name. The body is always hashed, even
/// if the request has `X-Sdk-Content-Sha256: UNSIGNED-PAYLOAD`. The request needs an absolute URI. The signer
/// adds `X-Sdk-Date`, the key's own headers and `Authorization`, and removes a token or an older signature.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    key: &'a AccessKey,
    now: Timestamp,
}

impl Authorize for Signer<'_> {}

impl sealed::Credential for Signer<'_> {
    fn add_to(&self, request: &mut Request<Vec<u8>>) {
        let Self { key, now } = *self;
        Unauthenticated.add_to(request);
        let headers = request.headers_mut();
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
        let signed = signing::signed_headers(request.headers());
        let names = signing::join(&signed);
        let canonical_request = signing::canonical_request(request, &signed, &names);
        let string_to_sign = signing::string_to_sign(&date, &canonical_request);
        let signature = signing::signature(&key.secret, &string_to_sign);
        let mut authorization = ascii(signing::authorization(&key.id, &names, &signature));
        authorization.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, authorization);
    }

    fn to_fingerprint(&self) -> Option<Fingerprint> {
        Some(self.key.fingerprint())
    }
}

fn ascii(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("visible ASCII and spaces can be a header's value")
}
