//! Recognises secrets by their pieces. Keeps keyed hashes of the pieces. It keeps only short secrets in
//! clear.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use super::spelling::{self, Spelling};

/// The length of a piece, in characters.
const PIECE: usize = 8;
/// The length of a piece if only letters and digits are compared. It is longer, because unrelated words may
/// look like a piece without the spaces between them.
const LETTERS: usize = 12;
/// A secret of this length has many pieces. Each fifth is enough, because 12 characters in a row contain one.
const LONG: usize = 24;
const STRIDE: usize = 5;
/// Decoded base64 or hexadecimal digits may contain a shorter secret by chance.
const CHANCE: usize = 4;

/// Words of messages. A text that has one of these does not reveal a secret that contains the same word.
const WORDS: [&str; 14] = [
    "authentication",
    "authorization",
    "administrator",
    "certificate",
    "credentials",
    "forbidden",
    "huaweicloud",
    "identity",
    "incorrect",
    "migration",
    "password",
    "permission",
    "security",
    "username",
];

/// The last secrets: at least [`KEPT`](Self::KEPT), and at most twice as many.
#[derive(Default)]
pub(super) struct Secrets {
    key: RandomState,
    recent: Index,
    older: Index,
}

#[derive(Default)]
struct Index {
    pieces: HashSet<u64>,
    /// Secrets that are shorter than a piece.
    short: Vec<Vec<char>>,
    /// The hashes of whole secrets. A secret that is loaded many times counts once.
    secrets: HashSet<u64>,
}

impl Secrets {
    pub(super) const KEPT: usize = 64;

    pub(super) fn add(&mut self, secret: &str) {
        let hash = self.key.hash_one(secret);
        if self.recent.secrets.contains(&hash) {
            return;
        }
        if self.recent.secrets.len() == Self::KEPT {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.secrets.insert(hash);
        // A secret may contain an escape, which a server may decode.
        spelling::unescaped(secret, |spelling| self.add_spelling(spelling));
    }

    fn hash(&self, spelling: &Spelling, piece: &[char]) -> u64 {
        self.key.hash_one((spelling.is_letters, piece))
    }

    fn add_spelling(&mut self, spelling: &Spelling) {
        let text = &*spelling.text;
        if text.len() < PIECE {
            let is_new = !text.is_empty() && !self.recent.short.iter().any(|short| short == text);
            if is_new {
                self.recent.short.push(text.into());
            }
            return;
        }
        let (length, stride) = match text.len() {
            LONG.. => (PIECE, STRIDE),
            LETTERS.. if spelling.is_letters => (LETTERS, 1),
            _ => (PIECE, 1),
        };
        let pieces = || text.windows(length).step_by(stride);
        let is_word = |piece: &[char]| {
            let piece: String = piece.iter().collect();
            WORDS.iter().any(|word| word.contains(&piece))
        };
        let only_words = pieces().all(is_word);
        for piece in pieces().filter(|piece| only_words || !is_word(piece)) {
            self.recent.pieces.insert(self.hash(spelling, piece));
        }
    }

    /// Returns whether a text contains a secret or a piece of one.
    pub(super) fn are_in(&self, spelling: &Spelling) -> bool {
        let mut indexes = vec![&self.recent, &self.older];
        let has_short = |secret: &Vec<char>| {
            (!spelling.is_decoded || secret.len() >= CHANCE)
                && spelling.text.windows(secret.len()).any(|window| window == secret)
        };
        if indexes.iter().any(|index| index.short.iter().any(has_short)) {
            return true;
        }
        indexes.retain(|index| !index.pieces.is_empty());
        let lengths = if spelling.is_letters { &[PIECE, LETTERS][..] } else { &[PIECE] };
        !indexes.is_empty()
            && lengths.iter().flat_map(|length| spelling.text.windows(*length)).any(|piece| {
                let hash = self.hash(spelling, piece);
                indexes.iter().any(|index| index.pieces.contains(&hash))
            })
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.recent.secrets.len() + self.older.secrets.len()
    }
}
