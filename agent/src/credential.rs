//! Where a token, key or password comes from. Never from the command line, which other users of the
//! machine can read.

use std::{
    env,
    path::{Path, PathBuf},
};

use huaweicloud_sms::{AccessKey, AuthToken, Credential, IamUser, InvalidInput, IssueToken, Scope};

use crate::{
    args::{Call, Credentials},
    call,
    credentials_file::{CredentialsFile, Section},
    file,
    redactor::Redactor,
};

/// A credential, and what must not be printed of it.
pub(crate) struct Loaded {
    pub(crate) credential: Credential,
    secrets: Vec<String>,
    /// What else it is known by: ids, names, addresses.
    names: Vec<Option<String>>,
}

impl Loaded {
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(String::as_str)
    }

    pub(crate) fn redactor(&self) -> Redactor {
        Redactor::new(self.secrets())
    }

    /// What it is, for people.
    pub(crate) fn what(&self) -> &'static str {
        match self.credential {
            Credential::Token(_) => "token",
            Credential::Key(_) => "key",
            Credential::Login(_) => "password",
        }
    }

    /// What a call carries of it, for people.
    pub(crate) fn proof(&self) -> &'static str {
        match self.credential {
            Credential::Token(_) | Credential::Login(_) => "token",
            Credential::Key(_) => "key",
        }
    }

    /// Whether it is the same one in all that it is made of.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.secrets, &self.names) == (&other.secrets, &other.names)
    }
}

/// The file that a credential is read from, if it is one that can be read again.
pub(crate) fn file_of(args: &Call) -> Option<PathBuf> {
    let file = args.token_file.clone().or_else(|| credentials_file(&args.credentials));
    file.filter(|path| path.as_os_str() != "-")
}

/// Takes the credential from the file that is named, else from the environment: a token, a key, or a
/// user, in Terraform's order. An error names the source and never what was read.
pub(crate) fn load(args: &Call) -> Result<Loaded, String> {
    if let Some(path) = &args.token_file {
        return token_of(&token_text(path)?, "the token file");
    }
    let (credentials, allow_http) = (&args.credentials, args.connection.allow_http);
    if let Some(path) = credentials_file(credentials) {
        return from_file(&path, credentials, allow_http);
    }
    if let Some((name, text)) = first_of(&["HW_AUTH_TOKEN", "OS_AUTH_TOKEN"])? {
        return token_of(&text, name);
    }
    if let Some(loaded) = key_from_environment()? {
        return Ok(loaded);
    }
    if let Some(loaded) = user_from_environment(credentials, allow_http)? {
        return Ok(loaded);
    }
    check_password()?;
    Err("no credential: give --token-file or --credentials-file, or set HW_AUTH_TOKEN (a token), \
         HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK or HW_ACCESS_KEY and HW_SECRET_KEY (a key), or \
         HW_DOMAIN_NAME, HW_USER_NAME and HW_USER_PASSWORD (a user)"
        .into())
}

/// As [`load`], for a user alone: the login, and what must not be printed of it.
pub(crate) fn load_user(
    args: &Credentials,
    allow_http: bool,
) -> Result<(IssueToken, Redactor), String> {
    let path = credentials_file(args);
    let loaded = match &path {
        Some(path) => Some(from_file(path, args, allow_http)?),
        None => user_from_environment(args, allow_http)?,
    };
    let Some(loaded) = loaded else {
        check_password()?;
        return Err("no user: give --credentials-file with a [password] section, or set \
                    HW_DOMAIN_NAME, HW_USER_NAME and HW_USER_PASSWORD"
            .into());
    };
    let redactor = loaded.redactor();
    match loaded.credential {
        Credential::Login(login) => Ok((login, redactor)),
        _ => Err(format!(
            "the credentials file {} has a key, and a token is for a user: give one with a [password] \
             section",
            path.unwrap_or_default().display()
        )),
    }
}

