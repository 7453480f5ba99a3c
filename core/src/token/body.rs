//! Reads the body of IAM's 201: the times at which the token was issued and expires.

use crate::{
    body_problem::BodyProblem,
    json::{self, Json},
    time::Timestamp,
};

const NAMES: &[&str] = &["token", "expires_at", "issued_at"];

#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) expires_at: Timestamp,
    pub(crate) issued_at: Option<Timestamp>,
}

/// The texts of `token`.
struct Token<'a> {
    expires_at: Option<&'a str>,
    issued_at: Option<&'a str>,
}

pub(crate) fn read(body: &[u8]) -> Result<Times, BodyProblem> {
    let members = json::parse(body, NAMES)?;
    let mut token = None;
    for (field, value) in &members {
        if *field == "token" {
            json::set(&mut token, read_token(value)?, field)?;
        }
    }
    let token = token.flatten().ok_or(BodyProblem::Missing { field: "token" })?;
    let field = "token.expires_at";
    Ok(Times {
        expires_at: time(token.expires_at, field)?.ok_or(BodyProblem::Missing { field })?,
        issued_at: time(token.issued_at, "token.issued_at")?,
    })
}

fn read_token<'a>(token: &'a Json<'_>) -> Result<Option<Token<'a>>, BodyProblem> {
    let Some(members) = token.object("token")? else { return Ok(None) };
    let (mut expires_at, mut issued_at) = (None, None);
    for (name, value) in members {
        let (slot, field) = match *name {
            "expires_at" => (&mut expires_at, "token.expires_at"),
            "issued_at" => (&mut issued_at, "token.issued_at"),
            _ => continue,
        };
        json::set(slot, value.string(field, None)?, field)?;
    }
    Ok(Some(Token { expires_at: expires_at.flatten(), issued_at: issued_at.flatten() }))
}

fn time(text: Option<&str>, field: &'static str) -> Result<Option<Timestamp>, BodyProblem> {
    let invalid = BodyProblem::Invalid { field };
    text.map(|text| Timestamp::parse(text).ok_or(invalid)).transpose()
}
