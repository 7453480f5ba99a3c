//! The command line. It takes no secret, because other users of the machine can read it.

#[cfg(feature = "simulator")]
use std::net::SocketAddr;
use std::{ffi::OsString, fmt, path::PathBuf, time::Duration};

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use huaweicloud_sms::CommandResult;

use crate::{exec::plan::OnInterrupted, help, transport::AVAILABLE};

/// Obtains the commands of a source server from the Huawei Cloud Server Migration Service (SMS).
/// Unofficial.
#[derive(Debug, Parser)]
#[command(name = "sms-agent", version, max_term_width = 100, after_long_help = help::AGENT)]
pub(crate) struct Args {
    /// Log more to standard error; up to three times. No secret is logged.
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Output")]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Obtain a command from a simulated service, without a network.
    ///
    /// The service runs in this process. Each transport sends a request to it, over HTTP and over HTTPS.
    #[cfg(feature = "simulator")]
    #[command(after_long_help = help::DEMO)]
    Demo,
    /// Obtain the command of a source server once.
    ///
    /// The credential is a token, an access key, or an IAM user, who logs in first. The command line takes no
    /// secret.
    #[command(after_long_help = help::OBTAIN)]
    Obtain {
        #[command(flatten)]
        call: Call,
    },
    /// Report the result of a command once.
    ///
    /// The service accepts it only for the command that it holds.
    #[command(
        after_long_help = help::REPORT,
        override_usage = help::REPORT_USAGE,
    )]
    Report(Report),
    /// Check each step of a call, and print the problem and its remedy.
    ///
    /// It makes one call at most, and a user's login before it. It does not run a waiting command, and
    /// reports no result.
    #[command(after_long_help = help::DOCTOR)]
    Doctor {
        #[command(flatten)]
        call: Call,
    },
    /// Poll until interrupted, and print every new answer with its time.
    ///
    /// The agent backs off after failures, and renews a user's token before it expires. After a rejection it
    /// waits for 5 minutes, or until the credential's file has a new credential. It waits longer after each
    /// further rejection, up to an hour. At SIGHUP it reads that file at once.
    #[command(after_long_help = help::WATCH)]
    Watch(Watch),
    /// Log an IAM user in and write the token to a file.
    ///
    /// Prints the time at which the token expires.
    #[command(after_long_help = help::TOKEN)]
    Token(Token),
    /// Run a simulated service on loopback until interrupted.
    ///
    /// Prints its address, then a line for each request, with the command that was delivered or the result that
    /// was reported.
    #[cfg(feature = "simulator")]
    #[command(after_long_help = help::SIMULATE)]
    Simulate(Simulate),
    /// Print the completions for a shell.
    #[command(after_long_help = help::COMPLETIONS)]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages into a folder.
    #[command(after_long_help = help::MAN)]
    Man {
        /// The folder. It must exist.
        folder: PathBuf,
    },
}

/// A call with its credential.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Service")]
pub(crate) struct Call {
    /// The service's address, as the Agents page of the SMS console shows it.
    ///
    /// Without a scheme it is https://.
    #[arg(long, value_name = "URL", env = "HW_SMS_ENDPOINT", hide_env_values = true)]
    pub(crate) endpoint: String,

    /// The id under which the source server is registered.
    #[arg(long, value_name = "ID", env = "HW_SMS_SERVER_ID", hide_env_values = true)]
    pub(crate) server_id: String,

    /// A file with the token (X-Subject-Token of IAM), `-` for standard input.
    #[arg(long, value_name = "PATH|-", conflicts_with = "credentials_file")]
    #[arg(help_heading = "Credentials")]
    pub(crate) token_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) credentials: Credentials,

    /// Sign with the service's clock, for a machine whose own clock is wrong and cannot be set.
    #[arg(long, help_heading = "Credentials")]
    pub(crate) follow_server_clock: bool,

    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// The source of a key or a password.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Credentials")]
pub(crate) struct Credentials {
    /// A file with an access key or a user, as the SDKs read it [default: the environment's].
    ///
    /// Section [basic] or [global] has a key: ak, sk. Section [password] has a user: domain_name, user_name,
    /// password. Without this option the environment's HUAWEICLOUD_SDK_CREDENTIALS_FILE names the file, or
    /// else the environment has a token, a key or a user.
    #[arg(long, value_name = "PATH")]
    pub(crate) credentials_file: Option<PathBuf>,

    /// The address of IAM, where a user logs in, for example https://iam.myhuaweicloud.com.
    ///
    /// Without this option it is that of the credentials file, or else the environment's
    /// HUAWEICLOUD_SDK_IAM_ENDPOINT, HW_AUTH_URL or OS_AUTH_URL.
    #[arg(long, value_name = "URL")]
    pub(crate) iam_endpoint: Option<String>,
}

/// The options of the connection and of the output.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct Connection {
    /// The HTTP client.
    #[arg(long, value_name = "NAME", default_value_t = AVAILABLE[0])]
    pub(crate) transport: Transport,

    /// The limit of a whole call, in seconds.
    #[arg(long, value_name = "SECONDS", env = "HW_SMS_TIMEOUT", hide_env_values = true)]
    #[arg(default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,

    /// The limit of making a connection, in seconds.
    ///
    /// It covers look-up, connect, proxy and TLS. It is at most 9/10 of the timeout.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) connect_timeout: Duration,

    /// Trust exactly the certificates of this PEM file, instead of the system's store.
    #[arg(long, value_name = "PEM", env = "HW_SMS_CA_CERT", hide_env_values = true)]
    pub(crate) ca_cert: Option<PathBuf>,

    /// Use this HTTP proxy, http://host:port, instead of the environment's.
    ///
    /// Put an address with a password into HTTPS_PROXY.
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

    /// The form of the outcome: text for people, or one JSON object on one line.
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    pub(crate) format: Format,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Report")]
pub(crate) struct Report {
    /// The name of the command, as obtain printed it.
    #[arg(long = "command", value_name = "NAME")]
    pub(crate) command_name: String,

