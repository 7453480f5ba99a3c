use huaweicloud_sms_core::{AuthToken, Operation};

/// **Property 6.** No `Debug`, `Display` or error of any public value shows the token. The text stays the
/// same if every visible character of the token is replaced. An accepted token is sent unchanged.
pub fn token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let other: String = text.chars().map(|c| if c.is_ascii_graphic() { 'x' } else { c }).collect();
    assert_eq!(shown(text), shown(&other));

    if let Ok(token) = AuthToken::new(text) {
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()) && text.len() <= 16_384);
        let request = crate::call().request(&token);
        assert_eq!(request.headers()["x-auth-token"].as_bytes(), data);
    }
}

fn shown(text: &str) -> String {
    match AuthToken::new(text) {
        Err(error) => format!("{error} {error:?} {error:#?}"),
        Ok(token) => {
            let request = crate::call().request(&token);
            let (parts, _) = crate::call().request(&token).into_parts();
            format!("{token:?} {token:#?} {request:?} {request:#?} {parts:?}")
        }
    }
}
