//! The properties on stable Rust: over random bytes, over mutated seeds, and over every committed
//! input.

use std::{fs, path::Path};

use huaweicloud_sms_core::ResponseError;
use huaweicloud_sms_fuzz::{ERRORS, PROPERTIES, Property};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

/// The committed inputs of a target, with their names.
fn inputs(folder: &str, target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(target);
    let Ok(entries) = fs::read_dir(&folder) else { return Vec::new() };
    entries
        .map(|entry| {
            let path = entry.expect("readable").path();
            (path.display().to_string(), fs::read(&path).expect("readable"))
        })
        .collect()
}

#[test]
fn every_committed_input() {
    for (target, property) in PROPERTIES {
        let seeds = inputs("seeds", target);
        assert!(!seeds.is_empty(), "{target} has no seeds");
        for (name, input) in seeds.into_iter().chain(inputs("regressions", target)) {
            // Printed only when the property panics.
            println!("{name}");
            property(&input);
        }
    }
}

/// A byte-wise change of a seed.
#[derive(Clone, Debug)]
enum Change {
    Truncate(prop::sample::Index),
    Remove(prop::sample::Index),
    Replace(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    /// Copies a piece to another place: doubled members, moved brackets.
    Copy(prop::sample::Index, prop::sample::Index, u8),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>;
    let byte = prop_oneof![any::<u8>(), prop::sample::select(br#"{}[]":,\0-+.eEtfnu <"#.to_vec()),];
    prop_oneof![
        index().prop_map(Change::Truncate),
        index().prop_map(Change::Remove),
        (index(), byte.clone()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (index(), prop::collection::vec(byte, 1..8))
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (index(), index(), any::<u8>()).prop_map(|(from, to, len)| Change::Copy(from, to, len)),
    ]
}

fn apply(input: &mut Vec<u8>, change: &Change) {
    if input.is_empty() {
        return;
    }
    match change {
        Change::Truncate(at) => input.truncate(at.index(input.len())),
        Change::Remove(at) => drop(input.remove(at.index(input.len()))),
        Change::Replace(at, byte) => {
            let at = at.index(input.len());
            input[at] = *byte;
        }
        Change::Insert(at, bytes) => {
            let at = at.index(input.len());
            input.splice(at..at, bytes.iter().copied());
        }
        Change::Copy(from, to, len) => {
            let from = from.index(input.len());
            let end = input.len().min(from + usize::from(*len));
            let piece = input[from..end].to_vec();
            let to = to.index(input.len());
            input.splice(to..to, piece);
        }
    }
}

fn run<S: Strategy>(strategy: S, check: impl Fn(S::Value)) {
    let mut runner = TestRunner::new(Config {
        // A finding belongs into `regressions/`, by hand and with a name.
        failure_persistence: None,
        ..Config::with_cases(Config::default().cases.max(1000))
    });
    let result = runner.run(&strategy, |value| {
        check(value);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

fn random_and_mutated(target: &str, property: Property) {
    run(prop::collection::vec(any::<u8>(), 0..600), |bytes| property(&bytes));
    let seeds: Vec<Vec<u8>> = inputs("seeds", target).into_iter().map(|(_, seed)| seed).collect();
    let mutated = (prop::sample::select(seeds), prop::collection::vec(change(), 0..6));
    run(mutated, |(mut input, changes)| {
        changes.iter().for_each(|change| apply(&mut input, change));
        property(&input);
    });
}

#[test]
fn response() {
    random_and_mutated("response", huaweicloud_sms_fuzz::response);
}

#[test]
fn answer() {
    random_and_mutated("answer", huaweicloud_sms_fuzz::answer);
}

#[test]
fn mutation() {
    random_and_mutated("mutation", huaweicloud_sms_fuzz::mutation);
}

#[test]
fn request() {
    random_and_mutated("request", huaweicloud_sms_fuzz::request);
}

#[test]
fn token() {
    random_and_mutated("token", huaweicloud_sms_fuzz::token);
}

#[test]
fn poll() {
    random_and_mutated("poll", huaweicloud_sms_fuzz::poll);
}

#[test]
fn issue_token() {
    random_and_mutated("issue_token", huaweicloud_sms_fuzz::issue_token);
}

#[test]
fn sign() {
    random_and_mutated("sign", huaweicloud_sms_fuzz::sign);
}

#[test]
fn token_cache() {
    random_and_mutated("token_cache", huaweicloud_sms_fuzz::token_cache);
}

/// Events can hold every kind of error there is.
#[test]
fn errors_of_every_kind() {
    use huaweicloud_sms_core::ApiErrorKind::*;
    let kind = |number| match huaweicloud_sms_fuzz::error(number, None) {
        ResponseError::Api(error) => Some(error.kind()),
        _ => None,
    };
    let kinds: Vec<_> = (0..ERRORS).filter_map(kind).collect();
    for kind in [
        Unauthorized,
        TokenExpired,
        ClockSkew,
        KeyLocked,
        Forbidden,
        AccountRestricted,
        ServerUnknown,
        NoTask,
        NotFound,
        Throttled,
        Unavailable,
        InvalidRequest,
    ] {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
}
