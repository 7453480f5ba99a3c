//! Reads the body of IAM's 201: when the token was issued, and when it expires.

use serde::{
    Deserialize,
    de::{IgnoredAny, MapAccess},
};

use crate::{
    body_problem::{BodyProblem, JsonType},
    json::{self, Member, Problems, Reader, Seed, Text},
    time::Timestamp,
};

#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) expires_at: Timestamp,
    pub(crate) issued_at: Option<Timestamp>,
}

pub(crate) fn read(body: &[u8]) -> Result<Times, BodyProblem> {
    let problems = Problems::default();
    let token = json::read(body, Body { problems: &problems })?;
    if let Some(problem) = problems.into_first() {
        return Err(problem);
    }
    let field = "token.expires_at";
    let Token { expires_at, issued_at } =
        token.into_option().ok_or(BodyProblem::Missing { field: "token" })?;
    Ok(Times {
        expires_at: time(expires_at, field)?.ok_or(BodyProblem::Missing { field })?,
        issued_at: time(issued_at, "token.issued_at")?,
    })
}

fn time(
    member: Member<Option<Timestamp>>,
    field: &'static str,
) -> Result<Option<Timestamp>, BodyProblem> {
    match member {
        Member::Is(Some(time)) => Ok(Some(time)),
        Member::Is(None) => Err(BodyProblem::Invalid { field }),
        Member::Null | Member::Absent => Ok(None),
    }
}

#[derive(Default)]
struct Token {
    expires_at: Member<Option<Timestamp>>,
    issued_at: Member<Option<Timestamp>>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Token,
    #[serde(other)]
    Unknown,
}

struct Body<'a> {
    problems: &'a Problems,
}

impl<'de> Reader<'de> for Body<'_> {
    type Value = Member<Token>;

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let problems = self.problems;
        let mut token = Member::Absent;
        while let Some(key) = object.next_key()? {
            match key {
                Key::Token => {
                    let value = object.next_value_seed(Seed(TokenObject { problems }))?;
                    token.set(value, "token", problems);
                }
                Key::Unknown => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        Ok(token)
    }

    fn other(self, found: JsonType) -> Self::Value {
        self.problems.record(BodyProblem::NotAnObject { found });
        Member::Absent
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum TokenKey {
    ExpiresAt,
    IssuedAt,
    #[serde(other)]
    Unknown,
}

struct TokenObject<'a> {
    problems: &'a Problems,
}

impl<'de> Reader<'de> for TokenObject<'_> {
    type Value = Member<Token>;

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let problems = self.problems;
        let mut token = Token::default();
        while let Some(key) = object.next_key()? {
            let (member, field) = match key {
                TokenKey::ExpiresAt => (&mut token.expires_at, "token.expires_at"),
                TokenKey::IssuedAt => (&mut token.issued_at, "token.issued_at"),
                TokenKey::Unknown => {
                    object.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let make = Timestamp::parse as fn(&str) -> Option<Timestamp>;
            let text = Text { field, limit: None, make, problems };
            let value = object.next_value_seed(Seed(text))?;
            member.set(value, field, problems);
        }
        Ok(Member::Is(token))
    }

    fn other(self, found: JsonType) -> Self::Value {
        self.problems.expect("token", JsonType::Object, found);
        Member::Null
    }
}
