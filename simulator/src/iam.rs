//! IAM: a name and a password for a token.

use std::{collections::HashMap, fmt};

use http::{HeaderName, HeaderValue, StatusCode};
use ring::digest;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Request, Script,
    answer::{self, Reply, redacted},
    date::iam_date,
    refusal::keystone,
    secret::{hex, is_same},
    service::is_json,
    target,
    tokens::Tokens,
};

/// Where tokens are asked for.
pub(crate) const PATH: &str = "/v3/auth/tokens";

/// The passwords, by domain and name. `Debug` shows who there is, not the passwords.
#[derive(Clone, Default)]
pub(crate) struct Users(HashMap<(String, String), String>);

impl Users {
    pub(crate) fn set(&mut self, domain: &str, name: &str, password: &str) {
        self.0.insert((domain.to_owned(), name.to_owned()), password.to_owned());
    }

    pub(crate) fn has(&self, domain: &str, name: &str) -> bool {
        self.password(domain, name).is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn password(&self, domain: &str, name: &str) -> Option<&String> {
        self.0.get(&(domain.to_owned(), name.to_owned()))
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Answers a request for a token: as the script says, then by the rules.
pub(crate) fn reply(
    script: &mut Script,
    tokens: &mut Tokens,
    request: &Request,
    request_id: &str,
) -> Reply {
    let mut reply = answer::next(&mut script.logins)
        .unwrap_or_else(|| issue(script, tokens, request).unwrap_or_else(|refusal| refusal));
    if let Reply::Http { headers, .. } = &mut reply {
        let name = HeaderName::from_static("x-iam-trace-id");
        if !headers.iter().any(|(given, _)| *given == name) {
            let id = HeaderValue::try_from(format!("token_simulator_null_{request_id}"));
            headers.extend(id.map(|id| (name, id)));
        }
    }
    reply
}

fn issue(script: &Script, tokens: &mut Tokens, request: &Request) -> Result<Reply, Reply> {
    let malformed = |message| keystone(StatusCode::BAD_REQUEST, message);
    if !request.header("content-type").is_some_and(is_json) {
        return Err(malformed("The content type must be application/json."));
    }
    let Some(Body { auth }) = Body::read(&request.body) else {
        return Err(malformed("The body is not a request for a token by password."));
    };
    let user = auth.identity.password.user;
    let password = script.users.password(&user.domain.name, &user.name);
    if !password.is_some_and(|password| is_same(password.as_bytes(), user.password.as_bytes())) {
        let message = "The username or password is wrong.";
        return Err(keystone(StatusCode::UNAUTHORIZED, message));
    }
    let now = script.clock.now();
    let Some((text, expires_at)) = tokens.issue(now, script.life_of_tokens()) else {
        let message = "There are no random numbers.";
        return Err(keystone(StatusCode::INTERNAL_SERVER_ERROR, message));
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
    if !target::query(&request.target).iter().any(is_left_out) {
        token["catalog"] = catalog();
    }
    let headers = HeaderValue::try_from(text)
        .map(|text| vec![redacted(HeaderName::from_static("x-subject-token"), text)]);
    Ok(Reply::Http {
        status: StatusCode::CREATED,
        headers: headers.unwrap_or_default(),
        body: json!({ "token": token }).to_string().into_bytes(),
    })
}

/// One service, at a place that does not exist.
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

/// An id that stays the same: 32 hexadecimal digits.
fn id_of(names: &[&str]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for name in names {
        hash.update(name.as_bytes());
        // Between them, since they may hold anything else.
        hash.update(&[0xff]);
    }
    hex(&hash.finish().as_ref()[..16])
}

#[derive(Deserialize)]
struct Body {
    auth: Auth,
}

impl Body {
    /// None if it is malformed. Members that are not known are left alone, as Keystone does.
    fn read(body: &[u8]) -> Option<Self> {
        let body: Self = serde_json::from_slice(body).ok()?;
        let has_method = body.auth.identity.methods.iter().any(|method| method == "password");
        let is_somewhere = body.auth.scope.as_ref().is_none_or(Scope::is_somewhere);
        (has_method && is_somewhere).then_some(body)
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

/// If both are there the project counts.
#[derive(Default, Deserialize)]
struct Scope {
    project: Option<Place>,
    domain: Option<Place>,
}

impl Scope {
    fn is_somewhere(&self) -> bool {
        let mut places = [&self.project, &self.domain].into_iter().flatten().peekable();
        places.peek().is_some() && places.all(|place| place.id.is_some() || place.name.is_some())
    }
}

/// A project or a domain: by its id, by its name, or by both.
#[derive(Deserialize)]
struct Place {
    id: Option<String>,
    name: Option<String>,
}

impl Place {
    /// Both, whichever was said.
    fn shown(self) -> Value {
        let id = self.id.unwrap_or_else(|| id_of(&[self.name.as_deref().unwrap_or_default()]));
        json!({ "name": self.name.as_ref().unwrap_or(&id), "id": id })
    }
}
