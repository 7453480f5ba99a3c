//! Limits the number of packages that the facade depends on. No adapter depends on the other's HTTP client.
#![cfg(target_os = "linux")]

use std::{collections::BTreeSet, env, path::Path, process::Command};

/// Returns the packages that the facade depends on. The target is fixed, so that the number is the same on
/// every host.
fn packages(features: &str) -> BTreeSet<String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace");
    let mut tree = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    tree.args(["tree", "--locked", "--offline", "--edges=normal", "--prefix=none"]);
    tree.args(["--target=x86_64-unknown-linux-gnu", "--package=huaweicloud-sms"]);
    let output = tree.args(["--features", features]).current_dir(workspace).output();
    let output = output.expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    // `name v1.2.3 (/path) (*)`
    let package = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let packages = lines.lines().filter(|line| !line.is_empty()).map(package);
    packages.filter(|package| !package.starts_with("huaweicloud-sms v")).collect()
}

#[test]
fn packages_stay_within_their_bounds() {
    for (features, limit, others) in [
        ("", 20, &["ureq", "hyper", "tokio", "rustls", "reqwest"][..]),
        ("ureq", 43, &["hyper", "hyper-util", "tokio", "reqwest"]),
        ("hyper", 60, &["ureq", "ureq-proto", "reqwest"]),
    ] {
        let packages = packages(features);
        assert!(packages.len() <= limit, "{features:?}: {} packages", packages.len());
        let is_other =
            |name: &str| others.iter().any(|other| name.starts_with(&format!("{other} ")));
        let found: Vec<_> = packages.iter().filter(|name| is_other(name)).collect();
        assert!(found.is_empty(), "{features:?}: {found:?}");
    }
}
