use core::fmt;

/// The reason why an endpoint, an id, a credential or a pace was rejected, before anything was sent.
///
/// The text names the input and its problem. It never repeats the input, which may hold
/// a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {input} {problem}")]
pub struct InvalidInput {
    input: &'static str,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    Is(&'static str),
    TooLong { length: usize, limit: usize, unit: &'static str },
    BadCharacter { position: usize, what: &'static str },
}

impl InvalidInput {
    pub(crate) const fn new(input: &'static str, problem: Problem) -> Self {
        Self { input, problem }
    }

    /// Checks that a text is not empty, has at most `limit` characters, and no character that `bad` rejects.
    pub(crate) fn check(
        input: &'static str,
        text: &str,
        limit: usize,
        bad: impl Fn(char) -> Option<&'static str>,
    ) -> Result<(), Self> {
        let reject = |problem| Err(Self::new(input, problem));
        if text.is_empty() {
            return reject(Problem::Is("is empty"));
        }
        let length = text.chars().count();
        if length > limit {
            return reject(Problem::TooLong { length, limit, unit: "characters" });
        }
        for (index, character) in text.chars().enumerate() {
            if let Some(what) = bad(character) {
                return reject(Problem::BadCharacter { position: index + 1, what });
            }
        }
        Ok(())
    }

    /// Returns the name of the input: `endpoint`, `server id`, `token`, `secret key`, `pace`, ...
    #[must_use]
    pub const fn input(&self) -> &'static str {
        self.input
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(what) => f.write_str(what),
            Self::TooLong { length, limit, unit } => {
                write!(f, "is {length} {unit} long, the limit is {limit}")
            }
            Self::BadCharacter { position, what } => {
                write!(f, "has {what} at position {position}")
            }
        }
    }
}
