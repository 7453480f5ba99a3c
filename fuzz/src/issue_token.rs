use huaweicloud_sms_core::Operation;

use crate::{reference, response};

/// **Property 9.** For any status, headers and bytes, `parse` of a login returns. It returns `Ok` only for a
/// 201 with exactly one legal `X-Subject-Token` and one whole JSON object. The text of an error is bounded
/// and has no control characters. If a `serde_json::Value` reads the same bytes without ambiguity, both
/// agree.
///
/// The input has the form of that of [`response`](crate::response()).
pub fn issue_token(data: &[u8]) {
    let response = response::read(data);
    let (status, headers, body) =
        (response.status(), response.headers(), response.body().as_slice());
    let result = crate::login().parse(&response);

    match &result {
        Ok(issued) => {
            assert_eq!(status, 201);
            let tokens: Vec<_> = headers.get_all("x-subject-token").iter().collect();
            assert_eq!(tokens.len(), 1);
            let token = tokens[0].as_bytes();
            assert_eq!(token, issued.token.reveal().as_bytes());
            assert!((1..=16_384).contains(&token.len()));
            assert!(token.iter().all(u8::is_ascii_graphic));
            response::check_object(body);
            assert!(issued.lifetime() <= issued.expires_at.as_unix_time());
        }
        Err(error) => {
            assert_eq!(error.status(), status);
            response::check_text(error);
        }
    }
    if !headers.contains_key("content-encoding") {
        reference::check_token(&response, &result);
    }
}
