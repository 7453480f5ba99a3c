//! `POST /v3/auth/tokens` of IAM.

mod body;
mod user;

use alloc::{format, vec::Vec};
use core::{fmt, time::Duration};

use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri, header};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use zeroize::Zeroizing;

use self::body::Times;
pub use self::user::{IamUser, Scope};
use crate::{
    auth::{AuthToken, Authorize, Fingerprint},
    body_problem::BodyProblem,
    command::JSON,
    endpoint::Endpoint,
    error::{ResponseError, is_encoded},
    invalid_input::InvalidInput,
    operation::Operation,
    time::Timestamp,
};

const X_SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// Logs an IAM user in with a password: `POST /v3/auth/tokens`. IAM calls this
/// [obtaining a user token](https://support.huaweicloud.com/intl/en-us/api-iam/iam_30_0001.html).
///
/// IAM has a host of its own: `https://iam.myhuaweicloud.com`, or one of a region. Authorize the request
/// with [`Unauthenticated`](crate::Unauthenticated).
///
/// **The request's body holds the password**, and `Debug` of a `Request` prints its body as numbers.
/// The copy in this value is zeroized on drop. The copy in a request is not zeroized. Do not retry a rejected
/// password in a loop. A [`Session`](crate::Session) pauses after a rejection.
///
/// ```
/// # use huaweicloud_sms_core as huaweicloud_sms;
/// use huaweicloud_sms::{Endpoint, IamUser, IssueToken, Operation, Scope, Unauthenticated};
///
/// let iam = Endpoint::new("https://iam.ap-southeast-3.myhuaweicloud.com")?;
/// let user = IamUser::new("my-account", "migration", "not-a-real-password")?;
/// let login = IssueToken::new(&iam, &user, Scope::Account)?;
/// let request = login.request(&Unauthenticated);
/// assert_eq!(request.uri().path(), "/v3/auth/tokens");
/// # Ok::<(), huaweicloud_sms::InvalidInput>(())
/// ```
#[derive(Clone)]
pub struct IssueToken {
    uri: Uri,
    body: Zeroizing<Vec<u8>>,
}

impl IssueToken {
    /// Creates the call for one user and scope.
    ///
    /// # Errors
    /// An id or name of the scope is empty, longer than [`IamUser::MAX_CHARS`], or has a control character.
    pub fn new(
        endpoint: &Endpoint,
        user: &IamUser,
        scope: Scope<'_>,
    ) -> Result<Self, InvalidInput> {
        scope.check()?;
        // The catalogue in the response would take about 18 KB.
        let uri = format!("{endpoint}/v3/auth/tokens?nocatalog=true");
        let uri = Uri::try_from(uri).expect("a checked endpoint is a URI");
        Ok(Self { uri, body: write_body(user, scope) })
    }

    /// Returns the URI of the call.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let uri = format!("{}", self.uri);
        Fingerprint::new("login", [uri.as_bytes(), &self.body])
    }
}

impl fmt::Debug for IssueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssueToken").field("uri", &self.uri).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Body<'a> {
    auth: Auth<'a>,
}

#[derive(Serialize)]
struct Auth<'a> {
    identity: Identity<'a>,
    scope: ScopeJson<'a>,
}

#[derive(Serialize)]
struct Identity<'a> {
    methods: [&'static str; 1],
    password: Password<'a>,
}

#[derive(Serialize)]
struct Password<'a> {
    user: User<'a>,
}