/// A token's file, without the line break that an editor or `echo` ends it with.
pub(crate) fn token_text(path: &Path) -> Result<String, String> {
    // Far more than the longest token: what is longer is another file.
    let text = file::read_token("the token file", path, 64 * 1024)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn token_of(text: &str, source: &str) -> Result<Loaded, String> {
    let token = AuthToken::new(text).map_err(|error| format!("{source}: {error}"))?;
    Ok(Loaded { credential: token.into(), secrets: vec![text.to_owned()], names: Vec::new() })
}

fn credentials_file(args: &Credentials) -> Option<PathBuf> {
    let named = || env::var_os("HUAWEICLOUD_SDK_CREDENTIALS_FILE").filter(|path| !path.is_empty());
    args.credentials_file.clone().or_else(|| named().map(PathBuf::from))
}

fn from_file(path: &Path, args: &Credentials, allow_http: bool) -> Result<Loaded, String> {
    let what = "the credentials file";
    let text = file::read_secret(what, path, 1024 * 1024)?;
    let source = format!("{what} {}", path.display());
    let failed = |error: String| format!("{source}: {error}");
    let file = CredentialsFile::parse(&text).map_err(failed)?;
    let need = |section: &Section, at: &str, name: &str| {
        section.get(name).ok_or_else(|| failed(format!("[{at}] has no {name}")))
    };
    for at in ["basic", "global"] {
        let Some(section) = file.section(at) else { continue };
        let key = Key {
            id: need(section, at, "ak")?,
            secret: need(section, at, "sk")?,
            security_token: section.get("security_token"),
            // As the SDKs do.
            project_id: section.get("project_id").filter(|_| at == "basic"),
            domain_id: section.get("domain_id").filter(|_| at == "global"),
        };
        return key.load().map_err(|error| failed(error.to_string()));
    }
    let at = "password";
    let section = file.section(at).ok_or_else(|| {
        failed("it has none of the sections [basic], [global] and [password]".into())
    })?;
    let user = User {
        domain: need(section, at, "domain_name")?,
        name: need(section, at, "user_name")?,
        password: need(section, at, "password")?,
        project_id: section.get("project_id"),
        project_name: section.get("project_name"),
    };
    user.load(iam_endpoint(args, section.get("iam_endpoint"))?, allow_http).map_err(failed)
}

/// A key as it was found.
struct Key {
    id: String,
    secret: String,
    security_token: Option<String>,
    project_id: Option<String>,
    domain_id: Option<String>,
}

impl Key {
    fn load(self) -> Result<Loaded, InvalidInput> {
        let mut key = AccessKey::new(&self.id, &self.secret)?;
        if let Some(token) = &self.security_token {
            key = key.security_token(token)?;
        }
        if let Some(id) = &self.project_id {
            key = key.project_id(id)?;
        } else if let Some(id) = &self.domain_id {
            key = key.domain_id(id)?;
        }
        let secrets = [self.secret].into_iter().chain(self.security_token).collect();
        let names = vec![Some(self.id), self.project_id, self.domain_id];
        Ok(Loaded { credential: key.into(), secrets, names })
    }
}

/// A user as it was found.
struct User {
    domain: String,
    name: String,
    password: String,
    project_id: Option<String>,
    project_name: Option<String>,
}

impl User {
    fn load(self, iam_endpoint: String, allow_http: bool) -> Result<Loaded, String> {
        let failed = |error: InvalidInput| error.to_string();
        // Terraform's form of the address ends with the version of the API.
        let address = iam_endpoint.trim_end_matches('/');
        let address = address.strip_suffix("/v3").unwrap_or(address);
        let endpoint = call::endpoint(address, allow_http)
            .map_err(|error| format!("IAM's address: {error}"))?;
        let user = IamUser::new(&self.domain, &self.name, &self.password).map_err(failed)?;
        let scope = match (&self.project_id, &self.project_name) {
            (Some(id), _) => Scope::ProjectId(id),
            (None, Some(name)) => Scope::ProjectName(name),
            (None, None) => Scope::Account,
        };
        let login = IssueToken::new(&endpoint, &user, scope).map_err(failed)?;
        let names = vec![
            Some(iam_endpoint),
            Some(self.domain),
            Some(self.name),
            self.project_id,
            self.project_name,
        ];
        Ok(Loaded { credential: login.into(), secrets: vec![self.password], names })
    }
}

/// The names of the SDKs, of Huawei's Terraform provider, and of OpenStack, which that one takes too. Those
/// of one family belong together.
fn key_from_environment() -> Result<Option<Loaded>, String> {
    for [id_name, secret_name, security_token, project_id, domain_id] in [
        [
            "HUAWEICLOUD_SDK_AK",
            "HUAWEICLOUD_SDK_SK",
            "HUAWEICLOUD_SDK_SECURITY_TOKEN",
            "HUAWEICLOUD_SDK_PROJECT_ID",
            "HUAWEICLOUD_SDK_DOMAIN_ID",
        ],
        ["HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN", "HW_PROJECT_ID", "HW_DOMAIN_ID"],
        ["OS_ACCESS_KEY", "OS_SECRET_KEY", "OS_SECURITY_TOKEN", "OS_PROJECT_ID", "OS_DOMAIN_ID"],
    ] {
        let (id, secret) = (variable(id_name)?, variable(secret_name)?);
        let Some([id, secret]) = all_or_none([(id_name, id), (secret_name, secret)])? else {
            continue;
        };
        let key = Key {
            id,
            secret,
            security_token: variable(security_token)?,
            project_id: variable(project_id)?,
            domain_id: variable(domain_id)?,
        };
        return key.load().map(Some).map_err(|error| format!("{id_name}, {secret_name}: {error}"));
    }
    Ok(None)
}

fn user_from_environment(args: &Credentials, allow_http: bool) -> Result<Option<Loaded>, String> {
    for (domain_names, user_name, password_name, project_id, project_name) in [
        (
            &["HW_DOMAIN_NAME"][..],
            "HW_USER_NAME",
            "HW_USER_PASSWORD",
            "HW_PROJECT_ID",
            "HW_PROJECT_NAME",
        ),
        (
            &["OS_DOMAIN_NAME", "OS_USER_DOMAIN_NAME", "OS_PROJECT_DOMAIN_NAME"],
            "OS_USERNAME",
            "OS_PASSWORD",
            "OS_PROJECT_ID",
            "OS_PROJECT_NAME",
        ),
    ] {
        let password = variable(password_name)?;
        // A domain or a user alone says nothing: a key's may be set with the same names.
        if password.is_none() {
            continue;
        }
        let domain = first_of(domain_names)?.map(|(_, domain)| domain);
        let found = [
            (domain_names[0], domain),
            (user_name, variable(user_name)?),
            (password_name, password),
        ];
        let Some([domain, name, password]) = all_or_none(found)? else { continue };
        let user = User {
            domain,
            name,
            password,
            project_id: variable(project_id)?,
            project_name: variable(project_name)?,
        };
        return user.load(iam_endpoint(args, None)?, allow_http).map(Some);
    }
    Ok(None)
}

/// Where there is no credential: whether that is a user's for want of a password.
fn check_password() -> Result<(), String> {
    for (user, password) in [("HW_USER_NAME", "HW_USER_PASSWORD"), ("OS_USERNAME", "OS_PASSWORD")] {
        if variable(user)?.is_some() {
            return Err(format!("{user} is set, and {password} is not"));
        }
    }
    Ok(())
}

/// Never guessed: a password goes there.
fn iam_endpoint(args: &Credentials, in_file: Option<String>) -> Result<String, String> {
    if let Some(endpoint) = args.iam_endpoint.clone().or(in_file) {
        return Ok(endpoint);
    }
    let names = ["HUAWEICLOUD_SDK_IAM_ENDPOINT", "HW_AUTH_URL", "OS_AUTH_URL"];
    first_of(&names)?.map(|(_, endpoint)| endpoint).ok_or_else(|| {
        "no address to log in at: give --iam-endpoint or set HW_AUTH_URL, to \
         https://iam.myhuaweicloud.com or your region's"
            .into()
    })
}

/// A variable of the environment; an empty one is none.
fn variable(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(format!("{name} is not UTF-8")),
    }
}

fn first_of(names: &[&'static str]) -> Result<Option<(&'static str, String)>, String> {
    for name in names {
        if let Some(value) = variable(name)? {
            return Ok(Some((name, value)));
        }
    }
    Ok(None)
}

/// Values that are of use only together.
fn all_or_none<const N: usize>(
    found: [(&str, Option<String>); N],
) -> Result<Option<[String; N]>, String> {
    let missing = found.iter().find(|(_, value)| value.is_none());
    let there = found.iter().find(|(_, value)| value.is_some());
    match (there, missing) {
        (Some((there, _)), Some((missing, _))) => {
            Err(format!("{there} is set, and {missing} is not"))
        }
        (None, _) => Ok(None),
        (Some(_), None) => Ok(Some(found.map(|(_, value)| value.unwrap_or_default()))),
    }
}
