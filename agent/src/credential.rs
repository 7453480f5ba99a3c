//! Loads the credential. It never comes from the command line, which other users of the machine can
//! read.

use std::{
    env,
    path::{Path, PathBuf},
    sync::Once,
    thread,
    time::Duration,
};

use huaweicloud_sms::{
    AccessKey, AuthToken, Credential, Endpoint, IamUser, InvalidInput, IssueToken, Scope,
};

use crate::{
    args::{Call, Credentials},
    call,
    credentials_file::{CredentialsFile, Section},
    environment, file,
    redactor::{self, Kind},
};

/// The time for which a new credential has to stay in its file before it is sent.
const SETTLE: Duration = Duration::from_secs(1);

/// A credential and its parts. The parts are compared to find out whether its file has another one.
pub(crate) struct Loaded {
    pub(crate) credential: Credential,
    /// The source: a file, or variables of the environment.
    pub(crate) source: String,
    secrets: Vec<String>,
    /// The parts that are not secret: ids, names, addresses.
    names: Vec<Option<String>>,
}

impl Loaded {
    /// Creates the value, and withholds the secrets from every output from now on.
    fn new(credential: Credential, secrets: Vec<String>, names: Vec<Option<String>>) -> Self {
        secrets.iter().for_each(|secret| redactor::keep(Kind::Credential, secret));
        Self { credential, source: String::new(), secrets, names }
    }

    pub(crate) fn from(self, source: impl Into<String>) -> Self {
        Self { source: source.into(), ..self }
    }

    /// Returns the kind of the credential, for people.
    pub(crate) fn what(&self) -> &'static str {
        match self.credential {
            Credential::Token(_) => "token",
            Credential::Key(_) => "key",
            _ => "password",
        }
    }

    /// Returns the owner of the credential, for people.
    pub(crate) fn who(&self) -> String {
        match (&self.credential, self.names.as_slice()) {
            (Credential::Key(_), [Some(id), ..]) => format!("access key {id}"),
            (Credential::Login(_), [_, Some(domain), Some(name), ..]) => {
                format!("user {name} of {domain}")
            }
            _ => format!("a {}", self.what()),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.secrets, &self.names) == (&other.secrets, &other.names)
    }

    /// Returns the kind of credential that a call sends, for people.
    pub(crate) fn sent(&self) -> &'static str {
        if matches!(self.credential, Credential::Key(_)) { "key" } else { "token" }
    }
}

/// Loads the credential from the named file, or else from the environment: a token, a key or a user, in the
/// order of Terraform. An error names the source and never repeats its content.
pub(crate) fn load(args: &Call) -> Result<Loaded, String> {
    if let Some(path) = &args.token_file {
        let loaded = token_of(&token_text(path)?, "the token file")?;
        return Ok(loaded.from(format!("the token file {}", path.display())));
    }
    let (credentials, allow_http) = (&args.credentials, args.connection.allow_http);
    if let Some(path) = credentials_file(credentials) {
        return from_file(&path, credentials, allow_http);
    }
    if let Some((name, text)) = environment::first_of(["HW_AUTH_TOKEN", "OS_AUTH_TOKEN"])? {
        return token_of(&text, name);
    }
    if let Some(loaded) = environment::key()? {
        return Ok(loaded);
    }
    environment::user(credentials, allow_http)?.ok_or_else(|| {
        "no credential: give --token-file or --credentials-file, or set HW_AUTH_TOKEN (a token), \
         HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK or HW_ACCESS_KEY and HW_SECRET_KEY (a key), or \
         HW_DOMAIN_NAME, HW_USER_NAME and HW_USER_PASSWORD (a user)"
            .into()
    })
}

/// Loads a new credential from the file of the old one. An error says why the file has no new one.
pub(crate) fn reload(args: &Call, old: &Loaded) -> Result<Loaded, String> {
    if file(args).is_none_or(|path| path == Path::new("-")) {
        return Err("only a credential in a file can be replaced".into());
    }
    let new = load(args)?;
    if new.is_same(old) {
        return Err("its file still has the same".into());
    }
    // While the file is written, it may hold a part of a credential.
    thread::sleep(SETTLE);
    match load(args)?.is_same(&new) {
        true => Ok(new),
        false => Err("its file is being written".into()),
    }
}

