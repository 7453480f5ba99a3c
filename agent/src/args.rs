//! The command line. No secret is taken from it: other users of the machine can read it.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{ArgAction, Parser, Subcommand, ValueEnum};

/// Asks the Huawei Cloud Server Migration Service (SMS) what a source server is to do.
/// Unofficial.
///
/// Exit status of obtain: 0 a command or a task's state; 2 wrong usage or input; 3 nothing to do; 4 the API
/// refused; 5 the answer was not understood; 6 the service was not reached, did not finish in time
/// or sent too much.
#[derive(Debug, Parser)]
#[command(name = "sms-agent", version, max_term_width = 100)]
pub(crate) struct Args {
    /// Log more to standard error; up to three times. Never a secret.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Obtain a command from a simulated service in this process, through each transport, over
    /// HTTP and HTTPS. Needs no network.
    Demo,
    /// Ask once for the command of a source server, with a token, an access key, or a user's password.
    /// None of them is taken from the command line.
    Obtain {
        #[command(flatten)]
        call: Call,
    },
    /// Ask again and again until interrupted, and print every new answer with its time. Waits after
    /// failures, logs in anew before a token expires, leaves what is refused alone for 5 minutes, and reads
    /// its file again then.
    ///
    /// Exit status: 0 when interrupted, 1 when nobody reads the answers any more, 2 wrong input.
    Watch(Watch),
    /// Log an IAM user in, write the token to a file and print when it expires.
    ///
    /// Exit status: 0, or as of obtain.
    Token(Token),
    /// Run a simulated service on loopback until interrupted. Prints its address first, then a
    /// line per request.
    Simulate(Simulate),
}

/// What is asked, by whom, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Call {
    /// The service's address, as the SMS console's Agents page shows it.
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

    /// Sign by the service's clock, where this machine's is wrong and can't be set.
    #[arg(long)]
    pub(crate) follow_server_clock: bool,

    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Where a key or a password comes from.
#[derive(Debug, clap::Args)]
pub(crate) struct Credentials {
    /// A file with an access key (section basic or global: ak, sk, as the SDKs read it) or a user (section
    /// password: domain_name, user_name, password) [default: the environment's
    /// HUAWEICLOUD_SDK_CREDENTIALS_FILE, else its token, key or user].
    #[arg(long, value_name = "PATH")]
    pub(crate) credentials_file: Option<PathBuf>,

    /// IAM's address, where a user logs in, for example `https://iam.myhuaweicloud.com` [default: that of the
    /// credentials file, else the environment's HUAWEICLOUD_SDK_IAM_ENDPOINT, HW_AUTH_URL or
    /// OS_AUTH_URL].
    #[arg(long, value_name = "URL")]
    pub(crate) iam_endpoint: Option<String>,
}

/// How it is asked, and how the answer is printed.
#[derive(Debug, clap::Args)]
pub(crate) struct Connection {
    /// Which HTTP client carries the request [default: the first of these in this build].
    #[arg(long, value_name = "NAME")]
    pub(crate) transport: Option<Transport>,

    /// The limit of the whole call, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,

    /// Trust exactly the certificates of this PEM file, instead of the system's store.
    #[arg(long, value_name = "PEM")]
    pub(crate) ca_cert: Option<PathBuf>,

    /// Go through this HTTP proxy, http://host:port, instead of the environment's. One that wants
    /// a password goes into HTTPS_PROXY.
    #[arg(long, value_name = "URL", conflicts_with = "no_proxy")]
    pub(crate) proxy: Option<String>,

    /// Use no proxy, whatever the environment says.
    #[arg(long)]
    pub(crate) no_proxy: bool,

    /// Accept http:// addresses: token and password travel in clear text.
    #[arg(long)]
    pub(crate) allow_http: bool,

    /// The largest answer that is read, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 256 * 1024)]
    pub(crate) max_body: usize,

    /// How to print the answer: for people, or one JSON object on one line.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Token {
    /// Where the token is written: a file that only its owner can read, replaced in one step, or `-` for
    /// standard output.
    #[arg(long, value_name = "PATH|-")]
    pub(crate) out: PathBuf,

    /// With `--out -`: write the token to a terminal too.
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

    /// From an answer to the next call, in seconds. Each call is an audit event (CTS) at the
    /// customer.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) interval: Duration,

    /// The longest wait after failures, in seconds; the first is 5.
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    pub(crate) max_backoff: Duration,

    /// Print an answer also if it is the same as the one before, instead of counting it.
    #[arg(long)]
    pub(crate) every: bool,

    /// Print a command with its task only once, also if other answers came in between: of a task that
    /// is paused and started again the first START.
    #[arg(long, conflicts_with = "every")]
    pub(crate) once_per_command: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Simulate {
    /// Where to listen; loopback only. Port 0 lets the system choose.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,

    /// A JSON file with the answers [default: always the page's example, START].
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,

    /// A file with the only token to accept, `-` for standard input [default: any token].
    #[arg(long, value_name = "PATH|-")]
    pub(crate) token_file: Option<PathBuf>,

    /// Speak HTTPS, with a certificate of a CA made at start.
    #[arg(long)]
    pub(crate) tls: bool,

    /// Write that CA's certificate (PEM) to this file.
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(crate) ca_out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    Ureq,
    Hyper,
}

impl Transport {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ureq => "ureq",
            Self::Hyper => "hyper",
        }
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
    fn numbers_of_seconds() {
        assert_eq!(seconds("30"), Ok(Duration::from_secs(30)));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["", "x", "-1", "NaN", "inf", "1e300", "30s"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
