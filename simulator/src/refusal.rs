//! The forms in which requests are refused.

use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::Reply;

/// As the page documents it.
pub(crate) fn page(status: StatusCode, code: &str, message: &str) -> Reply {
    http(status, &json!({ "error_code": code, "error_msg": message }))
}

/// As the gateway before the service says it.
pub(crate) fn gateway(status: StatusCode, code: &str, message: &str, request_id: &str) -> Reply {
    http(status, &json!({ "error_msg": message, "error_code": code, "request_id": request_id }))
}

/// What the gateway says to a credential that it does not take.
pub(crate) fn unauthenticated(why: &str, request_id: &str) -> Reply {
    let message = format!("Incorrect IAM authentication information: {why}");
    gateway(StatusCode::UNAUTHORIZED, "APIGW.0301", &message, request_id)
}

/// As IAM says it.
pub(crate) fn keystone(status: StatusCode, message: &str) -> Reply {
    let title = status.canonical_reason().unwrap_or_default();
    let error = json!({ "message": message, "code": status.as_u16(), "title": title });
    http(status, &json!({ "error": error }))
}

fn http(status: StatusCode, body: &Value) -> Reply {
    Reply::Http { status, headers: Vec::new(), body: body.to_string().into_bytes() }
}
