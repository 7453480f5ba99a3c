//! Tests the number of allocations that building a request and reading a response take. It is the same on
//! every machine.

use allocation_counter::{AllocationInfo, measure};
use huaweicloud_sms_core::{
    AccessKey, AuthToken, Endpoint, IamUser, IssueToken, ObtainCommand, Operation, Scope, ServerId,
    Timestamp, Unauthenticated, http,
};

fn call() -> ObtainCommand {
    let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com").expect("valid");
    let id = ServerId::new("f32ab4d6-d150-4fb3-aa55-edbb5cf9947f").expect("valid");
    ObtainCommand::new(&endpoint, &id)
}

fn login() -> IssueToken {
    let user = IamUser::new("account", "user", &"p".repeat(IamUser::MAX_CHARS)).expect("valid");
    let iam = Endpoint::new("https://iam.ap-southeast-3.myhuaweicloud.com").expect("valid");
    IssueToken::new(&iam, &user, Scope::Account).expect("valid")
}

/// Counts allocations after one warm-up, because `http`'s shared bytes allocate when they are first cloned.
fn count(mut work: impl FnMut()) -> AllocationInfo {
    work();
    measure(work)
}

#[test]
fn building_a_request_takes_two_allocations_for_any_token() {
    let call = call();
    let of = |length: usize| {
        let token = AuthToken::new(&"t".repeat(length)).expect("valid");
        count(|| drop(call.request(&token)))
    };
    let short = of(1);
    assert!(short.count_total <= 2, "{short:?}");
    for length in [64, 8_192, 16_384] {
        let long = of(length);
        assert_eq!((long.count_total, long.bytes_total), (short.count_total, short.bytes_total));
    }
}

#[test]
fn signing_a_request_takes_18_allocations_for_any_key() {
    let call = call();
    let of = |length: usize| {
        let key = AccessKey::new(&"i".repeat(20), &"s".repeat(length)).expect("valid");
        count(|| drop(call.request(&key.signer(Timestamp::MAX))))
    };
    let short = of(1);
    assert!(short.count_total <= 18, "{short:?}");
    for length in [40, AccessKey::MAX_CHARS] {
        let long = of(length);
        assert_eq!((long.count_total, long.bytes_total), (short.count_total, short.bytes_total));
    }
}

#[test]
fn a_login_is_written_once_and_copied_for_a_request() {
    let login = login();
    // These are the body, the two lists of the headers and the growth of one, `Host` and `Content-Length`.
    let info = count(|| drop(login.request(&Unauthenticated)));
    assert!(info.count_total <= 6, "{info:?}");

    // Every character is escaped. A body that grows would move, and leave the password behind.
    let quotes = "\"".repeat(IamUser::MAX_CHARS);
    let iam = Endpoint::new("https://iam.example").expect("valid");
    let of = |text: &str| {
        let user = IamUser::new(text, text, text).expect("valid");
        count(|| drop(IssueToken::new(&iam, &user, Scope::ProjectName(text)).expect("valid")))
    };
    let (plain, escaped) = (of(&"p".repeat(IamUser::MAX_CHARS)), of(&quotes));
    assert_eq!((escaped.count_total, escaped.bytes_total), (plain.count_total, plain.bytes_total));
}

#[test]
fn reading_the_example_takes_three_allocations() {
    let call = call();
    let body = r#"{ "command_name" : "START", "command_param" : { "task_id" : "2c0689c860ad4728a497c91ec0844384" } }"#;
    let response = http::Response::new(body);
    let info = count(|| drop(call.parse(&response)));
    // These are the members of two objects, and the task id. The tree borrows its texts.
    assert!(info.count_total <= 3, "{info:?}");
}

fn read(status: u16, body: &[u8]) -> AllocationInfo {
    let response = http::Response::builder().status(status).header("x-subject-token", "t");
    let response = response.body(body).expect("valid");
    match status {
        201 => {
            let login = login();
            count(|| drop(login.parse(&response)))
        }
        _ => {
            let call = call();
            count(|| drop(call.parse(&response)))
        }
    }
}

