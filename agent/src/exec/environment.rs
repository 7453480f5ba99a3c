//! Sets the environment of the operator's program. It is the agent's own with the variables of the command,
//! and without those that are only for the agent.

use std::{env, ffi::OsStr, process};

use huaweicloud_sms::{Command, ServerId};

use super::run_id::RunId;

/// The families of names from which the agent and the SDKs read credentials.
const CREDENTIALS: [&str; 3] = ["HUAWEICLOUD_SDK_", "HW_", "OS_"];

/// The variables that systemd sets for the process that it started.
const SYSTEMD: [&str; 7] = [
    "CREDENTIALS_DIRECTORY",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

/// The content of the variables that a program gets.
pub(super) struct Environment<'a> {
    pub(super) run: RunId,
    pub(super) command: &'a Command,
    pub(super) server_id: &'a ServerId,
}

impl Environment<'_> {
    /// Sets the variables of the run. Unsets the variable of a parameter that the command does not have,
    /// because the agent's environment may have it.
    pub(super) fn set(&self, child: &mut process::Command) {
        for (name, value) in env::vars_os() {
            if is_withheld(&name, &value) {
                child.env_remove(name);
            }
        }
        let param = &self.command.param;
        for (name, value) in [
            ("SMS_COMMAND_NAME", Some(self.command.name.as_str())),
            ("SMS_TASK_ID", param.task_id.as_deref()),
            ("SMS_BUCKET", param.bucket.as_deref()),
            ("SMS_OBJECT", param.object.as_deref()),
            ("SMS_SERVER_ID", Some(self.server_id.as_str())),
        ] {
            match value {
                Some(value) => child.env(name, value),
                None => child.env_remove(name),
            };
        }
        self.run.mark(child);
    }
}

/// Returns whether the program must not get a variable. On Windows, `hw_access_key` is `HW_ACCESS_KEY`.
fn is_withheld(name: &OsStr, value: &OsStr) -> bool {
    let name = name.to_string_lossy().to_uppercase();
    let has_password = || value.as_encoded_bytes().contains(&b'@');
    CREDENTIALS.iter().any(|family| name.starts_with(family))
        || SYSTEMD.contains(&&*name)
        || name.ends_with("_PROXY") && has_password()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn withholds_the_variables_for_the_agent_only() {
        for (name, value, expected) in [
            ("HUAWEICLOUD_SDK_SK", "s", true),
            ("HUAWEICLOUD_SDK_CREDENTIALS_FILE", "/f", true),
            ("HW_SECRET_KEY", "s", true),
            ("HW_AUTH_TOKEN", "s", true),
            ("hw_user_password", "s", true),
            ("OS_PASSWORD", "s", true),
            ("CREDENTIALS_DIRECTORY", "/run/credentials", true),
            ("NOTIFY_SOCKET", "/run/systemd/notify", true),
            ("WATCHDOG_USEC", "60000000", true),
            ("LISTEN_FDS", "1", true),
            ("HTTPS_PROXY", "http://user:password@proxy:3128", true),
            ("https_proxy", "http://user:password@proxy:3128", true),
            ("HTTPS_PROXY", "http://proxy:3128", false),
            ("NO_PROXY", "localhost", false),
            ("PATH", "/usr/bin:/home/a@b/bin", false),
            ("HOME", "/root", false),
            ("LANG", "C.UTF-8", false),
            ("TMPDIR", "/tmp", false),
            ("STATE_DIRECTORY", "/var/lib/sms-agent", false),
            ("HWMON", "", false),
            ("OSTYPE", "linux", false),
        ] {
            assert_eq!(
                is_withheld(OsStr::new(name), OsStr::new(value)),
                expected,
                "{name}={value}"
            );
        }
    }
}
