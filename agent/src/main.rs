//! The program `sms-agent`; see its README.

use std::process::ExitCode;

#[cfg(any(feature = "ureq", feature = "hyper"))]
fn main() -> ExitCode {
    huaweicloud_sms_agent::run()
}

#[cfg(not(any(feature = "ureq", feature = "hyper")))]
fn main() -> ExitCode {
    let _ = std::io::Write::write_all(
        &mut std::io::stderr(),
        b"error: this build has no transport: build with the feature ureq or hyper\n",
    );
    ExitCode::from(2)
}
