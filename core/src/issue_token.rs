use alloc::{format, vec::Vec};
use core::{fmt, time::Duration};

use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri, header};
use serde::Serialize;

use crate::{
    AuthToken, Authorize, BodyProblem, Endpoint, IamUser, InvalidInput, Operation, ResponseError,
    Scope, Timestamp,
    obtain_command::JSON,
    response_error::is_encoded,
    secret::Secret,
    token_body::{self, Times},
};

const X_SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// Logs an IAM user in: `POST /v3/auth/tokens`, with a password. IAM calls it "obtaining a user
/// token".
///
/// IAM lives on a host of its own, `https://iam.myhuaweicloud.com` or one of a region. It is given
/// [`Unauthenticated`](crate::Unauthenticated), since it carries its own proof: **the request's body
/// holds the password**, which `Debug` of a `Request` prints as numbers. This value's own copy is wiped
/// on drop, a request's is not. A refused password must not be tried again and again: let a
/// [`TokenCache`](crate::TokenCache) say when.
///
/// ```
/// use huaweicloud_sms_core::{Endpoint, IamUser, IssueToken, Operation, Scope, Unauthenticated};
///
/// let iam = Endpoint::new("https://iam.ap-southeast-3.myhuaweicloud.com")?;
/// let user = IamUser::new("my-account", "migration", "not-a-real-password")?;
/// let login = IssueToken::new(&iam, &user, Scope::Account)?;
/// let request = login.request(&Unauthenticated);
/// assert_eq!(request.uri().path(), "/v3/auth/tokens");
/// # Ok::<(), huaweicloud_sms_core::InvalidInput>(())
/// ```
#[derive(Clone)]
pub struct IssueToken {
    uri: Uri,
    body: Secret,
}

impl IssueToken {
    /// The call for one user and scope.
    ///
    /// # Errors
    /// An id or name of the scope is empty, over [`IamUser::MAX_CHARS`], or has a control character.
    pub fn new(
        endpoint: &Endpoint,
        user: &IamUser,
        scope: Scope<'_>,
    ) -> Result<Self, InvalidInput> {
        scope.check()?;
        // Without the catalogue, which has some 18 KB.
        let uri = format!("{endpoint}/v3/auth/tokens?nocatalog=true");
        let uri = Uri::try_from(uri).expect("a checked endpoint is a URI");
        Ok(Self { uri, body: body(user, scope) })
    }

    /// The address that is asked.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
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

fn body(user: &IamUser, scope: Scope<'_>) -> Secret {
    let (scope, text) = match scope {
        Scope::Account => (ScopeJson::Domain(Reference::Name(&user.domain)), user.domain.as_str()),
        Scope::DomainId(id) => (ScopeJson::Domain(Reference::Id(id)), id),
        Scope::DomainName(name) => (ScopeJson::Domain(Reference::Name(name)), name),
        Scope::ProjectId(id) => (ScopeJson::Project(Reference::Id(id)), id),
        Scope::ProjectName(name) => (ScopeJson::Project(Reference::Name(name)), name),
    };
    let password = user.password.as_bytes().len();
    let texts = user.domain.len() + user.name.len() + password + text.len();
    let user = User {
        domain: Reference::Name(&user.domain),
        name: &user.name,
        // It was made of a `str`.
        password: core::str::from_utf8(user.password.as_bytes()).unwrap_or_default(),
    };
    let identity = Identity { methods: ["password"], password: Password { user } };
    let body = Body { auth: Auth { identity, scope } };
    // No less than it can need (a quote or backslash is escaped by another character), so that it
    // never moves and leaves a copy behind.
    let mut json = Vec::with_capacity(256 + 2 * texts);
    // Strings into memory: nothing of that can fail.
    let written = serde_json::to_writer(&mut json, &body);
    debug_assert!(written.is_ok());
    Secret::new(json)
}

impl Operation for IssueToken {
    type Output = IssuedToken;

    fn request(&self, auth: &impl Authorize) -> Request<Vec<u8>> {
        let mut request = Request::new(self.body.as_bytes().to_vec());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(header::ACCEPT, JSON);
        auth.authorize(&mut request);
        request
    }

    fn parse<B: AsRef<[u8]>>(&self, response: &Response<B>) -> Result<IssuedToken, ResponseError> {
        let (status, headers) = (response.status(), response.headers());
        let body = response.body().as_ref();
        if status != StatusCode::CREATED {
            return Err(ResponseError::from_status(status, headers, body));
        }
        read(headers, body).map_err(|problem| ResponseError::from_body(status, headers, problem))
    }
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<IssuedToken, BodyProblem> {
    if is_encoded(headers) {
        return Err(BodyProblem::ContentEncoding);
    }
    let Times { expires_at, issued_at } = token_body::read(body)?;
    let field = "the header X-Subject-Token";
    let mut values = headers.get_all(X_SUBJECT_TOKEN).iter();
    let value = values.next().ok_or(BodyProblem::Missing { field })?;
    if values.next().is_some() {
        return Err(BodyProblem::Duplicate { field });
    }
    let token = value.to_str().ok().and_then(|text| AuthToken::new(text).ok());
    let token = token.ok_or(BodyProblem::Invalid { field })?;
    let issued_at = issued_at
        .or_else(|| Timestamp::of_response(headers))
        .ok_or(BodyProblem::Missing { field: "token.issued_at" })?;
    if expires_at <= issued_at {
        // As good as none, and logging in at once for another would never end.
        return Err(BodyProblem::Invalid { field: "token.expires_at" });
    }
    Ok(IssuedToken { token, issued_at, expires_at })
}

/// What IAM answers: a token, and until when it is good, by IAM's clock.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssuedToken {
    /// The token.
    pub token: AuthToken,
    /// When it was issued; the response's `Date`, where IAM does not say.
    pub issued_at: Timestamp,
    /// When it expires, 24 hours later. It may die sooner: when the password is changed, the user
    /// disabled, permissions are changed or the account is in arrears.
    pub expires_at: Timestamp,
}

impl IssuedToken {
    /// For how long it is good, whatever this machine's clock says.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.expires_at.as_unix_time().saturating_sub(self.issued_at.as_unix_time())
    }
}
