use std::io;

/// Why a simulator could not be started or a script not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is not one of this machine's loopback addresses.
    #[error("the simulator listens on loopback only, not on {0}")]
    NotLoopback(
        /// The address.
        std::net::SocketAddr,
    ),
    /// The address could not be listened on, or a thread not be made.
    #[error("the simulator cannot start")]
    Start(#[from] io::Error),
    /// The CA or its certificate could not be made.
    #[error("the certificate cannot be made: {0}")]
    Certificate(
        /// What went wrong.
        String,
    ),
    /// The script is not JSON of the documented form.
    #[error("not a script: {0}")]
    Json(#[from] serde_json::Error),
    /// An answer of the script contradicts itself.
    #[error("server {server}, {place}: {problem}")]
    Answer {
        /// The server's id.
        server: String,
        /// Which answer: `answer 1`, `idle`.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// What the script says of connections contradicts itself.
    #[error("{place}: {problem}")]
    Connection {
        /// Which member: `on_accept`, `trickle_ms`.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// What the script says of keys, users, logins, tokens or the clock contradicts itself.
    #[error("{place}: {problem}")]
    Credentials {
        /// Which member: `access_keys`, `users`, `login 1`, `token_life_s`, `clock_ahead_s`.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
}
