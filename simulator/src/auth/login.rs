//! The login: IAM issues a token for a name and a password.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use ring::digest;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{tokens::Tokens, users::Users};
use crate::{
    answer::{Reply, rejection},
    request::Request,
    secret::{hex, is_same},
    time::date::iam_date,
};

/// The path of
/// [obtaining a user token](https://support.huaweicloud.com/intl/en-us/api-iam/iam_30_0001.html).
pub(crate) const PATH: &str = "/v3/auth/tokens";

/// Issues a token if the request is valid, or rejects it as IAM does.
pub(crate) fn issue(
    users: &Users,
    tokens: &mut Tokens,
    (now, token_life): (SystemTime, Duration),
    request: &Request,
) -> Reply {
    let malformed = |message| rejection::iam(StatusCode::BAD_REQUEST, message);
    if request.is_json() != Some(true) {
        return malformed("The content type must be application/json.");
    }
    let Some(Body { auth }) = Body::read(&request.body) else {
        return malformed("The body is not a request for a token by password.");
    };
    let user = auth.identity.password.user;
    let password = users.password(&user.domain.name, &user.name);
    if !password.is_some_and(|password| is_same(password.as_bytes(), user.password.as_bytes())) {
        let message = "The username or password is wrong.";
        return rejection::iam(StatusCode::UNAUTHORIZED, message);
    }
    let Some((text, expires_at)) = tokens.issue(now, token_life) else {
        let message = "There are no random numbers.";
        return rejection::iam(StatusCode::INTERNAL_SERVER_ERROR, message);
    };
    let account = json!({ "name": user.domain.name, "id": id_of(&[&user.domain.name]) });
    let mut token = json!({
        "expires_at": iam_date(expires_at),
        "issued_at": iam_date(now),
        "methods": ["password"],
        "user": {
            "name": user.name,
            "id": id_of(&[&user.domain.name, &user.name]),
            "domain": account,
        },
        "roles": [],
    });
    let scope = auth.scope.unwrap_or_default();
    match (scope.project, scope.domain) {
        (Some(project), _) => {
            token["project"] = project.shown();
            token["project"]["domain"] = account;
        }
        (None, Some(domain)) => token["domain"] = domain.shown(),
        (None, None) => token["domain"] = account,
    }
    let is_left_out =
        |(name, value): &(Vec<u8>, Vec<u8>)| name == b"nocatalog" && !value.is_empty();
    if !request.query().iter().any(is_left_out) {
        token["catalog"] = catalog();
    }
    let mut reply = Reply::json(StatusCode::CREATED, &json!({ "token": token }));
    reply.add_header("x-subject-token", &text).expect("hexadecimal digits");
    reply
}

/// Returns a catalog of one service, with an address that does not exist.
fn catalog() -> Value {
    let id = id_of(&["sms"]);
    json!([{
        "type": "sms",
        "name": "sms",
        "id": id,
        "endpoints": [{
            "id": id_of(&["sms", "public"]),
            "interface": "public",
            "region": "*",
            "region_id": "*",
            "url": "https://sms.invalid/v3",
        }],
    }])
}

/// Derives an id of 32 hexadecimal digits from names.
fn id_of(names: &[&str]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for name in names {
        hash.update(name.as_bytes());
        // This byte separates the names, because it is never part of UTF-8.
        hash.update(&[0xff]);
    }
    hex(&hash.finish().as_ref()[..16])
}

#[derive(Deserialize)]
struct Body {
    auth: Auth,
}

impl Body {
    /// Returns `None` if the body is malformed. Ignores unknown members, as Keystone does.
    fn read(body: &[u8]) -> Option<Self> {
        let body: Self = serde_json::from_slice(body).ok()?;
        let has_method = body.auth.identity.methods.iter().any(|method| method == "password");
        let is_scope_valid = body.auth.scope.as_ref().is_none_or(Scope::is_valid);
        (has_method && is_scope_valid).then_some(body)
    }
}

#[derive(Deserialize)]
struct Auth {
    identity: Identity,
    scope: Option<Scope>,
}

#[derive(Deserialize)]
struct Identity {
    methods: Vec<String>,
    password: Password,
}

#[derive(Deserialize)]
struct Password {
    user: User,
}

#[derive(Deserialize)]
struct User {
    name: String,
    password: String,
    domain: Domain,
}

#[derive(Deserialize)]
struct Domain {
    name: String,
}

/// The scope of a token. The project takes precedence over the domain.
#[derive(Default, Deserialize)]
struct Scope {
    project: Option<Place>,
    domain: Option<Place>,
}

impl Scope {
    fn is_valid(&self) -> bool {
        let mut places = [&self.project, &self.domain].into_iter().flatten().peekable();
        places.peek().is_some() && places.all(|place| place.id.is_some() || place.name.is_some())
    }
}

/// A project or a domain, by its id, its name, or both.
#[derive(Deserialize)]
struct Place {
    id: Option<String>,
    name: Option<String>,
}

impl Place {
    /// Shows both the id and the name. If one is missing, it shows the other in its place.
    fn shown(self) -> Value {
        let id = self.id.unwrap_or_else(|| id_of(&[self.name.as_deref().unwrap_or_default()]));
        json!({ "name": self.name.as_ref().unwrap_or(&id), "id": id })
    }
}
