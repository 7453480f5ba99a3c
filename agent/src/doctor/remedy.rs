//! Remedies for rejections. The code and the kind of credential may allow a better one than the library's.

use huaweicloud_sms::{ApiError, ApiErrorKind as Kind, Credential};

/// Returns the remedy for a rejection, or `None` if the library's advice is enough.
pub(super) fn remedy(error: &ApiError, credential: &Credential) -> Option<&'static str> {
    by_code(error.code().unwrap_or_default())
        .or_else(|| (error.kind() == Kind::Unauthorized).then(|| rejected(error, credential)))
}

/// Returns the remedy for a code of the service or the
/// [gateway](https://support.huaweicloud.com/devg-apisign/api-sign-errorcode.html) that has only one cause.
fn by_code(code: &str) -> Option<&'static str> {
    let (prefix, number) = code.split_once('.')?;
    Some(match (prefix, number) {
        ("APIG" | "APIGW", "0302" | "0304" | "0306") => {
            "have the account's administrator allow the user to call this API; check that the account is \
             that of the source server"
        }
        ("APIG" | "APIGW", "0310") | ("SMS", "6560") => "correct the credential's project id",
        ("APIG" | "APIGW", "0401" | "0404" | "0405") => {
            "have the gateway allow the address that this server has on the Internet: it rejects by address"
        }
        ("APIG" | "APIGW", "0205") => "check the endpoint's path: it usually has none",
        _ => return None,
    })
}

/// Returns the remedy for a rejected credential. The official Agent reports all these causes as its error
/// SMS.0202. The texts of the gateway distinguish them.
fn rejected(error: &ApiError, credential: &Credential) -> &'static str {
    let says = |words| error.message().is_some_and(|message| message.contains(words));
    match credential {
        Credential::Key(_) if says("Get secretKey failed") => {
            "there is no such key: check its id for a typing error, and on the console that it was not \
             deleted; more than 5 rejections in a row lock a key for 5 minutes"
        }
        Credential::Key(_) if says("verify aksk signature fail") => {
            "the secret does not belong to the id: check both for a typing error, or create a new key; more \
             than 5 rejections in a row lock the key for 5 minutes"
        }
        Credential::Key(_) => {
            "check id and secret for a typing error, that the key exists and belongs to the account of the \
             source server, and that its user has programmatic access; more than 5 rejections in a row lock \
             the key for 5 minutes"
        }
        Credential::Token(_) => {
            "get a new token from IAM (sms-agent token), for the account of the source server"
        }
        _ => "check that the user belongs to the account of the source server",
    }
}

#[cfg(test)]
mod tests {
    use huaweicloud_sms::{AccessKey, AuthToken, http::StatusCode};

    use super::*;

    #[test]
    fn a_code_or_text_of_the_gateway_has_its_own_remedy() {
        let token: Credential = AuthToken::new("token").expect("valid").into();
        let key: Credential = AccessKey::new("id", "secret").expect("valid").into();
        for (status, code, message, credential, word) in [
            (401, "APIGW.0301", "Get secretKey failed", &key, "no such key"),
            (401, "APIGW.0301", "verify aksk signature fail", &key, "does not belong to the id"),
            (401, "APIGW.0301", "other", &key, "programmatic access"),
            (401, "APIGW.0301", "verify aksk signature fail", &token, "new token"),
            (400, "SMS.6521", "m", &token, "new token"),
            (403, "APIG.0401", "m", &token, "rejects by address"),
            (403, "APIGW.0310", "m", &key, "project id"),
            (403, "APIGW.0302", "m", &key, "administrator"),
            (400, "APIGW.0205", "m", &key, "path"),
        ] {
            let status = StatusCode::from_u16(status).expect("valid");
            let found = remedy(&ApiError::new(status, code, message), credential);
            assert!(found.is_some_and(|found| found.contains(word)), "{code} {message}");
        }
        // The library's advice is enough for these.
        for (status, code, message) in [
            (401, "APIGW.0301", "token expires, expires_at: 1"),
            (401, "APIGW.0301", "verify aksk signature fail, signature expired"),
            (401, "APIGW.0301", "AK access failed to reach the limit,forbidden."),
            (403, "SMS.9004", "m"),
            (429, "APIGW.0308", "m"),
        ] {
            let status = StatusCode::from_u16(status).expect("valid");
            assert_eq!(remedy(&ApiError::new(status, code, message), &key), None, "{message}");
        }
    }
}