    /// The result of the command: success or fail.
    #[arg(long, value_name = "RESULT")]
    pub(crate) result: CommandResult,

    /// A file with a JSON object for the service to keep, `-` for standard input [default: {}].
    ///
    /// It has at most 64 KiB.
    #[arg(long, value_name = "PATH|-")]
    pub(crate) detail: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) call: Call,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Token {
    /// The file to write the token to, or `-` for standard output.
    ///
    /// The file is replaced in one step, and only its owner can read it. A symbolic link is followed. If the
    /// file cannot be replaced, because it is a mount point or its folder is read-only, it is overwritten.
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
#[command(next_help_heading = "Polling")]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(crate) call: Call,

    /// The time from an answer to the next call, in seconds.
    ///
    /// Each call is an audit event (CTS) of the customer.
    #[arg(long, value_name = "SECONDS", env = "HW_SMS_INTERVAL", hide_env_values = true)]
    #[arg(default_value = "10", value_parser = seconds, help_heading = "Polling")]
    pub(crate) interval: Duration,

    /// The longest wait after failures, in seconds; the first is 5.
    ///
    /// A rejected credential waits longer.
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    #[arg(help_heading = "Polling")]
    pub(crate) max_backoff: Duration,

    /// The longest wait that the service can ask for (Retry-After), in seconds.
    ///
    /// It is at most 86400. The default is the value of --max-backoff.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, help_heading = "Polling")]
    pub(crate) max_retry_after: Option<Duration>,

    /// Print an answer even if it is the same as the one before, instead of counting it.
    #[arg(long, help_heading = "Output")]
    pub(crate) every: bool,

    /// Print each command at most once per task.
    ///
    /// A restarted task's second START is not printed.
    #[arg(long, conflicts_with = "every", help_heading = "Output")]
    pub(crate) once_per_command: bool,

    #[command(flatten)]
    pub(crate) exec: Exec,
}

/// The options of carrying out commands.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Commands")]
pub(crate) struct Exec {
    /// Run this program for each new command, and report its result.
    ///
    /// Give it last, because all further arguments are the program's. The agent uses no shell. The command
    /// succeeds if the program exits with 0, else it fails. The agent keeps a journal, so it needs
    /// --state-dir or the environment's STATE_DIRECTORY.
    #[arg(long, value_names = ["PROGRAM", "ARG"], num_args = 1.., allow_hyphen_values = true)]
    pub(crate) exec: Vec<OsString>,

    /// The folder of the journal. With it, a command survives a restart.
    ///
    /// The default is the environment's STATE_DIRECTORY, which systemd sets.
    #[arg(long, value_name = "DIR", requires = "exec")]
    pub(crate) state_dir: Option<PathBuf>,

    /// The longest run of the program, in seconds; 0 for no limit.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "86400",
        requires = "exec",
        value_parser = seconds
    )]
    pub(crate) exec_timeout: Duration,

    /// The treatment of a command that was running when the agent ended.
    #[arg(long, value_enum, value_name = "ACTION")]
    #[arg(default_value = "report-failure", requires = "exec")]
    pub(crate) on_interrupted: OnInterrupted,

    /// Let a STOP wait until a START of its task has ended.
    ///
    /// Without this, a STOP ends the program of a START of its task.
    #[arg(long, requires = "exec")]
    pub(crate) stop_waits: bool,
}

#[cfg(feature = "simulator")]
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Service")]
pub(crate) struct Simulate {
    /// The address to listen on; loopback only. With port 0 the system chooses a port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,

    /// A JSON file with the responses. The README of huaweicloud-sms-simulator describes its form [default: the
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

    /// Append each report of a result that reaches the service, accepted or not, to this file.
    ///
    /// Each is one JSON object on one line, with the details as they were sent. It is written before the
    /// response is sent.
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
        // A smaller number would be rounded to 0, which may mean that there is no limit.
        .filter(|seconds| *seconds == 0.0 || *seconds >= 1e-9)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "expected a number of seconds, such as 30 or 0.5".into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    /// Returns the help of the program and of each subcommand, short and long, at this width.
    fn helps(columns: usize) -> impl Iterator<Item = String> {
        let mut program = Args::command().term_width(columns);
        program.build();
        let subcommands = program.get_subcommands().filter(|command| command.get_name() != "help");
        let subcommands: Vec<_> = subcommands.cloned().collect();
        std::iter::once(program).chain(subcommands).flat_map(move |command| {
            let mut command = command.term_width(columns);
            [command.render_help().to_string(), command.render_long_help().to_string()]
        })
    }

    #[test]
    fn help_fits_into_80_columns_and_breaks_no_word() {
        for (narrow, wide) in helps(80).zip(helps(10_000)) {
            for line in narrow.lines() {
                assert!(line.chars().count() <= 80, "{line}");
            }
            assert!(narrow.split_whitespace().eq(wide.split_whitespace()), "{narrow}");
        }
    }

    #[test]
    fn every_long_help_has_an_example() {
        for help in helps(80).skip(1).step_by(2) {
            assert!(help.contains("\nExample"), "{help}");
        }
    }

    #[test]
    fn seconds_are_a_finite_number_of_at_least_0() {
        assert_eq!(seconds("30"), Ok(Duration::from_secs(30)));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["", "x", "-1", "NaN", "inf", "1e300", "30s", "1e-10"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