/// Returns the file of the credential, `-` for standard input, or `None` if it comes from the environment.
pub(crate) fn file(args: &Call) -> Option<PathBuf> {
    args.token_file.clone().or_else(|| credentials_file(&args.credentials))
}

/// Loads a user as [`load`] does. A token or a key is an error.
pub(crate) fn load_user(args: &Credentials, allow_http: bool) -> Result<IssueToken, String> {
    let path = credentials_file(args);
    let loaded = match &path {
        Some(path) => from_file(path, args, allow_http)?,
        None => environment::user(args, allow_http)?.ok_or(
            "no user: give --credentials-file with a [password] section, or set HW_DOMAIN_NAME, \
             HW_USER_NAME and HW_USER_PASSWORD",
        )?,
    };
    match loaded.credential {
        Credential::Login(login) => Ok(login),
        _ => Err(format!(
            "the credentials file {} has a key, and a token is for a user: give one with a [password] \
             section",
            path.unwrap_or_default().display()
        )),
    }
}

/// Reads the text of a token's file, without the line break that an editor or `echo` appends.
pub(crate) fn token_text(path: &Path) -> Result<String, String> {
    // The limit is far above the longest token.
    let text = file::read_secret("the token file", path, 64 * 1024, 0)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn token_of(text: &str, source: &str) -> Result<Loaded, String> {
    reject_quotes("the token", text).map_err(|error| format!("{source}: {error}"))?;
    let token: AuthToken = text.parse().map_err(|error| format!("{source}: {error}"))?;
    Ok(Loaded::new(token.into(), vec![text.to_owned()], Vec::new()).from(source))
}

fn credentials_file(args: &Credentials) -> Option<PathBuf> {
    let named = || env::var_os("HUAWEICLOUD_SDK_CREDENTIALS_FILE").filter(|path| !path.is_empty());
    args.credentials_file.clone().or_else(|| named().map(PathBuf::from))
}

fn from_file(path: &Path, args: &Credentials, allow_http: bool) -> Result<Loaded, String> {
    let what = "the credentials file";
    // A user with write access could put another IAM address into it, to which the password would be sent.
    let text = file::read_secret(what, path, 1024 * 1024, file::WRITE)?;
    let failed = |error: String| format!("{what} {}: {error}", path.display());
    let section_of_file = |at: &str| format!("{what} {}, section [{at}]", path.display());
    let file = CredentialsFile::parse(&text).map_err(failed)?;
    let of_key = ["basic", "global"].into_iter().find(|at| file.section(at).is_some());
    if let (Some(at), Some(_)) = (of_key, file.section("password")) {
        return Err(failed(format!("it has both [{at}] and [password]: remove one of them")));
    }
    let need = |section: &Section, at: &str, name: &str| {
        section.get(name).ok_or_else(|| failed(format!("[{at}] has no {name}")))
    };
    for (at, ignored) in [("basic", "domain_id"), ("global", "project_id")] {
        let Some(section) = file.section(at) else { continue };
        let (id, secret) = (need(section, at, "ak")?, need(section, at, "sk")?);
        // The SDKs ignore it, too.
        let get = |name: &str| Ok(section.get(name).filter(|_| name != ignored));
        let loaded = key(id, secret, &get).map_err(failed)?;
        return Ok(loaded.from(section_of_file(at)));
    }
    let at = "password";
    let section = file.section(at).ok_or_else(|| {
        failed("it has none of the sections [basic], [global] and [password]".into())
    })?;
    let parts = ["domain_name", "user_name", "password"].map(|name| need(section, at, name));
    let [domain, name, password] = parts;
    let iam = iam_endpoint(args, section.get("iam_endpoint"), allow_http)?;
    let loaded = user([domain?, name?, password?], &iam, &|name| Ok(section.get(name)));
    Ok(loaded.map_err(failed)?.from(section_of_file(at)))
}

/// Rejects a value in quotes. No key, token or name has quotes, and if it were sent, each rejection by the
/// gateway would count towards the lock of an access key.
fn reject_quotes(what: &str, value: &str) -> Result<(), String> {
    const QUOTES: [char; 3] = ['"', '\'', '`'];
    match value.starts_with(QUOTES) || value.ends_with(QUOTES) {
        true => Err(format!("{what} is in quotes, which count as a part of it: remove them")),
        false => Ok(()),
    }
}

/// Finds an optional part of a credential by its name in the credentials file.
pub(crate) type Get<'a> = &'a dyn Fn(&str) -> Result<Option<String>, String>;

pub(crate) fn key(id: String, secret: String, get: Get<'_>) -> Result<Loaded, String> {
    let failed = |error: InvalidInput| error.to_string();
    reject_quotes("the access key id", &id)?;
    reject_quotes("the secret key", &secret)?;
    let mut key = AccessKey::new(&id, &secret).map_err(failed)?;
    let security_token = get("security_token")?;
    if let Some(token) = &security_token {
        reject_quotes("the security token", token)?;
        key = key.with_security_token(token).map_err(failed)?;
    }
    let (project_id, domain_id) = (get("project_id")?, get("domain_id")?);
    if let Some(id) = &project_id {
        key = key.with_project_id(id).map_err(failed)?;
    } else if let Some(id) = &domain_id {
        key = key.with_domain_id(id).map_err(failed)?;
    }
    let secrets = [secret].into_iter().chain(security_token).collect();
    Ok(Loaded::new(key.into(), secrets, vec![Some(id), project_id, domain_id]))
}

/// Checks the parts of a user. `parts` are the names of domain and user, and the password.
pub(crate) fn user(parts: [String; 3], iam: &Endpoint, get: Get<'_>) -> Result<Loaded, String> {
    let failed = |error: InvalidInput| error.to_string();
    let [domain, name, password] = parts;
    reject_quotes("the account's name", &domain)?;
    reject_quotes("the user's name", &name)?;
    if reject_quotes("", &password).is_err() {
        static WARNING: Once = Once::new();
        WARNING.call_once(|| {
            log::warn!("the password begins or ends with a quote, which counts as a part of it");
        });
    }
    let user = IamUser::new(&domain, &name, &password).map_err(failed)?;
    let (project_id, project_name) = (get("project_id")?, get("project_name")?);
    let scope = match (&project_id, &project_name) {
        (Some(id), _) => Scope::ProjectId(id),
        (None, Some(name)) => Scope::ProjectName(name),
        (None, None) => Scope::Account,
    };
    let login = IssueToken::new(iam, &user, scope).map_err(failed)?;
    let names = vec![Some(iam.to_string()), Some(domain), Some(name), project_id, project_name];
    Ok(Loaded::new(login.into(), vec![password], names))
}

/// Returns the address to log in at. It has no default, because a password is sent there.
pub(crate) fn iam_endpoint(
    args: &Credentials,
    in_file: Option<String>,
    allow_http: bool,
) -> Result<Endpoint, String> {
    let names = ["HUAWEICLOUD_SDK_IAM_ENDPOINT", "HW_AUTH_URL", "OS_AUTH_URL"];
    let address = match args.iam_endpoint.clone().or(in_file) {
        Some(address) => address,
        None => environment::first_of(names)?.map(|(_, address)| address).ok_or(
            "no address to log in at: give --iam-endpoint or set HW_AUTH_URL, to \
             https://iam.myhuaweicloud.com or your region's",
        )?,
    };
    // Terraform's form of the address ends with the version of the API.
    let address = address.trim_end_matches('/');
    let address = address.strip_suffix("/v3").unwrap_or(address);
    call::endpoint(address, allow_http).map_err(|error| format!("IAM's address: {error}"))
}
