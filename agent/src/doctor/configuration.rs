//! Checks the options, the credential's source, and the mode of its file. Sends nothing.

use huaweicloud_sms::{Credential, Endpoint, ObtainCommand, Operation, Settings, Unauthenticated};

use super::check::Check;
use crate::{
    args::Call,
    call,
    credential::{self, Loaded},
    file,
    transport::address,
};

/// The configuration of a call. It has an endpoint, and a credential if one could be loaded.
pub(super) struct Configuration {
    pub(super) call: ObtainCommand,
    pub(super) settings: Settings,
    pub(super) credential: Option<Loaded>,
}

/// Reads the configuration. Without a usable endpoint or settings there is nothing more to check.
pub(super) fn read(args: &Call) -> (Check, Option<Configuration>) {
    const REMEDY: &str =
        "correct that option, file or variable; sms-agent help doctor lists the options";
    let prepared = call::target(args).and_then(|(endpoint, server_id)| {
        let call = ObtainCommand::new(&endpoint, &server_id);
        Ok((endpoint, (call, call::settings(&args.connection)?)))
    });
    let loaded = credential::load(args);
    match (prepared, loaded) {
        (Err(error), _) => (Check::fail("", error, REMEDY), None),
        (Ok((endpoint, (call, settings))), Err(error)) => {
            let found = called(args, &endpoint);
            let check = Check::fail(found, error, REMEDY);
            (check, Some(Configuration { call, settings, credential: None }))
        }
        (Ok((endpoint, (call, settings))), Ok(loaded)) => {
            let mode = credential::file(args).and_then(|path| file::mode_of(&path));
            let found = format!("{}; {}", called(args, &endpoint), source(mode, &loaded));
            let check = match mode.and_then(file::exposure) {
                Some([problem, remedy]) => {
                    Check::warn(found, format!("the credential's file {problem}"), remedy)
                }
                None => Check::ok(found),
            };
            (check, Some(Configuration { call, settings, credential: Some(loaded) }))
        }
    }
}

/// Describes the service, the server and the settings.
fn called(args: &Call, endpoint: &Endpoint) -> String {
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

/// Describes the credential and its source.
fn source(mode: Option<u32>, loaded: &Loaded) -> String {
    let mode = mode.map(|mode| format!(" (mode {mode:o})")).unwrap_or_default();
    let login = match &loaded.credential {
        Credential::Login(login) => {
            format!(", to log in at {}", address(login.request(&Unauthenticated).uri()))
        }
        _ => String::new(),
    };
    format!("a {} from {}{mode}{login}", loaded.what(), loaded.source)
}
