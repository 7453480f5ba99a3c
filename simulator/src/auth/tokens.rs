//! The issued tokens.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};

use ring::rand::{SecureRandom, SystemRandom};

use crate::secret::{hex, is_same};

/// The number of tokens that are kept.
const MAX_TOKENS: usize = 1024;

/// The number of random bytes in a token.
const LENGTH: usize = 160;

/// The newest tokens, oldest first.
#[derive(Default)]
pub(crate) struct Tokens(VecDeque<Token>);

struct Token {
    text: String,
    expires_at: SystemTime,
    is_revoked: bool,
}

/// The state of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenStatus {
    Good,
    Expired(SystemTime),
    Revoked,
    /// Never issued, or no longer kept.
    Unknown,
}

impl Tokens {
    /// Issues a token and returns it with its expiry. Returns `None` if the system has no random numbers.
    pub(crate) fn issue(
        &mut self,
        now: SystemTime,
        life: Duration,
    ) -> Option<(String, SystemTime)> {
        let mut bytes = [0; LENGTH];
        SystemRandom::new().fill(&mut bytes).ok()?;
        // The tokens of the real service begin like this.
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

    pub(crate) fn status(&self, token: &[u8], now: SystemTime) -> TokenStatus {
        match self.0.iter().find(|known| is_same(known.text.as_bytes(), token)) {
            None => TokenStatus::Unknown,
            Some(known) if now >= known.expires_at => TokenStatus::Expired(known.expires_at),
            Some(known) if known.is_revoked => TokenStatus::Revoked,
            Some(_) => TokenStatus::Good,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_expire_and_are_revoked() {
        let (mut tokens, start) = (Tokens::default(), SystemTime::UNIX_EPOCH);
        let minute = Duration::from_secs(60);
        let (text, expires_at) = tokens.issue(start, minute).expect("a token");
        let status = |at| tokens.status(text.as_bytes(), at);
        assert_eq!(expires_at, start + minute);
        assert_eq!(status(expires_at - Duration::from_nanos(100)), TokenStatus::Good);
        assert_eq!(status(expires_at), TokenStatus::Expired(expires_at));
        assert!(text.starts_with("MII") && text.len() > 300, "{}", text.len());
        let (other, _) = tokens.issue(start, minute).expect("a token");
        assert_ne!(text, other);
        tokens.revoke();
        let (new, _) = tokens.issue(start, minute).expect("a token");
        let status = |at| tokens.status(other.as_bytes(), at);
        assert_eq!(status(start), TokenStatus::Revoked);
        assert_eq!(status(expires_at), TokenStatus::Expired(expires_at));
        assert_eq!(tokens.status(new.as_bytes(), start), TokenStatus::Good);
        assert_eq!(tokens.status(&new.as_bytes()[1..], start), TokenStatus::Unknown);
    }

    #[test]
    fn old_tokens_are_forgotten() {
        let (mut tokens, start) = (Tokens::default(), SystemTime::UNIX_EPOCH);
        let mut issue = || tokens.issue(start, Duration::from_secs(1)).expect("a token").0;
        let all: Vec<String> = (0..=MAX_TOKENS).map(|_| issue()).collect();
        assert_eq!(tokens.status(all[0].as_bytes(), start), TokenStatus::Unknown);
        assert_eq!(tokens.status(all[1].as_bytes(), start), TokenStatus::Good);
        assert_eq!(tokens.0.len(), MAX_TOKENS);
    }
}
