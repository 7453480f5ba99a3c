//! How secrets are kept out of what is printed.

/// Takes secrets out of a text that a server may have put them into, also where the text has only a
/// piece of one, because it was cut.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// A shorter piece is not told apart from chance; a shorter secret is searched whole.
    const PIECE: usize = 12;
    const MARK: &'static str = "[redacted]";

    /// An empty secret is none.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let secrets = secrets.into_iter().filter(|secret| !secret.is_empty());
        Self { secrets: secrets.map(str::to_owned).collect() }
    }

    /// A secret that came later. The old ones may still be echoed.
    pub(crate) fn add(&mut self, secret: &str) {
        self.secrets.push(secret.to_owned());
    }

    pub(crate) fn redact(&self, text: &str) -> String {
        let bytes = text.as_bytes();
        let mut is_secret = vec![false; bytes.len()];
        for secret in self.secrets.iter().map(String::as_bytes) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_whole_and_in_pieces() {
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
    fn of_several_secrets_each_is_taken_out() {
        let redactor = Redactor::new(["first", "", "pässwörter-é"]);
        assert_eq!(redactor.redact("a first, pässwörter-é"), "a [redacted], [redacted]");
        assert_eq!(redactor.redact("firstpässwörter-é!"), "[redacted]!");
        assert_eq!(Redactor::default().redact("a first"), "a first");
    }

    #[test]
    fn a_short_secret_is_taken_out_whole() {
        assert_eq!(Redactor::new(["tok"]).redact("a tok, to"), "a [redacted], to");
        assert_eq!(Redactor::new(["t"]).redact("tt"), "[redacted]");
    }
}
