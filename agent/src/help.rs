//! The texts of `--help` after the options. Each line fits into 80 columns, because clap does not indent the
//! lines that it wraps.

#[cfg(feature = "simulator")]
pub(crate) const AGENT: &str = "\
Example, without a network:
  sms-agent demo

`sms-agent help obtain` lists the options, the variables and the exit statuses.";
#[cfg(not(feature = "simulator"))]
pub(crate) const AGENT: &str = "\
Example, which shows why a server gets no command:
  sms-agent doctor --endpoint sms.ap-southeast-3.myhuaweicloud.com \\
      --server-id f32ab4d6-d150-4fb3-aa55-edbb5cf9947f

`sms-agent help obtain` lists the options, the variables and the exit statuses.";

#[cfg(feature = "simulator")]
pub(crate) const DEMO: &str = "\
Example:
  sms-agent demo";

/// The part of the help that all subcommands with a call share.
macro_rules! credentials {
    () => {
        "
Credentials in the environment, the first that is set:
  a token     HW_AUTH_TOKEN, else OS_AUTH_TOKEN
  a key       HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK,
              else HW_ACCESS_KEY and HW_SECRET_KEY,
              else OS_ACCESS_KEY and OS_SECRET_KEY;
              ..._SECURITY_TOKEN for a temporary key
  a user      HW_DOMAIN_NAME, HW_USER_NAME and HW_USER_PASSWORD,
              else OS_DOMAIN_NAME, OS_USERNAME and OS_PASSWORD
HTTPS_PROXY, ALL_PROXY and NO_PROXY select the proxy."
    };
}

pub(crate) const OBTAIN: &str = concat!(
    "\
Example:
  export HUAWEICLOUD_SDK_AK=... HUAWEICLOUD_SDK_SK=...
  sms-agent obtain --endpoint sms.ap-southeast-3.myhuaweicloud.com \\
      --server-id f32ab4d6-d150-4fb3-aa55-edbb5cf9947f
",
    credentials!(),
    "

Exit status:
  0   a command, or the state of a task
  1   this machine lacks a thread or a file descriptor now
  2   wrong usage or input; nothing was sent
  3   no command
  4   the API rejected the request
  5   the response was not understood
  6   the service was not reached, did not finish in time, or sent too much
  7   the answer arrived, but could not be written"
);

/// The usage, in lines that fit into 80 columns.
pub(crate) const REPORT_USAGE: &str = "\
sms-agent report [OPTIONS] --endpoint <URL> --server-id <ID> \\
           --command <NAME> --result <RESULT>";

pub(crate) const REPORT: &str = concat!(
    "\
Example:
  echo '{\"msg\": \"copied 3 disks\"}' > detail.json
  sms-agent report --endpoint sms.ap-southeast-3.myhuaweicloud.com \\
      --server-id f32ab4d6-d150-4fb3-aa55-edbb5cf9947f \\
      --command START --result success --detail detail.json
",
    credentials!(),
    "

Exit status:
  0   the service accepted the report
  1   this machine lacks a thread or a file descriptor now
  2   wrong usage or input; nothing was sent
  4   the API rejected the report; SMS.6021 if it holds another command
  5   the response was not understood
  6   the service was not reached, did not finish in time, or sent too much
  7   the service accepted the report, but that could not be written"
);

pub(crate) const DOCTOR: &str = concat!(
    "\
Example:
  sms-agent doctor --endpoint sms.ap-southeast-3.myhuaweicloud.com \\
      --server-id f32ab4d6-d150-4fb3-aa55-edbb5cf9947f
",
    credentials!(),
    "

Exit status: 0 if nothing failed, else the first check that did:
  10  configuration      16  gateway
  11  clock              17  skew of the clock
  12  look-up of a name  18  credential
  13  proxy              19  permission
  14  TCP                20  server
  15  TLS                21  answer
2 is wrong usage, 7 that the results could not be written."
);

pub(crate) const WATCH: &str = concat!(
    "\
Examples:
  sms-agent watch --endpoint sms.ap-southeast-3.myhuaweicloud.com \\
      --server-id f32ab4d6-d150-4fb3-aa55-edbb5cf9947f \\
      --credentials-file /etc/sms-agent/credentials --interval 30
  sms-agent watch --endpoint sms.ap-southeast-3.myhuaweicloud.com \\
      --server-id f32ab4d6-d150-4fb3-aa55-edbb5cf9947f \\
      --credentials-file /etc/sms-agent/credentials \\
      --state-dir /var/lib/sms-agent --exec /usr/local/bin/carry-out --verbose
",
    credentials!(),
    "

Exit status:
  0   interrupted
  1   the answers cannot be printed, the journal cannot be used now, or this
      machine lacks a thread or a file descriptor now
  2   wrong usage or input"
);

pub(crate) const TOKEN: &str = "\
Example:
  sms-agent token --credentials-file /etc/sms-agent/credentials --out token

Exit status:
  0   the token was written
  1   this machine lacks a thread or a file descriptor now
  2   wrong usage or input; nothing was sent
  4   IAM rejected the request
  5   the response was not understood
  6   IAM was not reached, did not finish in time, or sent too much
  7   the user is logged in, but the token or its expiry could not be written";

#[cfg(feature = "simulator")]
pub(crate) const SIMULATE: &str = "\
Example:
  sms-agent simulate --listen 127.0.0.1:8443 --tls --ca-out ca.pem";

pub(crate) const COMPLETIONS: &str = "\
Example:
  sms-agent completions fish > ~/.config/fish/completions/sms-agent.fish";

pub(crate) const MAN: &str = "\
Example:
  sms-agent man /usr/local/share/man/man1";
