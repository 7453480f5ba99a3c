//! A service that checks credentials. Each secret contains a word for which the tests search.

use std::time::Duration;

use huaweicloud_sms_simulator::{Answer, Script, Simulator};

use super::SERVER_ID;

pub(crate) const AK: &str = "EXAMPLEAK00000000001";
pub(crate) const SK: &str = "canarySECRETcanaryKEYcanary";
pub(crate) const TEMPORARY_AK: &str = "EXAMPLETEMPAK0000002";
pub(crate) const SECURITY_TOKEN: &str = "canarySECURITYcanaryTOKENcanary==";
pub(crate) const PASSWORD: &str = "canary Päßwörd \"canary\" \\canary";
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) fn script() -> Script {
    Script::new()
        .idle(SERVER_ID, Answer::command("START", Some("2c06")))
        .access_key(AK, SK)
        .temporary_key(TEMPORARY_AK, SK, SECURITY_TOKEN)
        .user("my-account", "migration", PASSWORD)
}

pub(crate) fn start(script: Script) -> Simulator {
    Simulator::builder().script(script).start().expect("started")
}
