//! Keeps secrets out of what is printed.

use std::collections::VecDeque;

use huaweicloud_sms::Escaped;

/// Removes secrets from a text that may echo them, also pieces of a secret that was truncated.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    spellings: Vec<String>,
}

impl Redactor {
    /// A shorter piece may be there by chance. A shorter secret is searched as a whole.
    const PIECE: usize = 12;
    const MARK: &'static str = "[redacted]";

    /// Empty secrets are ignored.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut redactor = Self::default();
        secrets.into_iter().for_each(|secret| redactor.add(secret));
        redactor
    }

    /// Adds a secret in four spellings: verbatim and as a JSON string, as an echoed login has it, and both
    /// escaped for display.
    pub(crate) fn add(&mut self, secret: &str) {
        let json = serde_json::Value::from(secret).to_string();
        let json = json.get(1..json.len() - 1).unwrap_or_default();
        for spelling in [secret, json] {
            for spelling in [spelling.to_owned(), Escaped(spelling).to_string()] {
                if !spelling.is_empty() && !self.spellings.contains(&spelling) {
                    self.spellings.push(spelling);
                }
            }
        }
    }

    pub(crate) fn redact(&self, text: &str) -> String {
        let bytes = text.as_bytes();
        let mut is_secret = vec![false; bytes.len()];
        for secret in self.spellings.iter().map(String::as_bytes) {
            let piece = secret.len().min(Self::PIECE);
            for (start, window) in bytes.windows(piece).enumerate() {
                if secret.windows(piece).any(|part| part == window) {
                    is_secret[start..start + piece].fill(true);
                }
            }
        }
        let mut shown = String::with_capacity(text.len());
        let mut was_secret = false;
        for (index, character) in text.char_indices() {
            // A piece of a password may begin or end within a character.
            let is_secret = is_secret[index..index + character.len_utf8()].contains(&true);
            match (is_secret, was_secret) {
                (false, _) => shown.push(character),
                (true, false) => shown.push_str(Self::MARK),
                (true, true) => {}
            }
            was_secret = is_secret;
        }
        shown
    }
}

/// The secrets that a server may still echo: those of the last two credentials and the last two tokens.
/// A replaced one may be in use for a while.
pub(crate) struct Recent {
    credentials: VecDeque<Vec<String>>,
    tokens: VecDeque<String>,
}

impl Recent {
    const COUNT: usize = 2;

    pub(crate) fn new<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let mut recent = Self { credentials: VecDeque::new(), tokens: VecDeque::new() };
        recent.add_credential(secrets);
        recent
    }

    pub(crate) fn add_credential<'a>(&mut self, secrets: impl Iterator<Item = &'a str>) {
        self.credentials.push_front(secrets.map(str::to_owned).collect());
        self.credentials.truncate(Self::COUNT);
    }

    pub(crate) fn add_token(&mut self, token: &str) {
        self.tokens.push_front(token.to_owned());
        self.tokens.truncate(Self::COUNT);
    }

    pub(crate) fn redactor(&self) -> Redactor {
        Redactor::new(self.credentials.iter().flatten().chain(&self.tokens).map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redacts_a_secret_and_its_pieces() {
        let redactor = Redactor::new(["abcdefghijklmnopqrstuvwxyz"]);
        for (text, shown) in [
            ("", ""),
            ("nothing here", "nothing here"),
            ("é abcdefghijklmnopqrstuvwxyz é", "é [redacted] é"),
            ("cut: abcdefghijkl", "cut: [redacted]"),
            ("abcdefghijk is too short to tell", "abcdefghijk is too short to tell"),
            ("mnopqrstuvwxyz, abcdefghijklm", "[redacted], [redacted]"),
        ] {
            assert_eq!(redactor.redact(text), shown);
        }
    }

    #[test]
    fn redacts_several_secrets() {
        let redactor = Redactor::new(["first", "", "pässwörter-é"]);
        assert_eq!(redactor.redact("a first, pässwörter-é"), "a [redacted], [redacted]");
        assert_eq!(redactor.redact("firstpässwörter-é!"), "[redacted]!");
        assert_eq!(Redactor::default().redact("a first"), "a first");
    }

    #[test]
    fn redacts_replaced_secrets() {
        let mut recent = Recent::new(["password-1"].into_iter());
        recent.add_token("token-1");
        recent.add_credential(["password-2"].into_iter());
        recent.add_token("token-2");
        let shown = recent.redactor().redact("password-1 token-1 password-2 token-2");
        assert_eq!(shown, "[redacted] [redacted] [redacted] [redacted]");
        // The memory of months of renewals is bounded.
        for token in 3..100 {
            recent.add_token(&format!("token-{token}"));
        }
        let shown = recent.redactor().redact("password-1 token-1 password-2 token-98 token-99");
        assert_eq!(shown, "[redacted] token-1 [redacted] [redacted] [redacted]");
    }

    #[test]
    fn redacts_every_spelling() {
        let secret = "lo\"ng\\pa\u{200b}ss-e\u{301}-wo\"rd";
        let redactor = Redactor::new([secret]);
        let json = serde_json::Value::from(secret).to_string();
        for text in [secret, &json] {
            for text in [text.to_owned(), Escaped(text).to_string()] {
                let shown = redactor.redact(&text);
                assert_eq!(shown.trim_matches('"'), "[redacted]", "{text}");
            }
        }
    }

    #[test]
    fn redacts_a_short_secret() {
        assert_eq!(Redactor::new(["tok"]).redact("a tok, to"), "a [redacted], to");
        assert_eq!(Redactor::new(["t"]).redact("tt"), "[redacted]");
    }
}
