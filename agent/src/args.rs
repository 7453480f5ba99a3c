//! The command line. It takes no secret, because other users of the machine can read it.

#[cfg(feature = "simulator")]
use std::net::SocketAddr;
use std::{ffi::OsString, fmt, path::PathBuf, time::Duration};

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use huaweicloud_sms::CommandResult;

use crate::{exec::plan::OnInterrupted, transport::AVAILABLE};

/// Obtains the commands of a source server from the Huawei Cloud Server Migration Service (SMS).
/// Unofficial.
///
/// Exit status of obtain: 0 a command or a task's state; 2 wrong usage or input, nothing was sent; 3 no
/// command; 4 the API rejected the request; 5 the response was not understood; 6 the service was not
/// reached, did not finish in time, or sent too much; 7 the answer arrived, but could not be written.
#[derive(Debug, Parser)]
#[command(name = "sms-agent", version, max_term_width = 100)]
pub(crate) struct Args {
    /// Log more to standard error; up to three times. No secret is logged.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Obtain a command from a simulated service in this process, through each transport, over
    /// HTTP and HTTPS. Needs no network.
    #[cfg(feature = "simulator")]
    Demo,
    /// Obtain the command of a source server once, with a token, an access key or a user's password.
    /// None of them is taken from the command line.
    Obtain {
        #[command(flatten)]
        call: Call,
    },
    /// Report the result of a command once. The service takes it only for the command that it holds.
    ///
    /// Exit status: 0 the service took the report; 2 to 7 as of obtain.
    Report(Report),
    /// Check each step of a call, and tell what is wrong and what to do. It makes one call at most, and a
    /// user's login before it. A command that waits is neither run nor taken.
    ///
    /// Exit status: 0 if nothing failed, else the first check that did: 10 configuration, 11 clock, 12 name
    /// (look-up), 13 proxy, 14 tcp, 15 tls, 16 gateway, 17 skew (of the clock), 18 credential, 19
    /// permission, 20 server, 21 answer. 2 wrong usage, 7 the results could not be written.
    Doctor {
        #[command(flatten)]
        call: Call,
    },
    /// Poll until interrupted, and print every new answer with its time. It backs off after failures and
    /// renews a user's token before it expires. After a rejection it waits for 5 minutes (longer after
    /// further ones, up to an hour), or until the credential's file has a new one. At SIGHUP it looks at
    /// that file at once.
    ///
    /// Exit status: 0 interrupted, 1 the answers cannot be printed any more, 2 wrong input.
    Watch(Watch),
    /// Log an IAM user in, write the token to a file and print when it expires.
    ///
    /// Exit status: 0; 2 to 6 as of obtain; 7 logged in, but the token or its expiry could not be written.
    Token(Token),
    /// Run a simulated service on loopback until interrupted. It prints its address, then a line for
    /// each request, with the command that was delivered or the result that was reported.
    #[cfg(feature = "simulator")]
    Simulate(Simulate),
}

/// A call with its credential.
#[derive(Debug, clap::Args)]
pub(crate) struct Call {
    /// The service's address, as the Agents page of the SMS console shows it. Without a scheme it is
    /// https://.
    #[arg(long, value_name = "URL", env = "HW_SMS_ENDPOINT", hide_env_values = true)]
    pub(crate) endpoint: String,

    /// The id under which the source server is registered.
    #[arg(long, value_name = "ID", env = "HW_SMS_SERVER_ID", hide_env_values = true)]
    pub(crate) server_id: String,

    /// A file with the token (X-Subject-Token of IAM), `-` for standard input.
    #[arg(long, value_name = "PATH|-", conflicts_with = "credentials_file")]
    pub(crate) token_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) credentials: Credentials,

    /// Sign with the service's clock, for a machine whose own clock is wrong and cannot be set.
    #[arg(long)]
    pub(crate) follow_server_clock: bool,

    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// The source of a key or a password.
#[derive(Debug, clap::Args)]
pub(crate) struct Credentials {
    /// A file with an access key (section basic or global: ak, sk, as the SDKs read it) or a user (section
    /// password: domain_name, user_name, password) [default: the environment's
    /// HUAWEICLOUD_SDK_CREDENTIALS_FILE, else its token, key or user].
    #[arg(long, value_name = "PATH")]
    pub(crate) credentials_file: Option<PathBuf>,

    /// The address of IAM, where a user logs in, for example `https://iam.myhuaweicloud.com` [default: that
    /// of the credentials file, else the environment's HUAWEICLOUD_SDK_IAM_ENDPOINT, HW_AUTH_URL or
    /// OS_AUTH_URL].
    #[arg(long, value_name = "URL")]
    pub(crate) iam_endpoint: Option<String>,
}

/// How a request is sent, and how its outcome is printed.
#[derive(Debug, clap::Args)]
pub(crate) struct Connection {
    /// The HTTP client.
    #[arg(long, value_name = "NAME", default_value_t = AVAILABLE[0])]
    pub(crate) transport: Transport,

    /// The limit of a whole call, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,

    /// The limit of making a connection, in seconds: look-up, connect, proxy and TLS. At most 9/10 of the
    /// timeout.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) connect_timeout: Duration,

