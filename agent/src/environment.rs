//! Reads the credential from the environment, under the names of Huawei's SDKs, of its Terraform provider,
//! and of OpenStack. A credential takes all its parts from one of these families.

use std::env;

use crate::{
    args::Credentials,
    credential::{self, Loaded, iam_endpoint},
};

pub(crate) fn key() -> Result<Option<Loaded>, String> {
    for (family, id_name, secret_name) in [
        ("HUAWEICLOUD_SDK_", "AK", "SK"),
        ("HW_", "ACCESS_KEY", "SECRET_KEY"),
        ("OS_", "ACCESS_KEY", "SECRET_KEY"),
    ] {
        let get = |name: &str| variable(&format!("{family}{name}"));
        let [id, secret] = match (get(id_name)?, get(secret_name)?) {
            (Some(id), Some(secret)) => [id, secret],
            (None, None) => continue,
            (Some(_), None) => return Err(half(family, id_name, secret_name)),
            (None, Some(_)) => return Err(half(family, secret_name, id_name)),
        };
        return credential::key(id, secret, &|name| get(&name.to_uppercase()))
            .map(|loaded| Some(loaded.from(format!("{family}{id_name} and {family}{secret_name}"))))
            .map_err(|error| format!("{family}{id_name}, {family}{secret_name}: {error}"));
    }
    Ok(None)
}

pub(crate) fn user(args: &Credentials, allow_http: bool) -> Result<Option<Loaded>, String> {
    let mut missing = None;
    for (family, domain_names, user_name, password_name) in [
        ("HW_", &["DOMAIN_NAME"][..], "USER_NAME", "USER_PASSWORD"),
        (
            "OS_",
            &["DOMAIN_NAME", "USER_DOMAIN_NAME", "PROJECT_DOMAIN_NAME"],
            "USERNAME",
            "PASSWORD",
        ),
    ] {
        let get = |name: &str| variable(&format!("{family}{name}"));
        let user = get(user_name)?;
        // A domain or a user alone is not a credential. Their variables may also be set beside a key.
        let Some(password) = get(password_name)? else {
            if user.is_some() {
                missing.get_or_insert_with(|| half(family, user_name, password_name));
            }
            continue;
        };
        let name = user.ok_or_else(|| half(family, password_name, user_name))?;
        let names: Vec<_> = domain_names.iter().map(|name| format!("{family}{name}")).collect();
        let domain = first_of(names.iter().map(String::as_str))?;
        let (_, domain) = domain.ok_or_else(|| half(family, user_name, domain_names[0]))?;
        let iam = iam_endpoint(args, None, allow_http)?;
        let user =
            credential::user([domain, name, password], &iam, &|name| get(&name.to_uppercase()));
        let source = format!("{family}{user_name} and {family}{password_name}");
        return user.map(|loaded| Some(loaded.from(source)));
    }
    missing.map_or(Ok(None), Err)
}

fn half(family: &str, there: &str, missing: &str) -> String {
    format!("{family}{there} is set, and {family}{missing} is not")
}

/// Returns the first of these variables that is set, with its name.
pub(crate) fn first_of<'a>(
    names: impl IntoIterator<Item = &'a str>,
) -> Result<Option<(&'a str, String)>, String> {
    for name in names {
        if let Some(value) = variable(name)? {
            return Ok(Some((name, value)));
        }
    }
    Ok(None)
}

/// Reads a variable. An empty one counts as missing.
fn variable(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(format!("{name} is not UTF-8")),
    }
}
