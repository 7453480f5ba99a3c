//! The responses that reject a request.

use http::StatusCode;
use serde_json::json;

use super::Reply;

/// Rejects a request as the service does, in the form of its
/// [error codes](https://support.huaweicloud.com/intl/en-us/api-sms/ErrorCode.html).
pub(crate) fn service(status: StatusCode, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({ "error_code": code, "error_msg": message }))
}

/// Rejects a request as the API gateway does, which is in front of the service.
pub(crate) fn gateway(status: StatusCode, code: &str, message: &str, request_id: &str) -> Reply {
    let body = json!({ "error_msg": message, "error_code": code, "request_id": request_id });
    Reply::json(status, &body)
}

/// Rejects a credential as the API gateway does.
pub(crate) fn unauthenticated(why: &str, request_id: &str) -> Reply {
    let message = format!("Incorrect IAM authentication information: {why}");
    gateway(StatusCode::UNAUTHORIZED, "APIGW.0301", &message, request_id)
}

/// Rejects a request as IAM does.
pub(crate) fn iam(status: StatusCode, message: &str) -> Reply {
    let title = status.canonical_reason().unwrap_or_default();
    let error = json!({ "message": message, "code": status.as_u16(), "title": title });
    Reply::json(status, &json!({ "error": error }))
}