    /// Trust exactly the certificates of this PEM file, instead of the system's store.
    #[arg(long, value_name = "PEM")]
    pub(crate) ca_cert: Option<PathBuf>,

    /// Use this HTTP proxy, http://host:port, instead of the environment's. An address with a password
    /// goes into HTTPS_PROXY.
    #[arg(long, value_name = "URL", conflicts_with = "no_proxy")]
    pub(crate) proxy: Option<String>,

    /// Use no proxy, not even the environment's.
    #[arg(long)]
    pub(crate) no_proxy: bool,

    /// Accept http:// addresses. Token and password are then sent in clear text.
    #[arg(long)]
    pub(crate) allow_http: bool,

    /// The largest body of a response, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 256 * 1024)]
    pub(crate) max_body: usize,

    /// How to print the outcome: for people, or one JSON object on one line.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) call: Call,

    /// The name of the command, as obtain printed it.
    #[arg(long = "command", value_name = "NAME")]
    pub(crate) command_name: String,

    /// How the command ended: success or fail.
    #[arg(long, value_name = "RESULT")]
    pub(crate) result: CommandResult,

    /// A file with details for the service to keep, a JSON object of at most 64 KiB; `-` for standard input
    /// [default: {}].
    #[arg(long, value_name = "PATH|-")]
    pub(crate) detail: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Token {
    /// Where to write the token: a file, which is replaced in one step and which only its owner can read,
    /// or `-` for standard output. A symbolic link is followed. A file that cannot be replaced, because it is
    /// mounted by itself or its folder is read-only, is overwritten.
    #[arg(long, value_name = "PATH|-")]
    pub(crate) out: PathBuf,

    /// With `--out -`: write the token even to a terminal.
    #[arg(long)]
    pub(crate) to_terminal: bool,

    #[command(flatten)]
    pub(crate) credentials: Credentials,

    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(crate) call: Call,

    /// The time from an answer to the next call, in seconds. Each call is an audit event (CTS) of the
    /// customer.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) interval: Duration,

    /// The longest wait after failures, in seconds; the first is 5. A rejected credential waits longer.
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    pub(crate) max_backoff: Duration,

    /// The longest wait that the service can ask for (Retry-After), in seconds, at most 86400 [default: that
    /// of --max-backoff].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) max_retry_after: Option<Duration>,

    /// Print an answer even if it is the same as the one before, instead of counting it.
    #[arg(long)]
    pub(crate) every: bool,

    /// Print each command at most once per task. A restarted task's second START is not printed.
    #[arg(long, conflicts_with = "every")]
    pub(crate) once_per_command: bool,

    #[command(flatten)]
    pub(crate) exec: Exec,
}

/// How commands are carried out.
#[derive(Debug, clap::Args)]
pub(crate) struct Exec {
    /// Run this program for each new command, and report its result. No shell is used. Give it last: what
    /// follows are the program's arguments.
    #[arg(long, value_name = "PROGRAM [ARG]", num_args = 1.., allow_hyphen_values = true)]
    pub(crate) exec: Vec<OsString>,

    /// The folder of the journal, in which a command survives a restart of the agent [default: the environment's
    /// STATE_DIRECTORY, which systemd sets].
    #[arg(long, value_name = "DIR", requires = "exec")]
    pub(crate) state_dir: Option<PathBuf>,

    /// The longest run of the program, in seconds; 0 for no limit.
    #[arg(long, value_name = "SECONDS", default_value = "86400", requires = "exec", value_parser = seconds)]
    pub(crate) exec_timeout: Duration,

    /// What becomes of a command that was being carried out when the agent ended.
    #[arg(long, value_enum, default_value = "report-failure", requires = "exec")]
    pub(crate) on_interrupted: OnInterrupted,

    /// Let a STOP wait until a START of its task has ended, instead of ending it.
    #[arg(long, requires = "exec")]
    pub(crate) stop_waits: bool,
}

#[cfg(feature = "simulator")]
#[derive(Debug, clap::Args)]
pub(crate) struct Simulate {
    /// The address to listen on; loopback only. With port 0 the system chooses a port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,

    /// A JSON file with the responses, as the README of huaweicloud-sms-simulator describes it [default: the
    /// START of the API reference's example, until its result is reported].
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,

    /// A file with the only accepted token, `-` for standard input [default: any token].
    #[arg(long, value_name = "PATH|-")]
    pub(crate) token_file: Option<PathBuf>,

    /// Serve HTTPS, with a certificate of a CA that is made at the start.
    #[arg(long)]
    pub(crate) tls: bool,

    /// Write the certificate of that CA (PEM) to this file.
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(crate) ca_out: Option<PathBuf>,

    /// Append each report of a result that reaches the service, accepted or not, to this file: one JSON
    /// object on one line, with the details as they were sent, before the response is sent.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    Ureq,
    Hyper,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ureq => "ureq",
            Self::Hyper => "hyper",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "expected a number of seconds, such as 30 or 0.5".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Args as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn seconds_are_a_finite_number_of_at_least_0() {
        assert_eq!(seconds("30"), Ok(Duration::from_secs(30)));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["", "x", "-1", "NaN", "inf", "1e300", "30s"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