/// Returns bodies of this size. Each is the worst case of another part of the reader.
fn hostile(size: usize) -> Vec<(&'static str, Vec<u8>)> {
    let fill = |start: &str, piece: &str, end: &str| {
        let mut body = start.as_bytes().to_vec();
        while body.len() + piece.len() + end.len() <= size {
            body.extend(piece.as_bytes());
        }
        body.extend(end.as_bytes());
        body
    };
    let mut keys = String::from("{");
    for index in 0.. {
        let key = format!("\"k{index}\":{index},");
        if keys.len() + key.len() + 2 > size {
            break;
        }
        keys.push_str(&key);
    }
    keys.push_str("\"z\":0}");
    vec![
        ("open arrays", fill("", "[", "")),
        ("open objects", fill("", r#"{"a":"#, "")),
        ("deep arrays", [vec![b'['; size / 2], vec![b']'; size / 2]].concat()),
        (
            "deep unknown",
            [br#"{"x":"#.to_vec(), vec![b'['; size / 2], vec![b']'; size / 2], b"}".to_vec()]
                .concat(),
        ),
        ("deep error", fill("", r#"{"error":"#, "")),
        (
            "deep name",
            [
                br#"{"command_name":"#.to_vec(),
                vec![b'['; size / 2],
                vec![b']'; size / 2],
                b"}".to_vec(),
            ]
            .concat(),
        ),
        ("long name", fill(r#"{"command_name":""#, "n", r#""}"#)),
        ("long escaped name", fill(r#"{"command_name":""#, "\\u0041", r#""}"#)),
        ("long object", fill(r#"{"command_name":"X","command_param":{"object":""#, "o", r#""}}"#)),
        ("long message", fill(r#"{"error_code":"X","error_msg":""#, "m", r#""}"#)),
        ("long key", fill("{\"", "k", "\":1}")),
        ("many keys", keys.into_bytes()),
        ("doubled names", fill("{", r#""command_name":"START","#, r#""x":1}"#)),
        ("doubled messages", fill("{", r#""error_msg":"m","#, r#""x":1}"#)),
        ("many details", fill(r#"{"details":["#, r#"{"error_code":"c","error_msg":"m"},"#, "{}]}")),
        ("many params", fill(r#"{"error_code":"X","error_param":["#, r#""p","#, "0]}")),
        ("many nested", fill("{", r#""error":{"code":"c"},"#, r#""x":1}"#)),
        ("digits", fill(r#"{"error_code":"#, "9", "}")),
        ("deep token", fill("", r#"{"token":"#, "")),
        ("long time", fill(r#"{"token":{"expires_at":""#, "9", r#""}}"#)),
        ("long escaped time", fill(r#"{"token":{"expires_at":""#, "\\u0032", r#""}}"#)),
        (
            "doubled times",
            fill(r#"{"token":{"#, r#""issued_at":"2026-07-06T00:00:00Z","#, r#""x":1}}"#),
        ),
        ("doubled tokens", fill("{", r#""token":{"expires_at":null},"#, r#""x":1}"#)),
        ("white space", fill("", " ", "")),
        ("not UTF-8", vec![0xff; size]),
        ("html", fill("<", "a ", ">")),
    ]
}

#[test]
fn memory_is_bounded_by_the_input() {
    const SIZE: usize = 1024 * 1024;
    for (name, body) in hostile(SIZE) {
        for status in [200, 201, 400, 502] {
            let info = read(status, &body);
            // The reader doubles a buffer until an unescaped copy fits, and keeps another copy.
            let most = 4 * body.len() as u64 + 4096;
            assert!(info.bytes_max <= most, "{name}, {status}: {info:?}");
        }
    }
}

/// The growth is linear: sixteen times the input takes at most about sixteen times the allocations and bytes.
#[test]
fn allocations_grow_no_faster_than_the_input() {
    let (small, large) = (hostile(16 * 1024), hostile(256 * 1024));
    for ((name, small), (_, large)) in small.into_iter().zip(large) {
        for status in [200, 201, 400] {
            let (small, large) = (read(status, &small), read(status, &large));
            let within = |small: u64, large: u64, slack| large <= small * 17 + slack;
            assert!(
                within(small.count_total, large.count_total, 16),
                "{name}, {status}: {large:?}"
            );
            assert!(
                within(small.bytes_total, large.bytes_total, 65_536),
                "{name}, {status}: {large:?}"
            );
        }
    }
}

/// If the reader were recursive, 100,000 levels would take megabytes of stack.
#[test]
fn depth_takes_no_stack() {
    let bodies = hostile(200_000);
    let thread = std::thread::Builder::new().stack_size(64 * 1024).spawn(move || {
        for (_, body) in bodies {
            for status in [200, 201, 400] {
                let response = http::Response::builder().status(status).body(&body).expect("valid");
                drop(call().parse(&response));
                drop(login().parse(&response));
            }
        }
    });
    thread.expect("a thread").join().expect("no overflow");
}

#[test]
fn ten_thousand_headers_cost_little_memory() {
    let call = call();
    let mut response = http::Response::builder().status(503);
    for index in 0..10_000 {
        response = response.header(format!("x-{index}"), "v");
        response = response.header("content-encoding", "identity");
    }
    let response = response.header("retry-after", "7").body("").expect("valid");
    let error = call.parse(&response).expect_err("an error");
    assert_eq!(error.retry_after().map(|wait| wait.as_secs()), Some(7));
    // The boxed error takes as many allocations without the headers.
    assert!(count(|| drop(call.parse(&response))).count_total <= 2);
}
