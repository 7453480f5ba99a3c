//! Runs the properties on stable Rust: on random bytes, on mutated seeds, and on every committed input.

use std::{fs, path::Path};

use huaweicloud_sms_fuzz::{ERRORS, PROPERTIES};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};

/// Returns the committed inputs of a target, with their names.
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
fn every_committed_input_keeps_its_property() {
    for (target, property) in PROPERTIES {
        let seeds = inputs("seeds", target);
        assert!(!seeds.is_empty(), "{target} has no seeds");
        for (name, input) in seeds.into_iter().chain(inputs("regressions", target)) {
            // This is printed only when the property panics.
            println!("{name}");
            property(&input);
        }
    }
}

/// A change of a seed: its place, the number of removed bytes, the inserted bytes, and the piece of the seed
/// that is copied behind them. The copy doubles members and moves brackets.
type Change = (Index, usize, Vec<u8>, Option<(Index, usize)>);

fn change() -> impl Strategy<Value = Change> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(br#"{}[]":,\0-+.eEtfnu <"#.to_vec())];
    let removed = prop::sample::select(vec![0, 1, usize::MAX]);
    let copied = prop::option::of((any::<Index>(), 0..256_usize));
    (any::<Index>(), removed, prop::collection::vec(byte, 0..8), copied)
}

fn apply(input: &mut Vec<u8>, (at, removed, inserted, copied): &Change) {
    if input.is_empty() {
        return;
    }
    let at = at.index(input.len());
    let end = at.saturating_add(*removed).min(input.len());
    let mut piece = inserted.clone();
    if let Some((from, length)) = copied {
        let from = from.index(input.len());
        piece.extend(&input[from..input.len().min(from + length)]);
    }
    input.splice(at..end, piece);
}

fn run<S: Strategy>(strategy: S, check: impl Fn(S::Value)) {
    let mut runner = TestRunner::new(Config {
        // Inputs of failures are kept in `regressions/` instead.
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

fn random_and_mutated(target: &str) {
    let (_, property) = PROPERTIES.into_iter().find(|(name, _)| *name == target).expect("a target");
    run(prop::collection::vec(any::<u8>(), 0..600), |bytes| property(&bytes));
    let seeds: Vec<Vec<u8>> = inputs("seeds", target).into_iter().map(|(_, seed)| seed).collect();
    let mutated = (prop::sample::select(seeds), prop::collection::vec(change(), 0..6));
    run(mutated, |(mut input, changes)| {
        changes.iter().for_each(|change| apply(&mut input, change));
        property(&input);
    });
}

macro_rules! properties {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            random_and_mutated(stringify!($target));
        })*

        #[test]
        fn every_target_is_tested() {
            assert_eq!(PROPERTIES.map(|(name, _)| name), [$(stringify!($target)),*]);
        }
    };
}

properties! { response answer mutation request token poll issue_token sign session report }

#[test]
#[rustfmt::skip]
fn the_error_responses_cover_every_kind() {
    use huaweicloud_sms_core::ApiErrorKind::*;
    let error = |number| huaweicloud_sms_fuzz::error(number, None);
    let kinds: Vec<_> = (0..ERRORS).filter_map(|number| Some(error(number).api()?.kind())).collect();
    for kind in [
        Unauthorized, TokenExpired, ClockSkew, KeyLocked, Forbidden, AccountRestricted, ServerUnknown,
        NoTask, NotFound, Throttled, Unavailable, InvalidRequest,
    ] {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
}
