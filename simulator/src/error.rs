use std::io;

/// The error of a simulator that cannot start, or of an invalid script.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is not one of this machine's loopback addresses.
    #[error("the simulator listens on loopback only, not on {0}")]
    NotLoopback(
        /// The address.
        std::net::SocketAddr,
    ),
    /// The simulator cannot listen on the address, or cannot start its thread.
    #[error("the simulator cannot start")]
    Start(#[from] io::Error),
    /// The CA or its certificate cannot be made.
    #[error("the certificate cannot be made: {0}")]
    Certificate(
        /// The description of the problem.
        String,
    ),
    /// The script is not JSON of the documented form.
    #[error("not a script: {0}")]
    Json(#[from] serde_json::Error),
    /// An answer of the script has members that contradict each other, or a value that is not
    /// allowed.
    #[error("server {server}, {place}: {problem}")]
    Answer {
        /// The server's id.
        server: String,
        /// The place of the answer: `answer 1`, `command 1`, `idle`.
        place: String,
        /// The description of the problem.
        problem: String,
    },
    /// A fault by turn or a route of the script has a value that is not allowed.
    #[error("{place}: {problem}")]
    Operation {
        /// The place of the fault or route: `faults, get 1`, `route 1`.
        place: String,
        /// The description of the problem.
        problem: String,
    },
    /// A member of the script about connections has a value that is not allowed.
    #[error("{place}: {problem}")]
    Connection {
        /// The name of the member: `on_accept`, `trickle_ms`.
        place: String,
        /// The description of the problem.
        problem: String,
    },
    /// A member of the script about keys, users, logins, tokens or the clock has a value that is not
    /// allowed.
    #[error("{place}: {problem}")]
    Credentials {
        /// The name of the member: `access_keys`, `users`, `login 1`, `token_life_s`, `clock_ahead_s`.
        place: String,
        /// The description of the problem.
        problem: String,
    },
}
