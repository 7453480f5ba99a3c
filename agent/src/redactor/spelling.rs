//! The spellings of a text: its forms after escapes, base64 and numbers are decoded.

mod escape;

use huaweicloud_sms::Escaped;

/// The number of times that escapes are decoded. A JSON text may be in a JSON text in an HTML page.
const ROUNDS: usize = 4;
/// The number of times that base64, hexadecimal digits and numbers are decoded.
const DEPTH: usize = 2;
/// Shorter runs of base64 or hexadecimal digits, and fewer numbers, are not decoded.
const RUN: usize = 8;

/// A text in lower case, without invisible characters.
pub(super) struct Spelling {
    pub(super) text: Vec<char>,
    /// Whether only its letters and digits are left.
    pub(super) is_letters: bool,
    /// Whether it was decoded from base64, hexadecimal digits or numbers.
    pub(super) is_decoded: bool,
}

/// Returns whether `is_found` returns true for a spelling of the text.
pub(super) fn any(text: &[u8], mut is_found: impl FnMut(&Spelling) -> bool) -> bool {
    find(text, 0, &mut is_found)
}

/// Calls back with each spelling of a text before and after its escapes are decoded.
pub(super) fn unescaped(text: &str, mut call: impl FnMut(&Spelling)) {
    rounds(text.as_bytes(), |_, visible| {
        spellings(visible, false).iter().for_each(&mut call);
        false
    });
}

fn find(bytes: &[u8], depth: usize, is_found: &mut dyn FnMut(&Spelling) -> bool) -> bool {
    rounds(bytes, |bytes, visible| {
        spellings(visible, depth > 0).iter().any(&mut *is_found)
            || depth < DEPTH
                && decoded(bytes, visible)
                    .iter()
                    .filter(|bytes| !bytes.is_empty())
                    .any(|bytes| find(bytes, depth + 1, is_found))
    })
}

/// Decodes escapes until there are no more of them, and calls back before, between and after, with the text
/// and with its visible characters. Ends early at `true`.
fn rounds(bytes: &[u8], mut call: impl FnMut(&[u8], &[char]) -> bool) -> bool {
    let mut bytes = bytes.to_vec();
    for round in 0..=ROUNDS {
        let visible = visible(&bytes);
        if call(&bytes, &visible) {
            return true;
        }
        // An escape may have a line break in it.
        let joined = visible.iter().collect::<String>().into_bytes();
        let next = escape::decode(&joined);
        if next == joined || round == ROUNDS {
            return false;
        }
        bytes = next;
    }
    false
}

/// Returns the visible characters. Reads bytes that are not UTF-8 as Latin-1.
fn visible(bytes: &[u8]) -> Vec<char> {
    let mut text = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.extend(chunk.valid().chars());
        text.extend(chunk.invalid().iter().copied().map(char::from));
    }
    text.retain(|character| !is_hidden(*character));
    text
}

/// Returns whether a character is a space or would be escaped.
pub(crate) fn is_hidden(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_graphic();
    }
    Escaped(character.encode_utf8(&mut [0; 4])).to_string().starts_with('\\')
}

/// Returns the ASCII letter for a letter of full width.
fn half_width(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character)
        }
        _ => character,
    }
}

/// Returns two spellings in lower case. One has all characters. The other has only letters and digits,
/// because a server may put other characters between these.
fn spellings(visible: &[char], is_decoded: bool) -> [Spelling; 2] {
    let lower = |character: char| {
        let ascii = character.is_ascii().then(|| character.to_ascii_lowercase());
        let other = (!character.is_ascii()).then_some(character);
        // The upper case comes first, because that of ß is SS.
        let other = other.into_iter().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
        ascii.into_iter().chain(other)
    };
    let text: Vec<char> = visible.iter().copied().map(half_width).flat_map(lower).collect();
    let letters = text.iter().copied().filter(|character| character.is_alphanumeric()).collect();
    [(text, false), (letters, true)].map(|(text, is_letters)| Spelling {
        text,
        is_letters,
        is_decoded,
    })
}

/// Decodes all base64, hexadecimal digits and numbers in a text.
fn decoded(bytes: &[u8], visible: &[char]) -> Vec<Vec<u8>> {
    // A run may begin with characters that are not of the same text, so each offset is tried.
    let mut decoded = vec![Vec::new(); 6];
    for run in runs(visible, base64_digit) {
        for offset in 0..4 {
            decoded[offset].extend(run[offset..].chunks(4).flat_map(from_base64));
        }
    }
    for run in runs(visible, |character| character.to_digit(16)) {
        for offset in 0..2 {
            let pairs = run[offset..].chunks_exact(2);
            decoded[4 + offset].extend(pairs.map(|pair| (pair[0] << 4 | pair[1]) as u8));
        }
    }
    // A line break may separate numbers, or be within one. So both are tried.
    let joined = visible.iter().collect::<String>().into_bytes();
    for bytes in [bytes, &joined] {
        decoded.extend([16, 10].map(|radix| numbers(bytes, radix)));
    }
    decoded
}

/// Returns the values of all runs of digits that are long enough.
fn runs(text: &[char], digit: impl Fn(char) -> Option<u32>) -> Vec<Vec<u32>> {
    let is_digit = |character: &char| digit(*character).is_some();
    let runs = text.chunk_by(|one, next| is_digit(one) == is_digit(next));
    runs.filter(|run| run.len() >= RUN)
        .map(|run| run.iter().filter_map(|character| digit(*character)).collect::<Vec<_>>())
        .filter(|run| !run.is_empty())
        .collect()
}

fn base64_digit(character: char) -> Option<u32> {
    Some(match character {
        'A'..='Z' => u32::from(character) - u32::from('A'),
        'a'..='z' => u32::from(character) - u32::from('a') + 26,
        '0'..='9' => u32::from(character) - u32::from('0') + 52,
        '+' | '-' => 62,
        '/' | '_' => 63,
        _ => return None,
    })
}

/// Decodes up to 4 digits to up to 3 bytes.
fn from_base64(digits: &[u32]) -> impl Iterator<Item = u8> + use<> {
    let bits = (0..4).fold(0, |bits, at| bits << 6 | digits.get(at).copied().unwrap_or(0));
    let [_, bytes @ ..] = bits.to_be_bytes();
    bytes.into_iter().take(digits.len() * 6 / 8)
}

/// Returns the bytes for which a text has numbers: two hexadecimal digits, or up to three decimal ones.
fn numbers(bytes: &[u8], radix: u32) -> Vec<u8> {
    let words = bytes.split(|byte| !byte.is_ascii_alphanumeric());
    let numbers: Vec<u8> = words
        .filter_map(|word| {
            let word = word.strip_prefix(b"0x").unwrap_or(word);
            let is_byte = if radix == 16 { word.len() == 2 } else { (1..=3).contains(&word.len()) };
            let word = std::str::from_utf8(word).ok().filter(|_| is_byte)?;
            u8::from_str_radix(word, radix).ok()
        })
        .collect();
    if numbers.len() < RUN { Vec::new() } else { numbers }
}
