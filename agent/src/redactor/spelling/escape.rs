//! Decodes the escapes of JSON, programming languages, addresses and HTML one time.

/// A decoded escape.
enum Unit {
    Byte(u8),
    /// A character, or one half of a surrogate pair.
    Code(u32),
}

pub(super) fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let escape = matches!(byte, b'%' | b'\\' | b'&').then(|| escape(&text[at..])).flatten();
        let Some((unit, length)) = escape else {
            decoded.push(byte);
            at += 1;
            continue;
        };
        at += length;
        match unit {
            Unit::Byte(byte) => decoded.push(byte),
            Unit::Code(high @ 0xd800..=0xdbff) => {
                if let Some((Unit::Code(low @ 0xdc00..=0xdfff), length)) = escape_at(text, at) {
                    at += length;
                    push(&mut decoded, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
                }
            }
            Unit::Code(code) => push(&mut decoded, code),
        }
    }
    decoded
}

fn push(text: &mut Vec<u8>, code: u32) {
    if let Some(character) = char::from_u32(code) {
        text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

fn escape_at(text: &[u8], at: usize) -> Option<(Unit, usize)> {
    escape(text.get(at..)?)
}

/// Decodes the escape at the start of a text. Also returns its length.
fn escape(text: &[u8]) -> Option<(Unit, usize)> {
    match text {
        [b'%', b'u' | b'U', rest @ ..] => Some((Unit::Code(fixed(rest, 4)?), 6)),
        [b'%', rest @ ..] => Some((byte(fixed(rest, 2)?)?, 3)),
        [b'\\', b'u', b'{', rest @ ..] => {
            let (code, length) = number(rest, 16)?;
            rest.get(length).filter(|end| **end == b'}')?;
            Some((Unit::Code(code), 4 + length))
        }
        [b'\\', b'u', rest @ ..] => Some((Unit::Code(fixed(rest, 4)?), 6)),
        [b'\\', b'U', rest @ ..] => Some((Unit::Code(fixed(rest, 8)?), 10)),
        [b'\\', b'x' | b'X', rest @ ..] => Some((byte(fixed(rest, 2)?)?, 4)),
        [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
            let digit = |digit: &u8| digit - b'0';
            Some((Unit::Byte(digit(a) << 6 | digit(b) << 3 | digit(c)), 4))
        }
        // These are spaces and control characters, which are left out anyway.
        [b'\\', b'0' | b'a' | b'b' | b'e' | b'f' | b'n' | b'r' | b't' | b'v', ..] => {
            Some((Unit::Byte(b' '), 2))
        }
        [b'\\', byte, ..] if byte.is_ascii_punctuation() => Some((Unit::Byte(*byte), 2)),
        [b'&', b'#', b'x' | b'X', rest @ ..] => {
            let (code, length) = number(rest, 16)?;
            Some((Unit::Code(code), 3 + with_semicolon(rest, length)))
        }
        [b'&', b'#', rest @ ..] => {
            let (code, length) = number(rest, 10)?;
            Some((Unit::Code(code), 2 + with_semicolon(rest, length)))
        }
        [b'&', rest @ ..] => {
            let length = rest.iter().take(8).position(|byte| *byte == b';')?;
            Some((Unit::Code(named(&rest[..length])?.into()), 2 + length))
        }
        _ => None,
    }
}

fn byte(value: u32) -> Option<Unit> {
    u8::try_from(value).ok().map(Unit::Byte)
}

/// Parses a number of exactly `count` hexadecimal digits.
fn fixed(text: &[u8], count: usize) -> Option<u32> {
    number(text.get(..count)?, 16).filter(|(_, length)| *length == count).map(|(code, _)| code)
}

/// Parses the number at the start of a text. Also returns the count of its digits.
fn number(text: &[u8], radix: u32) -> Option<(u32, usize)> {
    let digits = text.iter().map_while(|byte| char::from(*byte).to_digit(radix)).take(8);
    let (mut value, mut length) = (0, 0);
    for digit in digits {
        value = value * radix + digit;
        length += 1;
    }
    (length > 0).then_some((value, length))
}

fn with_semicolon(text: &[u8], length: usize) -> usize {
    length + usize::from(text.get(length) == Some(&b';'))
}

/// Returns a character of ASCII or Latin-1 by its name in HTML.
fn named(name: &[u8]) -> Option<char> {
    const ASCII: [(&str, char); 43] = [
        ("amp", '&'),
        ("AMP", '&'),
        ("lt", '<'),
        ("LT", '<'),
        ("gt", '>'),
        ("GT", '>'),
        ("quot", '"'),
        ("QUOT", '"'),
        ("apos", '\''),
        ("Tab", '\t'),
        ("NewLine", '\n'),
        ("excl", '!'),
        ("num", '#'),
        ("dollar", '$'),
        ("percnt", '%'),
        ("lpar", '('),
        ("rpar", ')'),
        ("ast", '*'),
        ("midast", '*'),
        ("plus", '+'),
        ("comma", ','),
        ("period", '.'),
        ("sol", '/'),
        ("colon", ':'),
        ("semi", ';'),
        ("equals", '='),
        ("quest", '?'),
        ("commat", '@'),
        ("lsqb", '['),
        ("lbrack", '['),
        ("bsol", '\\'),
        ("rsqb", ']'),
        ("rbrack", ']'),
        ("Hat", '^'),
        ("lowbar", '_'),
        ("grave", '`'),
        ("lcub", '{'),
        ("lbrace", '{'),
        ("verbar", '|'),
        ("vert", '|'),
        ("rcub", '}'),
        ("rbrace", '}'),
        ("hyphen", '-'),
    ];
    // The names of the characters from U+00A0 on.
    const LATIN_1: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr \
        deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest \
        Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml \
        ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig \
        agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml \
        eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";
    let name = std::str::from_utf8(name).ok()?;
    let ascii = ASCII.iter().find(|(known, _)| *known == name).map(|(_, character)| *character);
    let latin_1 = || {
        let at = LATIN_1.split_ascii_whitespace().position(|known| known == name)?;
        char::from_u32(0xa0 + u32::try_from(at).ok()?)
    };
    ascii.or_else(latin_1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_each_escape_once() {
        for (text, expected) in [
            ("", ""),
            (r"plain 100% & \", r"plain 100% & \"),
            (r"\u00fc\/\u0026\\u0041", r"ü/&\u0041"),
            (r"\ud83d\ude00 \ud83d \u{1f600}\U0001F600", "😀  😀😀"),
            (r"\x41\101\n\0", "AA  "),
            ("%41%C3%BC%2541%u00fc%zz%4", "Aü%41ü%zz%4"),
            ("&amp;lt;&#65;&#x41&uuml;&sol;&nope;&", "&lt;AAü/&nope;&"),
            ("&nbsp;&yuml;&THORN;", "\u{a0}ÿÞ"),
            ("%\u{e9}\\\u{e9}&\u{e9};", "%\u{e9}\\\u{e9}&\u{e9};"),
        ] {
            assert_eq!(String::from_utf8_lossy(&decode(text.as_bytes())), expected, "{text}");
        }
    }
}
