//! Makes texts of servers, certificates, proxies and files safe to show. Cuts a long text, and withholds a
//! whole text if it contains a secret. Also escapes a text that is printed or logged.
//!
//! SECURITY.md says which spellings of a secret are recognised.

mod secrets;
mod spelling;

use std::sync::{LazyLock, Mutex, PoisonError};

use huaweicloud_sms::Escaped;

use self::secrets::Secrets;
pub(crate) use self::spelling::is_hidden;

/// The replacement of a text that contains a secret.
pub(crate) const WITHHELD: &str = "[withheld: contains a credential]";

/// The longest text that is shown, in characters.
const MAX_TEXT: usize = 1024;
/// The longest line of a log, in characters. It may consist of several texts.
const MAX_LINE: usize = 4096;

/// The kinds of secrets. The secrets of one kind do not displace those of another.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A part of a credential that was loaded.
    Credential,
    /// A token from a login.
    Token,
    /// The signature of a request.
    Signature,
}

/// The secrets of this process. They are global, so that no output can miss one.
static SECRETS: LazyLock<Mutex<[Secrets; 3]>> = LazyLock::new(Mutex::default);

/// Withholds every text that contains this secret, from now on.
pub(crate) fn keep(kind: Kind, secret: &str) {
    SECRETS.lock().unwrap_or_else(PoisonError::into_inner)[kind as usize].add(secret);
}

/// Keeps the passwords of the environment's proxies, because a proxy may echo its own.
pub(crate) fn keep_proxy_passwords() {
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
        for name in [name.to_owned(), name.to_lowercase()] {
            let Ok(url) = std::env::var(name) else { continue };
            let user = url.rsplit_once('@').map(|(user, _)| user);
            if let Some((_, password)) = user.and_then(|user| user.rsplit_once(':')) {
                keep(Kind::Credential, password);
            }
        }
    }
}

/// Cuts the texts of one line and withholds those that contain a secret. If a secret is split over all of
/// them or over any two, it withholds all. The result is not escaped.
pub(crate) fn withhold(texts: &[&str]) -> Vec<String> {
    let secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    withhold_from(&*secrets, texts)
}

/// Returns whether a text contains a secret. The text may have any length, and need not be UTF-8.
pub(crate) fn contains_secret(text: &[u8]) -> bool {
    let secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    has_secret_in_bytes(&*secrets, text)
}

/// Returns a text as it may be printed.
pub(crate) fn shown(text: &str) -> String {
    let text = withhold(&[text]).remove(0);
    Escaped(&text).to_string()
}

/// Returns a line as it may be logged.
pub(crate) fn shown_line(line: &str) -> String {
    let line = cut(line, MAX_LINE);
    let secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    let line = if has_secret(&*secrets, &line) { WITHHELD } else { &line };
    Escaped(line).to_string()
}

fn withhold_from(secrets: &[Secrets], texts: &[&str]) -> Vec<String> {
    let mut shown: Vec<String> = texts.iter().map(|text| cut(text, MAX_TEXT)).collect();
    let (withheld, harmless): (Vec<_>, Vec<_>) =
        shown.iter_mut().partition(|text| has_secret(secrets, text));
    let pairs = || harmless.iter().flat_map(|one| harmless.iter().map(move |other| [one, other]));
    let is_split = harmless.len() > 1
        && (has_secret(secrets, &harmless.iter().map(|text| text.as_str()).collect::<String>())
            || pairs().any(|[one, other]| has_secret(secrets, &format!("{one}{other}"))));
    withheld.into_iter().for_each(|text| *text = WITHHELD.into());
    if is_split {
        harmless.into_iter().for_each(|text| *text = WITHHELD.into());
    }
    shown
}

fn has_secret(secrets: &[Secrets], text: &str) -> bool {
    has_secret_in_bytes(secrets, text.as_bytes())
}

fn has_secret_in_bytes(secrets: &[Secrets], text: &[u8]) -> bool {
    spelling::any(text, |spelling| secrets.iter().any(|secrets| secrets.are_in(spelling)))
}

