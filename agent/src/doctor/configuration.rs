//! The options, the credential's source, and the mode of its file. Nothing is sent.

use huaweicloud_sms::{Credential, ObtainCommand, Operation, Settings, Unauthenticated, http::Uri};

use super::check::Check;
use crate::{
    args::Call,
    call,
    credential::{self, Loaded},
    file,
};

/// What a call needs. There is none without an endpoint, but there may be no credential.
pub(super) struct Configuration {
    pub(super) call: ObtainCommand,
    pub(super) settings: Settings,
    pub(super) credential: Option<Loaded>,
}

/// Reads the configuration. Without a usable endpoint or settings there is nothing more to check.
pub(super) fn read(args: &Call) -> (Check, Option<Configuration>) {
    const REMEDY: &str =
        "correct that option, file or variable; sms-agent help doctor lists the options";
    let prepared = call::prepare(args);
    let loaded = credential::load(args);
    match (prepared, loaded) {
        (Err(error), _) => (Check::fail("", error, REMEDY), None),
        (Ok((call, settings)), Err(error)) => {
            let found = called(args, &call);
            let check = Check::fail(found, error, REMEDY);
            (check, Some(Configuration { call, settings, credential: None }))
        }
        (Ok((call, settings)), Ok(loaded)) => {
            let found = format!("{}; {}", called(args, &call), source(args, &loaded));
            let exposure =
                credential::file(args).and_then(|path| file::exposure(file::mode_of(&path)?));
            let check = match exposure {
                Some([problem, remedy]) => {
                    Check::warn(found, format!("the credential's file {problem}"), remedy)
                }
                None => Check::ok(found),
            };
            (check, Some(Configuration { call, settings, credential: Some(loaded) }))
        }
    }
}

/// What is called, and how.
fn called(args: &Call, call: &ObtainCommand) -> String {
    let uri = uri(call);
    let endpoint = format!(
        "{}://{}",
        uri.scheme_str().unwrap_or_default(),
        uri.authority().map_or("", |authority| authority.as_str())
    );
    let connection = &args.connection;
    let trust = match &connection.ca_cert {
        Some(path) => format!("trusts only {}", path.display()),
        None => "trusts the system's CAs".into(),
    };
    let limits = (connection.timeout.as_secs_f64(), connection.connect_timeout.as_secs_f64());
    format!(
        "endpoint {endpoint}, server {}, transport {}, timeout {} s, connect timeout {} s, {trust}",
        args.server_id, connection.transport, limits.0, limits.1
    )
}

/// Which credential, and where it comes from.
fn source(args: &Call, loaded: &Loaded) -> String {
    let mode = credential::file(args).and_then(|path| file::mode_of(&path));
    let mode = mode.map(|mode| format!(" (mode {mode:o})")).unwrap_or_default();
    let login = match &loaded.credential {
        Credential::Login(login) => {
            let uri = uri(login);
            format!(", to log in at {}", uri.host().unwrap_or_default())
        }
        _ => String::new(),
    };
    format!("a {} from {}{mode}{login}", loaded.what(), loaded.source)
}

fn uri(operation: &impl Operation) -> Uri {
    operation.request(&Unauthenticated).uri().clone()
}
