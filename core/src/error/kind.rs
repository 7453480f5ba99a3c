use http::StatusCode;

/// The meaning of an [`ApiError`](crate::ApiError) for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApiErrorKind {
    /// The service rejected the token or key.
    Unauthorized,
    /// The token has expired or has to be renewed (`APIGW.0307`).
    TokenExpired,
    /// The service rejected a signature because of the clock (`SMS.0205`).
    ClockSkew,
    /// The gateway has locked the access key, for 5 minutes after more than 5 rejections in a row.
    KeyLocked,
    /// A permission is missing.
    Forbidden,
    /// The account is frozen, restricted, in arrears or not verified.
    AccountRestricted,
    /// The service does not know the source server.
    ServerUnknown,
    /// The source server has no migration task (`SMS.7606`), so there is nothing to do.
    NoTask,
    /// The service does not hold the command whose result is reported (`SMS.6021`). It accepted the report
    /// before, or another command has replaced this one.
    OtherCommand,
    /// The service does not accept this report of a result (`SMS.6020`, `SMS.6022`, `SMS.6023`).
    InvalidReport,
    /// The server has no API at this address.
    NotFound,
    /// Too many requests.
    Throttled,
    /// The service or its gateway has a problem.
    Unavailable,
    /// The service rejects the request as invalid.
    InvalidRequest,
}

impl ApiErrorKind {
    pub(crate) fn new(status: StatusCode, code: Option<&str>) -> Self {
        let by_code = code.and_then(Self::from_code);
        let within = |kinds: &[Self], otherwise| match by_code {
            Some(kind) if kinds.contains(&kind) => kind,
            _ => otherwise,
        };
        match status.as_u16() {
            401 => within(&[Self::TokenExpired, Self::ClockSkew], Self::Unauthorized),
            403 => within(&[Self::AccountRestricted], Self::Forbidden),
            404 => within(&[Self::ServerUnknown, Self::NoTask, Self::OtherCommand], Self::NotFound),
            429 => Self::Throttled,
            _ if is_retryable(status) => Self::Unavailable,
            _ => by_code.unwrap_or(Self::InvalidRequest),
        }
    }

    /// Returns the kind of a code, for statuses that leave it open. The service lists all its codes under
    /// status 400.
    fn from_code(code: &str) -> Option<Self> {
        let (prefix, number) = code.split_once('.')?;
        Some(match (prefix, number) {
            ("SMS" | "S3M", number) => match number {
                "0202" | "6521" | "6522" => Self::Unauthorized,
                "0205" => Self::ClockSkew,
                "0204" | "6523" | "6527" | "9003" | "9004" => Self::Forbidden,
                "6524" | "6525" | "6528" | "6529" | "6542" => Self::AccountRestricted,
                "7602" | "6030" | "0507" => Self::ServerUnknown,
                "7606" => Self::NoTask,
                "6021" => Self::OtherCommand,
                "6020" | "6022" | "6023" => Self::InvalidReport,
                "6000" | "6301" => Self::Unavailable,
                _ => return None,
            },
            ("APIG" | "APIGW", number) => match number {
                "0301" | "0303" | "0305" | "0311" => Self::Unauthorized,
                "0307" => Self::TokenExpired,
                "0302" | "0304" | "0306" | "0310" | "0401" | "0801" | "0802" => Self::Forbidden,
                "0501" | "0502" => Self::AccountRestricted,
                "0101" | "0103" | "0106" => Self::NotFound,
                "0308" => Self::Throttled,
                "0202" | "0203" | "0601" | "0605" | "0606" | "0608" | "0609" | "0610" | "0611"
                | "0612" | "0613" | "0705" => Self::Unavailable,
                _ => return None,
            },
            _ => return None,
        })
    }

    /// Returns the kind in lower case, for logs: `token_expired`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::TokenExpired => "token_expired",
            Self::ClockSkew => "clock_skew",
            Self::KeyLocked => "key_locked",
            Self::Forbidden => "forbidden",
            Self::AccountRestricted => "account_restricted",
            Self::ServerUnknown => "server_unknown",
            Self::NoTask => "no_task",
            Self::OtherCommand => "other_command",
            Self::InvalidReport => "invalid_report",
            Self::NotFound => "not_found",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::InvalidRequest => "invalid_request",
        }
    }

    /// Returns whether the same request may succeed later without any change.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable)
    }

    /// Returns whether the service rejected the credential. Then a new credential may help.
    #[must_use]
    pub const fn is_unauthorized(self) -> bool {
        matches!(self, Self::Unauthorized | Self::TokenExpired | Self::ClockSkew | Self::KeyLocked)
    }

    /// Returns advice to the operator, on one line.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Unauthorized => {
                "check the credential and its account, and for an access key this server's clock: \
                 more than 5 rejections in a row lock an access key for 5 minutes"
            }
            Self::TokenExpired => "get a new token from IAM",
            Self::ClockSkew => "set this server's clock and time zone (at most 15 minutes off)",
            Self::KeyLocked => {
                "send nothing for 5 minutes, or the access key stays locked for all its users; then \
                 check its secret and this server's clock"
            }
            Self::Forbidden => {
                "grant the user the permissions sms:server:getCommand and \
                 sms:server:updateCommandResult (role model: sms:server:migrationServer)"
            }
            Self::AccountRestricted => {
                "clear the account's state on the console: arrears, freeze, real-name check"
            }
            Self::ServerUnknown => {
                "check the server id and the account; if the record was deleted, register the \
                 source server again"
            }
            Self::NoTask => "nothing to do: create a migration task on the console",
            Self::OtherCommand => {
                "nothing to do if the service accepted the report before; otherwise obtain the command that \
                 has replaced this one"
            }
            Self::InvalidReport => {
                "check the command's name, the result (success or fail) and the detail (a JSON object)"
            }
            Self::NotFound => "check the endpoint: no such API is served there",
            Self::Throttled => {
                "poll less often; wait as long as the service says, else a few seconds"
            }
            Self::Unavailable => "wait and try again; name the request id to support if it stays",
            Self::InvalidRequest => {
                "look the code up in the list of error codes of the API reference"
            }
        }
    }
}

/// Returns whether a status alone says that the same request may succeed later.
pub(crate) fn is_retryable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500..)
}
