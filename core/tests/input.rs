//! Tests that invalid input is rejected with an error that does not repeat it, and that valid input gives one
//! exact URI.

use huaweicloud_sms_core::{AuthToken, Endpoint, ObtainCommand, ServerId};

const ID: &str = "f32ab4d6-d150-4fb3-aa55-edbb5cf9947f";

fn uri(endpoint: &str, id: &str) -> String {
    let endpoint = Endpoint::new(endpoint).expect("a valid endpoint");
    ObtainCommand::new(&endpoint, &ServerId::new(id).expect("a valid id")).uri().to_string()
}

#[test]
fn accepts_valid_endpoints() {
    for (endpoint, prefix) in [
        ("https://sms.cn-north-4.myhuaweicloud.com", "https://sms.cn-north-4.myhuaweicloud.com"),
        (
            "https://sms-api.ru-moscow-1.myhuaweicloud.com/",
            "https://sms-api.ru-moscow-1.myhuaweicloud.com",
        ),
        ("HTTPS://Host:443", "https://Host:443"),
        ("https://h:1/base/path/", "https://h:1/base/path"),
        ("https://h/a.b/...x/%2F~!$&'()*+,;=:@", "https://h/a.b/...x/%2F~!$&'()*+,;=:@"),
        ("https://[::1]", "https://[::1]"),
        ("https://[2001:db8::1]:65535/x", "https://[2001:db8::1]:65535/x"),
        ("https://127.0.0.1:8080", "https://127.0.0.1:8080"),
        ("https://under_score.example", "https://under_score.example"),
    ] {
        assert_eq!(uri(endpoint, ID), format!("{prefix}/v3/sources/{ID}/command"));
        let endpoint = Endpoint::new(endpoint).expect("valid");
        assert_eq!(endpoint.as_str(), prefix);
        assert_eq!(endpoint.to_string(), prefix);
        assert!(!endpoint.is_cleartext());
    }
}

#[test]
fn clear_text_needs_its_own_constructor() {
    let endpoint = Endpoint::cleartext("http://127.0.0.1:8080").expect("valid");
    assert!(endpoint.is_cleartext());
    assert!(Endpoint::cleartext("https://127.0.0.1").is_err());
    let error = Endpoint::new("http://127.0.0.1").expect_err("clear text");
    assert!(error.to_string().contains("clear text"), "{error}");
}

