//! Where the token comes from, and how it is kept out of what is printed.

use std::{env, path::Path};

use huaweicloud_sms::AuthToken;

use crate::file;

/// A token as what requests take, and as text for what has to compare or redact it.
pub(crate) struct Token {
    pub(crate) auth: AuthToken,
    pub(crate) text: String,
}

/// In which variables a token is looked for: the names of Huawei's Terraform provider, in its order.
const VARIABLES: [&str; 2] = ["HW_AUTH_TOKEN", "OS_AUTH_TOKEN"];

/// Takes the token from the file, else from the environment. The error names the source and never
/// what was read.
pub(crate) fn token(file: Option<&Path>) -> Result<Token, String> {
    let (text, source) = match file {
        // Far more than the longest token: what is longer is another file.
        Some(path) => (file::read_text("the token file", path, 64 * 1024)?, "the token file"),
        None => {
            let name = VARIABLES.into_iter().find(|name| env::var_os(name).is_some());
            let name = name.ok_or_else(|| {
                format!("no token: give --token-file or set {}", VARIABLES.join(" or "))
            })?;
            (env::var(name).map_err(|_| format!("{name} is not UTF-8"))?, name)
        }
    };
    // An editor or `echo` ends a file with a line break, which is no part of the token.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let auth = AuthToken::new(text).map_err(|error| format!("{source}: {error}"))?;
    Ok(Token { auth, text: text.to_owned() })
}

/// Takes a secret out of a text that a server may have put it into, also where the text has only a
/// piece of it, because it was cut.
pub(crate) struct Redactor<'a> {
    secret: &'a [u8],
}

impl<'a> Redactor<'a> {
    /// A shorter piece is not told apart from chance; a shorter secret is searched whole.
    const PIECE: usize = 12;
    const MARK: &'static str = "[redacted]";

    /// Redacts nothing if the secret is empty.
    pub(crate) fn new(secret: &'a str) -> Self {
        Self { secret: secret.as_bytes() }
    }

    pub(crate) fn redact(&self, text: &str) -> String {
        let piece = self.secret.len().min(Self::PIECE);
        let bytes = text.as_bytes();
        if piece == 0 || bytes.len() < piece {
            return text.to_owned();
        }
        let mut is_secret = vec![false; bytes.len()];
        for (start, window) in bytes.windows(piece).enumerate() {
            // Secrets are ASCII, so a match begins and ends at characters.
            if self.secret.windows(piece).any(|part| part == window) {
                is_secret[start..start + piece].fill(true);
            }
        }
        let mut shown = String::with_capacity(text.len());
        let mut was_secret = false;
        for (index, character) in text.char_indices() {
            match (is_secret[index], was_secret) {
                (false, _) => shown.push(character),
                (true, false) => shown.push_str(Self::MARK),
                (true, true) => {}
            }
            was_secret = is_secret[index];
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_whole_and_in_pieces() {
        let redactor = Redactor::new("abcdefghijklmnopqrstuvwxyz");
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
    fn a_short_secret_is_taken_out_whole() {
        assert_eq!(Redactor::new("tok").redact("a tok, to"), "a [redacted], to");
        assert_eq!(Redactor::new("t").redact("tt"), "[redacted]");
    }
}
