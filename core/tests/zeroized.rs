//! Tests that a secret is zeroized when its last holder is dropped. No piece of it is left in the memory of
//! this process.
//!
//! This binary has one test, because it reads the memory of the whole process. It can do so only on Linux.
#![cfg(target_os = "linux")]

use std::{
    fs::{self, File},
    hint::black_box,
    io::{Read, Seek, SeekFrom},
    ptr,
    time::Duration,
};

use huaweicloud_sms_core::{
    AccessKey, Action, Credential, Endpoint, IamUser, IssueToken, ObtainCommand, Operation, Pace,
    Scope, ServerId, Session, Timestamp, Unauthenticated, http,
};
use zeroize::{Zeroize, Zeroizing};

/// The length of a piece. A secret has several pieces, so that the test also finds a part of a copy.
const PIECE: usize = 16;
/// The first character of each piece.
const FIRST: u8 = b'~';
/// The length of a secret, which is the longest of a secret key or password. An allocator may keep its lists
/// in freed memory, but then it overwrites only a small part of a copy.
const LENGTH: usize = AccessKey::MAX_CHARS / PIECE * PIECE;

/// Returns a character of a secret. Two secrets have no piece in common.
fn character(secret: u8, index: usize) -> u8 {
    match index % PIECE {
        0 => FIRST,
        1 => b'A' + secret,
        _ => b'a' + u8::try_from(index * index % 25).expect("small"),
    }
}

/// Returns the only copy of a secret.
fn text(secret: u8) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(LENGTH));
    text.extend((0..LENGTH).map(|index| char::from(character(secret, index))));
    text
}

/// Counts the pieces of a secret in the memory that this process can write. It leaves out the stack of this
/// thread, because hashes and signatures are computed on it. SECURITY.md says that the stack is not zeroized.
fn pieces_in_memory(secret: u8) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").expect("a list");
    let mut memory = File::open("/proc/self/mem").expect("readable");
    // The buffer holds copies of the pieces that it finds, so it is zeroized.
    let mut buffer = Zeroizing::new(vec![0; 1 << 16]);
    let own_stack = ptr::from_ref(&maps).addr() as u64;
    let mut count = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (range, _) = line.split_once(' ').expect("a range");
        let (start, end) = range.split_once('-').expect("two addresses");
        let [start, end] =
            [start, end].map(|address| u64::from_str_radix(address, 16).expect("hexadecimal"));
        if (start..end).contains(&own_stack) {
            continue;
        }
        memory.seek(SeekFrom::Start(start)).expect("an address");
        let mut region = (&mut memory).take(end - start);
        loop {
            let length = region.read(&mut buffer).expect("readable");
            if length == 0 {
                break;
            }
            let pieces = buffer[..length].windows(PIECE).filter(|window| window[0] == FIRST);
            count += pieces.filter(|piece| is_piece_of(secret, piece)).count();
        }
    }
    count
}

fn is_piece_of(secret: u8, bytes: &[u8]) -> bool {
    (0..LENGTH).step_by(PIECE).any(|start| {
        bytes.iter().enumerate().all(|(index, byte)| *byte == character(secret, start + index))
    })
}

fn endpoint() -> Endpoint {
    Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com").expect("valid")
}

fn call() -> ObtainCommand {
    ObtainCommand::new(&endpoint(), &ServerId::new("id").expect("valid"))
}

fn user(password: &str) -> IamUser {
    IamUser::new("account", "user", password).expect("valid")
}

fn login(password: &str) -> IssueToken {
    IssueToken::new(&endpoint(), &user(password), Scope::Account).expect("valid")
}

fn key(secret: &str) -> AccessKey {
    AccessKey::new("EXAMPLEAK00000000001", secret).expect("valid")
}

/// Zeroizes a request's copy of a password, because the request belongs to the caller.
fn zeroize_body(request: http::Request<Vec<u8>>) {
    request.into_body().zeroize();
}

/// Sends two requests, replaces the credential and sends another one.
fn run_session(credential: impl Into<Credential>, other: impl Into<Credential>) {
    let pace = Pace::default();
    let mut session = Session::new(call(), credential, pace, 42, Duration::ZERO);
    let mut other = Some(other.into());
    for round in 1..4 {
        let now = pace.call_limit() * 2 * round;
        let Action::Send(request) = session.poll(now, Timestamp::MAX) else { panic!("it is due") };
        zeroize_body(request);
        let rejected = http::Response::builder().status(401).body("").expect("valid");
        let _ = session.on_response(now, Timestamp::MAX, &rejected);
        if let Some(other) = other.take() {
            session.renew(other);
        } else {
            break;
        }
    }
}

/// The name of a type that holds a secret, and a function that uses and drops a value of it.
type Holder = (&'static str, fn(&str));

const HOLDERS: [Holder; 8] = [
    ("AccessKey", |secret| {
        let key = key(secret);
        let _ = format!("{key:?}");
        drop(call().request(&key.clone().signer(Timestamp::MAX)));
    }),
    ("AccessKey with a security token", |secret| {
        let key = key(secret).with_security_token("token").expect("valid");
        drop(
            call().request(&key.with_project_id("project").expect("valid").signer(Timestamp::MAX)),
        );
    }),
    ("IamUser", |password| drop(user(password).clone())),
    ("IssueToken", |password| {
        let login = login(password);
        let _ = format!("{login:?}");
        zeroize_body(login.clone().request(&Unauthenticated));
    }),
    ("Credential of a key", |secret| {
        let _ = Credential::from(key(secret)).fingerprint();
    }),
    ("Credential of a user", |password| {
        let _ = Credential::from(login(password)).fingerprint();
    }),
    ("Session with keys", |secret| run_session(key(secret), key(secret))),
    ("Session with users", |password| run_session(login(password), login(password))),
];

#[test]
fn no_piece_of_a_dropped_secret_is_in_memory() {
    // As a control, the test must find a secret that is dropped without being zeroized.
    drop(black_box(String::from(text(0).as_str())));
    assert!(pieces_in_memory(0) > 0);

    for (secret, (holder, work)) in (1..).zip(HOLDERS) {
        work(&text(secret));
        assert_eq!(pieces_in_memory(secret), 0, "{holder}");
    }
}
