/// The checks, in their order. The number of a check is the exit status if it is the first that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Configuration = 10,
    Clock,
    Name,
    Proxy,
    Tcp,
    Tls,
    Gateway,
    Skew,
    Credential,
    Permission,
    Server,
    Answer,
}

impl Step {
    pub(super) const ALL: [Self; 12] = [
        Self::Configuration,
        Self::Clock,
        Self::Name,
        Self::Proxy,
        Self::Tcp,
        Self::Tls,
        Self::Gateway,
        Self::Skew,
        Self::Credential,
        Self::Permission,
        Self::Server,
        Self::Answer,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Clock => "clock",
            Self::Name => "name",
            Self::Proxy => "proxy",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Gateway => "gateway",
            Self::Skew => "skew",
            Self::Credential => "credential",
            Self::Permission => "permission",
            Self::Server => "server",
            Self::Answer => "answer",
        }
    }
}
