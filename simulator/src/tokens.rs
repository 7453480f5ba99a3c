//! The tokens that were issued.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};

use ring::rand::{SecureRandom, SystemRandom};

use crate::secret::{hex, is_same};

/// How many tokens are remembered.
const MAX_TOKENS: usize = 1024;

/// How long a token is beyond its first characters, in bytes.
const LENGTH: usize = 160;

/// Those that are remembered, oldest first.
#[derive(Default)]
pub(crate) struct Tokens(VecDeque<Token>);

struct Token {
    text: String,
    expires_at: SystemTime,
    is_revoked: bool,
}

/// What became of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Good,
    Expired(SystemTime),
    Revoked,
    /// Never issued, or forgotten.
    Unknown,
}

impl Tokens {
    /// A new token and when it expires; none if the system has no random numbers.
    pub(crate) fn issue(
        &mut self,
        now: SystemTime,
        life: Duration,
    ) -> Option<(String, SystemTime)> {
        let mut bytes = [0; LENGTH];
        SystemRandom::new().fill(&mut bytes).ok()?;
        // The real ones begin like this.
        let text = format!("MII{}", hex(&bytes));
        let expires_at = now + life;
        if self.0.len() == MAX_TOKENS {
            self.0.pop_front();
        }
        self.0.push_back(Token { text: text.clone(), expires_at, is_revoked: false });
        Some((text, expires_at))
    }

    pub(crate) fn revoke(&mut self) {
        self.0.iter_mut().for_each(|token| token.is_revoked = true);
    }

    pub(crate) fn standing(&self, token: &[u8], now: SystemTime) -> Standing {
        match self.0.iter().find(|known| is_same(known.text.as_bytes(), token)) {
            None => Standing::Unknown,
            Some(known) if now >= known.expires_at => Standing::Expired(known.expires_at),
            Some(known) if known.is_revoked => Standing::Revoked,
            Some(_) => Standing::Good,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tokens_life() {
        let (mut tokens, start) = (Tokens::default(), SystemTime::UNIX_EPOCH);
        let minute = Duration::from_secs(60);
        let (text, expires_at) = tokens.issue(start, minute).expect("a token");
        let standing = |at| tokens.standing(text.as_bytes(), at);
        assert_eq!(expires_at, start + minute);
        assert_eq!(standing(expires_at - Duration::from_nanos(100)), Standing::Good);
        assert_eq!(standing(expires_at), Standing::Expired(expires_at));
        assert!(text.starts_with("MII") && text.len() > 300, "{}", text.len());
        let (other, _) = tokens.issue(start, minute).expect("a token");
        assert_ne!(text, other);
        tokens.revoke();
        let (new, _) = tokens.issue(start, minute).expect("a token");
        let standing = |at| tokens.standing(other.as_bytes(), at);
        assert_eq!(standing(start), Standing::Revoked);
        assert_eq!(standing(expires_at), Standing::Expired(expires_at));
        assert_eq!(tokens.standing(new.as_bytes(), start), Standing::Good);
        assert_eq!(tokens.standing(&new.as_bytes()[1..], start), Standing::Unknown);
    }

    #[test]
    fn old_tokens_are_forgotten() {
        let (mut tokens, start) = (Tokens::default(), SystemTime::UNIX_EPOCH);
        let mut issue = || tokens.issue(start, Duration::from_secs(1)).expect("a token").0;
        let all: Vec<String> = (0..=MAX_TOKENS).map(|_| issue()).collect();
        assert_eq!(tokens.standing(all[0].as_bytes(), start), Standing::Unknown);
        assert_eq!(tokens.standing(all[1].as_bytes(), start), Standing::Good);
        assert_eq!(tokens.0.len(), MAX_TOKENS);
    }
}
