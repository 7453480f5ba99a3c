//! Rows about a request with a body: the report of a command's result.

use std::collections::BTreeMap;

use http::{Request, Response};
use huaweicloud_sms_core::{
    AuthToken, Command, CommandParam, CommandResult, Endpoint, Operation, ReportResult,
    ResponseError, ServerId,
};
use huaweicloud_sms_simulator::{Answer, Request as Received, Step};

use crate::{
    Outcome, TOKEN,
    outcome::{
        Outcome::{Reported, Status, Unreadable},
        error,
    },
    row::{Row, Scenario, row},
};

pub(crate) fn rows() -> Vec<Row> {
    let after = |steps: Vec<Step>| Scenario::Report(Some(Answer::steps(steps)));
    let send = |bytes: &str| Step::send(bytes);
    let body = r#"{"error_code":"SMS.6021","error_msg":"another command"}"#;
    let rejected = Answer::body(400, body);
    let cut = send("HTTP/1.1 502 Bad\r\nContent-Length: 100\r\n\r\n<html>");
    let elsewhere =
        |status| Scenario::Report(Some(Answer::body(status, "").header("location", "/elsewhere")));
    let no_content = "HTTP/1.1 204 No\r\n\r\n";
    let informational = format!("HTTP/1.1 100 Continue\r\n\r\n{no_content}");
    vec![
        row("a report", Scenario::Report(None), Reported),
        row("a report, 204", after(vec![send(no_content), Step::Hold]), Reported),
        row("a report, 100 before 204", after(vec![send(&informational), Step::Hold]), Reported),
        row("a report, 400", Scenario::Report(Some(rejected)), Status(400)),
        row("a report, a page", Scenario::Report(Some(Answer::body(200, "<html>"))), Unreadable),
        row("a report, 401 that closes", after(vec![send(CLOSES), Step::Close]), Status(401)),
        row("a report, 502, reset in the body", after(vec![cut, Step::Reset]), Status(502)),
        row("a report, 302", elsewhere(302), Status(302)),
        row("a report, 307", elsewhere(307), Status(307)),
        row("a report, 308", elsewhere(308), Status(308)),
        row("a report, closed before the head", after(vec![Step::Close]), error("closed")),
        row("a report, reset before the head", after(vec![Step::Reset]), error("closed")),
        row(
            "a report, reset in the head",
            after(vec![send("HTTP/1.1 200 OK\r\nContent-"), Step::Reset]),
            error("closed"),
        ),
        row("a report, silence", after(vec![Step::Hold]), error("timeout head")),
        row("a report, closed while idle", Scenario::IdleReport(vec![Step::Close]), Reported),
        row("a report, reset while idle", Scenario::IdleReport(vec![Step::Reset]), Reported),
    ]
}

const CLOSES: &str = "HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Makes a report of the largest size.
pub(crate) fn report(url: &str) -> ReportResult {
    let endpoint = Endpoint::cleartext(url).or_else(|_| Endpoint::new(url)).expect("an endpoint");
    let id = ServerId::new("id").expect("an id");
    let command = Command::new("START", CommandParam::default().with_task_id("t"));
    let text = "x".repeat(ReportResult::MAX_DETAIL - r#"{"msg":""}"#.len());
    let detail = BTreeMap::from([("msg", text)]);
    ReportResult::new(&endpoint, &id, command, CommandResult::Success, &detail).expect("a report")
}

pub(crate) fn request(report: &ReportResult) -> Request<Vec<u8>> {
    report.request(&AuthToken::new(TOKEN).expect("a token"))
}

pub(crate) fn parse(report: &ReportResult, response: &Response<Vec<u8>>) -> Outcome {
    match report.parse(response) {
        Ok(()) => Reported,
        Err(ResponseError::Body(_)) => Unreadable,
        Err(error) => Status(error.status().as_u16()),
    }
}

/// Returns whether a request arrived unchanged, and did not wait for an interim response.
pub(crate) fn is_whole(report: &ReportResult, received: &Received) -> bool {
    let sent = request(report);
    let is_kept = |name| {
        let value = sent.headers().get(name).map(|value| value.as_bytes());
        received.header(name) == value
    };
    received.body == *sent.body()
        && received.target == sent.uri().path()
        && ["content-length", "content-type", "x-auth-token"].into_iter().all(is_kept)
        && received.header("expect").is_none()
        && received.header("transfer-encoding").is_none()
}