/// Cuts a text. This comes before all other work, so that the cost of that work is bounded.
fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => {
            let length = text.chars().count();
            format!("{}... [cut: {limit} of {length} characters]", &text[..end])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(texts: &[&str]) -> [Secrets; 1] {
        let mut secrets = Secrets::default();
        texts.iter().for_each(|text| secrets.add(text));
        [secrets]
    }

    fn is_withheld(secret: &str, text: &str) -> bool {
        let [shown] = &withhold_from(&secrets(&[secret]), &[text])[..] else { unreachable!() };
        assert!(shown == WITHHELD || shown == text, "{shown}");
        shown == WITHHELD
    }

    const PASSWORD: &str = "Tr0ub&dor<7>/x Zür\"ich\\ö";
    const TOKEN: &str = "MIIEpAYJKoZIhvcNAQcCoIIElTCCBJECAQExDTALBglghkgBZQMEAgEwggJy";

    /// The spellings that SECURITY.md names.
    #[test]
    fn withholds_every_spelling_that_is_promised() {
        for text in [
            // Unchanged, in another case, with spaces, line breaks and invisible characters.
            r#"bad: Tr0ub&dor<7>/x Zür"ich\ö!"#,
            r#"bad: TR0UB&DOR<7>/X ZÜR"ICH\Ö"#,
            "T r 0 u b & d o r < 7 > / x Z ü r \" i c h \\ ö",
            "Tr0ub\r\n&dor\u{200b}<7>\u{3164}/x\u{ad} Zür\"ich\\ö",
            // As JSON, also in a text that is JSON again.
            r#"{"password":"Tr0ub&dor<7>\/x Z\u00fcr\"ich\\\u00F6"}"#,
            r#"{\"password\":\"Tr0ub\u0026dor\u003c7\u003e\\/x Z\\u00fcr\\\"ich\\\\\\u00f6\"}"#,
            r"Tr0ub&dor<7>/x Z\xfcr\x22ich\\\xf6",
            r#"Tr0ub&dor<7>/x Z\303\274r\"ich\\\303\266"#,
            r#"Tr0ub&dor<7>/x Z\u{fc}r"ich\\u{f6}"#,
            // As HTML.
            "<p>Tr0ub&amp;dor&lt;7&gt;/x Z&uuml;r&quot;ich\\&ouml;</p>",
            "Tr0ub&#38;dor&#60;7&#x3E;&#X2f;x Z&#252;r&#34;ich&#92;&#xF6;",
            "Tr0ub&amp;amp;dor&amp;lt;7&amp;gt;/x Z&amp;uuml;r&amp;quot;ich&bsol;&ouml;",
            // In an address.
            "password=Tr0ub%26dor%3C7%3E%2Fx%20Z%C3%BCr%22ich%5C%C3%B6",
            "password=Tr0ub%26dor%3c7%3e%2fx+Z%c3%bcr%22ich%5c%c3%b6",
            "password=Tr0ub%2526dor%253C7%253E%252Fx%2520Z%25C3%25BCr%2522ich",
            "password=Tr0ub%26dor%3C7%3E%2Fx%20Z%FCr%22ich%5C%F6",
            "password=Tr0ub%u0026dor%u003C7%u003E/x%20Z%u00FCr",
            // In base64 at each of its offsets, in base64 again, for addresses, over several lines.
            "VHIwdWImZG9yPDc+L3ggWsO8ciJpY2hcw7Y=",
            "eFRyMHViJmRvcjw3Pi94IFrDvHIiaWNoXMO2",
            "eHhUcjB1YiZkb3I8Nz4veCBaw7xyImljaFzDtg==",
            "eHh4VHIwdWImZG9yPDc-L3ggWsO8ciJpY2hcw7Y",
            "VkhJd2RXSW1aRzl5UERjK0wzZ2dXc084Y2lKcFkyaGN3N1k9",
            "VHIwdWImZG9y\r\n PDc+L3ggWsO8\r\n ciJpY2hcw7Y=",
            "VHIwdWImZG9yPDc%2BL3ggWsO8ciJpY2hcw7Y%3D",
            // A line break within an escape.
            "Tr0ub%2\n6dor%3C7%\n3E%2F/x%20",
            "Tr0ub&am\r\n p;dor&\r\n lt;7",
            // In hexadecimal and as numbers.
            "547230756226646f723c373e2f78205ac3bc7222",
            "x: a547230756226646F723C373E2F78205AC3BC7222",
            "0000: 54 72 30 75 62 26 64 6f 72 3c 37 3e 2f 78 20 5a",
            "54:72:30:75:62:26:64:6F:72:3C:37:3E:2F:78",
            "[0x54, 0x72, 0x30, 0x75, 0x62, 0x26, 0x64, 0x6f, 0x72, 0x3c, 0x37]",
            "[84, 114, 48, 117, 98, 38, 100, 111, 114, 60, 55, 62]",
            "[84, 114, 48, 11\n7, 98, 38, 1\n00, 111, 114, 60, 55, 62]",
            // As UTF-16, and in letters of full width.
            "Ｔｒ０ｕｂ＆ｄｏｒ＜７＞／ｘ",
            "T\0r\0\x30\0u\0b\0&\0d\0o\0r\0<\0\x37\0>\0",
        ] {
            assert!(is_withheld(PASSWORD, text), "{text}");
            assert!(!is_withheld("another-Password-2026", text), "{text}");
        }
    }

    #[test]
    fn withholds_pieces_of_a_secret() {
        for (text, expected) in [
            ("", false),
            ("nothing here", false),
            ("Tr0ub&do", true),
            ("Tr0ub&d", false),
            ("ub&dor<7", true),
            ("x Zür\"ich\\", true),
            // A piece in base64 and in an address.
            ("VHIwdWImZG9yPDc", true),
            ("Tr0ub%26dor%3", true),
        ] {
            assert_eq!(is_withheld(PASSWORD, text), expected, "{text}");
        }
        for start in 0..TOKEN.len() - 12 {
            assert!(is_withheld(TOKEN, &format!("<{}>", &TOKEN[start..start + 12])), "{start}");
        }
        assert!(!is_withheld(TOKEN, &TOKEN[1..8]));
        // A cut may leave 9 of 10 characters.
        assert!(is_withheld("Qw7!zT-4mK", "xQw7!zT-4m"));
    }

    #[test]
    fn words_without_their_separators_are_not_a_piece() {
        let token = "example-token-0123456789";
        assert!(!is_withheld(token, "the name of the proxy no-such-host.example.test"));
        assert!(is_withheld(token, "example, token=01"));
        assert!(is_withheld("Qw7!zT-4mK9p", "Qw7, !zT: -4mK"));
    }

    #[test]
    fn a_word_of_the_service_is_not_a_piece() {
        assert!(!is_withheld("Password@123", "the user name or password is wrong"));
        assert!(is_withheld("Password@123", "password@123 is wrong"));
        assert!(is_withheld("password", "PASSWORD"));
    }

    #[test]
    fn withholds_short_secrets_as_a_whole() {
        assert!(is_withheld("tok", "a tok"));
        assert!(!is_withheld("tok", "to"));
        assert!(!is_withheld("", "a tok"));
        assert!(is_withheld("p@ss", "Basic dXNlcjpwQHNz"));
    }

    #[test]
    fn withholds_all_texts_if_a_secret_is_split_over_them() {
        let secrets = secrets(&["Qw7!zT-4mK9p"]);
        let shown = |texts: &[&str]| withhold_from(&secrets, texts);
        assert_eq!(shown(&["Qw7!zT", "-4mK9p", "id"]), [WITHHELD; 3]);
        assert_eq!(shown(&["-4mK9p", "other", "Qw7!zT"]), [WITHHELD; 3]);
        assert_eq!(shown(&["Qw7", "!zT", "-4m", "K9p"]), [WITHHELD; 4]);
        assert_eq!(shown(&["Qw7!z%", "54-4mK9"]), [WITHHELD; 2]);
        assert_eq!(shown(&["SMS.1", "<Qw7!zT-4mK9p>", "id"]), ["SMS.1", WITHHELD, "id"]);
        // The same holds for one text with other characters in between.
        assert_eq!(shown(&["status 400, Qw7!zT: -4mK9p"]), [WITHHELD]);
    }

    #[test]
    fn knows_many_secrets_and_forgets_the_oldest() {
        let token = |number: usize| format!("{number:03}-{}", &TOKEN[number % 40..]);
        let mut secrets = Secrets::default();
        (0..500).for_each(|number| secrets.add(&token(number)));
        assert!(secrets.count() <= 2 * Secrets::KEPT);
        // A file is read every few seconds after a rejection.
        (0..500).for_each(|_| secrets.add(&token(499)));
        let secrets = [secrets];
        for number in 500 - Secrets::KEPT..500 {
            assert!(has_secret(&secrets, &token(number)), "{number}");
        }
    }

    #[test]
    fn cuts_texts_and_says_so() {
        let text = "é".repeat(MAX_TEXT);
        assert_eq!(cut(&text, MAX_TEXT), text);
        let longer = cut(&format!("{text}x"), MAX_TEXT);
        assert_eq!(longer, format!("{text}... [cut: 1024 of 1025 characters]"));
    }

    #[test]
    fn escapes_what_is_shown() {
        assert_eq!(shown("a\u{1b}[2J\n\u{3164}b"), "a\\u{1b}[2J\\n\\u{3164}b");
        assert_eq!(shown_line("a\nb"), "a\\nb");
    }

    /// Each step is linear, and the growth of a text is bounded.
    #[test]
    fn the_work_for_a_text_is_bounded() {
        let secrets = secrets(&[TOKEN, PASSWORD]);
        let hostile = ["%", "%25", "&amp;", "\\\\", "A", "41", "65,", "\u{3164}", "服", "\\u0041"];
        for piece in hostile {
            let text = piece.repeat(262_144 / piece.len());
            let mut work = 0;
            spelling::any(cut(&text, MAX_LINE).as_bytes(), |spelling| {
                work += spelling.text.len();
                secrets[0].are_in(spelling)
            });
            assert!(work < 100 * MAX_LINE, "{piece}: {work}");
        }
    }
}
