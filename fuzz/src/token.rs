use huaweicloud_sms_core::{AuthToken, Operation};

/// **Property 6.** No `Debug`, `Display` or error of any public value shows the token, and an
/// accepted token is sent as it is.
pub fn token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // Shorter than this it would be found in any text by chance; longer changes nothing.
    if text.len() < 8 {
        return;
    }
    let shown = match AuthToken::new(text) {
        Err(error) => format!("{error} {error:?}"),
        Ok(token) => {
            let request = crate::call().request(&token);
            assert_eq!(request.headers()["x-auth-token"].as_bytes(), data);
            assert!(text.bytes().all(|byte| byte.is_ascii_graphic()) && text.len() <= 16_384);
            let (parts, _) = crate::call().request(&token).into_parts();
            format!("{token:?} {token:#?} {request:?} {request:#?} {parts:?}")
        }
    };
    // What is shown anyway, whatever the token is.
    let known = format!(
        "{:?} {:?}",
        AuthToken::new(""),
        crate::call().request(&AuthToken::new("another-token").expect("valid"))
    );
    assert!(!shown.contains(text) || known.contains(text), "{shown}");
}