#[derive(Serialize)]
struct User<'a> {
    domain: Reference<'a>,
    name: &'a str,
    password: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum ScopeJson<'a> {
    Domain(Reference<'a>),
    Project(Reference<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Reference<'a> {
    Id(&'a str),
    Name(&'a str),
}

fn write_body(user: &IamUser, scope: Scope<'_>) -> Zeroizing<Vec<u8>> {
    let (scope, text) = match scope {
        Scope::Account => (ScopeJson::Domain(Reference::Name(&user.domain)), user.domain.as_str()),
        Scope::DomainId(id) => (ScopeJson::Domain(Reference::Id(id)), id),
        Scope::DomainName(name) => (ScopeJson::Domain(Reference::Name(name)), name),
        Scope::ProjectId(id) => (ScopeJson::Project(Reference::Id(id)), id),
        Scope::ProjectName(name) => (ScopeJson::Project(Reference::Name(name)), name),
    };
    let texts = user.domain.len() + user.name.len() + user.password.len() + text.len();
    let user =
        User { domain: Reference::Name(&user.domain), name: &user.name, password: &user.password };
    let identity = Identity { methods: ["password"], password: Password { user } };
    let body = Body { auth: Auth { identity, scope } };
    // The capacity suffices even if every character is escaped. So the buffer never moves, which would leave
    // a copy of the password behind.
    let mut json = Zeroizing::new(Vec::with_capacity(256 + 2 * texts));
    serde_json::to_writer(&mut *json, &body).expect("strings serialize into memory");
    json
}

impl Operation for IssueToken {
    type Output = IssuedToken;

    fn request(&self, auth: &(impl Authorize + ?Sized)) -> Request<Vec<u8>> {
        let mut request = Request::new(self.body.to_vec());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(header::ACCEPT, JSON);
        auth.authorize(&mut request);
        request
    }

    fn parse<B: AsRef<[u8]>>(&self, response: &Response<B>) -> Result<IssuedToken, ResponseError> {
        read_response(response)
    }
}

pub(crate) fn read_response<B: AsRef<[u8]>>(
    response: &Response<B>,
) -> Result<IssuedToken, ResponseError> {
    let (status, headers) = (response.status(), response.headers());
    if status != StatusCode::CREATED {
        return Err(ResponseError::from_response(response));
    }
    read(headers, response.body().as_ref())
        .map_err(|problem| ResponseError::from_body(status, headers, problem))
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<IssuedToken, BodyProblem> {
    if is_encoded(headers) {
        return Err(BodyProblem::ContentEncoding);
    }
    let Times { expires_at, issued_at } = body::read(body)?;
    let field = "the header X-Subject-Token";
    let mut values = headers.get_all(X_SUBJECT_TOKEN).iter();
    let value = values.next().ok_or(BodyProblem::Missing { field })?;
    if values.next().is_some() {
        return Err(BodyProblem::Duplicate { field });
    }
    let token = value.to_str().ok().and_then(|text| AuthToken::new(text).ok());
    let token = token.ok_or(BodyProblem::Invalid { field })?;
    let issued_at = issued_at
        .or_else(|| Timestamp::from_date_header(headers))
        .ok_or(BodyProblem::Missing { field: "token.issued_at" })?;
    if expires_at <= issued_at {
        // With an expired token, the session would repeat the login forever.
        return Err(BodyProblem::Invalid { field: "token.expires_at" });
    }
    Ok(IssuedToken { token, issued_at, expires_at })
}

/// A token from IAM and its validity, by IAM's clock.
///
/// It serializes as `{"issued_at":"2026-07-06T00:00:00Z","expires_at":..}`, without the token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssuedToken {
    /// The token.
    pub token: AuthToken,
    /// The time at which it was issued. If IAM does not send it, this is the response's `Date`.
    pub issued_at: Timestamp,
    /// The time at which it expires, usually 24 hours later. IAM invalidates it earlier if the password or a
    /// permission is changed, the user is disabled, or the account is in arrears.
    pub expires_at: Timestamp,
}

impl IssuedToken {
    /// Creates a token, for tests of your own code.
    #[must_use]
    pub fn new(token: AuthToken, issued_at: Timestamp, expires_at: Timestamp) -> Self {
        Self { token, issued_at, expires_at }
    }

    /// Returns the time for which the token is valid. It does not depend on this machine's clock.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.expires_at.as_unix_time().saturating_sub(self.issued_at.as_unix_time())
    }
}

impl Serialize for IssuedToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("IssuedToken", 2)?;
        object.serialize_field("issued_at", &format!("{}", self.issued_at))?;
        object.serialize_field("expires_at", &format!("{}", self.expires_at))?;
        object.end()
    }
}