#[test]
fn rejects_invalid_endpoints() {
    for (bad, why) in [
        ("", "is empty"),
        ("sms.example", "must start with https://"),
        ("ftp://canary", "must start with https://"),
        ("https:/canary", "must start with https://"),
        ("https://", "has no host"),
        ("https:///canary", "has no host"),
        ("https://:443", "has no host"),
        ("https://user:canary@h", "user or password"),
        ("https://canary@h", "user or password"),
        ("https://h?canary", "query"),
        ("https://h/p?canary=1", "query"),
        ("https://h#canary", "fragment"),
        ("https://h/#", "fragment"),
        ("https://h:", "port from 1 to 65535"),
        ("https://h:0", "port from 1 to 65535"),
        ("https://h:65536", "port from 1 to 65535"),
        ("https://h:99999", "port from 1 to 65535"),
        ("https://h:+80", "port from 1 to 65535"),
        ("https://h:8o", "port from 1 to 65535"),
        ("https://h:80:80", "port from 1 to 65535"),
        ("https://[::1]:0", "port from 1 to 65535"),
        ("https://[::1", "no ]"),
        ("https://[::1]x", "after its IPv6 address"),
        ("https://[canary]", "IPv6"),
        ("https://h%41", "in its host"),
        ("https://h\\x", "in its path"),
        ("https://h,g", "in its host"),
        ("https://h/..", ". or .."),
        ("https://h/./x", ". or .."),
        ("https://h/x/%2e%2E/y", ". or .."),
        ("https://h/.%2e", ". or .."),
        ("https://h//", "//"),
        ("https://h/a//b", "//"),
        ("https://h/a\\b", "percent-encoded"),
        ("https://h/%4", "percent-encoded"),
        ("https://h/%zz", "percent-encoded"),
        ("https://h/{x}", "percent-encoded"),
        ("https://h /", "at position 10"),
        ("https://h\n", "at position 10"),
        ("https://\u{e9}", "at position 9"),
    ] {
        let error = Endpoint::new(bad).expect_err(bad);
        assert_eq!(error.input(), "endpoint");
        let text = error.to_string();
        assert!(text.starts_with("the endpoint ") && text.contains(why), "{bad}: {text}");
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn the_longest_endpoint_and_id_are_still_a_uri() {
    let endpoint = |length: usize| format!("https://h/{}", "x".repeat(length - 10));
    let longest = uri(&endpoint(2048), &"😀".repeat(255));
    assert_eq!(longest.len(), 2048 + "/v3/sources/".len() + 255 * 12 + "/command".len());
    let error = Endpoint::new(&endpoint(2049)).expect_err("too long");
    assert_eq!(error.to_string(), "the endpoint is 2049 bytes long, the limit is 2048");
}

#[test]
fn ids_are_one_segment() {
    for (id, segment) in [
        (ID, ID),
        ("123", "123"),
        ("a b", "a%20b"),
        ("a+b", "a%2Bb"),
        ("a*b", "a%2Ab"),
        ("a~b", "a~b"),
        ("a%b", "a%25b"),
        ("a%2Fb", "a%252Fb"),
        ("...", "..."),
        (".a", ".a"),
        ("%2e%2e", "%252e%252e"),
        ("服务器", "%E6%9C%8D%E5%8A%A1%E5%99%A8"),
        ("é", "%C3%A9"),
        ("😀", "%F0%9F%98%80"),
        (
            "?#;!'():@&=,\"<>[]{}`|^$",
            "%3F%23%3B%21%27%28%29%3A%40%26%3D%2C%22%3C%3E%5B%5D%7B%7D%60%7C%5E%24",
        ),
    ] {
        assert_eq!(uri("https://h", id), format!("https://h/v3/sources/{segment}/command"));
        assert_eq!(ServerId::new(id).expect("valid").as_str(), id);
        assert_eq!(ServerId::new(id).expect("valid").to_string(), id);
    }
    assert!(ServerId::new(&"服".repeat(255)).is_ok());
}

#[test]
fn rejects_invalid_ids() {
    for (bad, why) in [
        ("", "is empty"),
        (".", "must not be . or .."),
        ("..", "must not be . or .."),
        ("a/canary", "a slash at position 2"),
        ("a\\canary", "a backslash at position 2"),
        ("canary\n", "a control character (a line break?) at position 7"),
        ("\0", "a control character (a line break?) at position 1"),
        ("\u{7f}", "a control character (a line break?) at position 1"),
        ("é\u{85}", "a control character (a line break?) at position 2"),
    ] {
        let error = ServerId::new(bad).expect_err(bad);
        assert_eq!(error.input(), "server id");
        assert!(error.to_string().ends_with(why), "{bad:?}: {error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    let error = ServerId::new(&"é".repeat(256)).expect_err("too long");
    assert_eq!(error.to_string(), "the server id is 256 characters long, the limit is 255");
}

#[test]
fn accepts_visible_ascii_tokens_only() {
    let every_visible: String = ('!'..='~').collect();
    assert!(AuthToken::new(&every_visible).is_ok());
    assert!(AuthToken::new(&"t".repeat(16_384)).is_ok());
    for (bad, why) in [
        ("", "is empty"),
        ("canary\n", "not visible ASCII (a space or line break?) at position 7"),
        ("canary\r\nX: y", "at position 7"),
        (" canary", "at position 1"),
        ("can\0ary", "at position 4"),
        ("canaré", "at position 6"),
        ("\u{feff}canary", "at position 1"),
    ] {
        let error = AuthToken::new(bad).expect_err(bad);
        assert_eq!(error.input(), "token");
        assert!(error.to_string().contains(why), "{bad:?}: {error}");
        assert!(!error.to_string().contains("can"), "{error}");
    }
    let error = AuthToken::new(&"t".repeat(16_385)).expect_err("too long");
    assert_eq!(error.to_string(), "the token is 16385 characters long, the limit is 16384");
}
