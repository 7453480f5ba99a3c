//! Functions that the tests of the program share.
#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod credentials;
#[cfg(unix)]
pub(crate) mod exec;
pub(crate) mod inspecting_proxy;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Instant,
};

use self::credentials::LONG;
use huaweicloud_sms_simulator::{Answer, Simulator};
use tempfile::TempDir;

pub(crate) const TOKEN: &str = "MIIcanaryCANARYcanaryCANARYcanary";
pub(crate) const SERVER_ID: &str = "f32ab4d6-d150-4fb3-aa55-edbb5cf9947f";

/// Returns the transports of this build.
pub(crate) fn transports() -> Vec<&'static str> {
    let ureq = cfg!(feature = "ureq").then_some("ureq");
    ureq.into_iter().chain(cfg!(feature = "hyper").then_some("hyper")).collect()
}

/// Returns the program, without the variables of this environment that it would read.
pub(crate) fn agent(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sms-agent"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if ["HW_", "OS_", "HUAWEICLOUD_", "RUST_LOG"].iter().any(|start| name.starts_with(start)) {
            command.env_remove(&*name);
        }
    }
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "REQUEST_METHOD"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

pub(crate) fn service(answers: impl IntoIterator<Item = Answer>) -> Simulator {
    let simulator = Simulator::builder().token(TOKEN).start().expect("started");
    answers.into_iter().for_each(|answer| simulator.push(SERVER_ID, answer));
    simulator
}

/// Waits until a condition holds. After a minute it fails with this state.
pub(crate) fn wait_until(mut is_so: impl FnMut() -> bool, state: impl FnOnce() -> String) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        if Instant::now() >= deadline {
            panic!("{}", state());
        }
        thread::yield_now();
    }
}

thread_local! {
    static FOLDER: TempDir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("made");
}

/// Returns the folder of this test. Each test has a thread, and the folder is deleted at the thread's end.
pub(crate) fn folder() -> PathBuf {
    FOLDER.with(|folder| folder.path().to_owned())
}

/// Writes a file in the folder of this test.
pub(crate) fn file(name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder().join(name);
    fs::write(&path, content).expect("written");
    // The file may hold a credential.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its owner's");
    }
    path
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Ends the process when dropped.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
