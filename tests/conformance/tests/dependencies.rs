//! What a user of the facade has to build: the counts that the README names, and that neither
//! transport brings the other's client.
#![cfg(target_os = "linux")]

use std::{collections::BTreeSet, env, fs, path::Path, process::Command};

/// The packages that the facade needs besides itself, for one platform, so that the count is the
/// same everywhere.
fn packages(features: &str) -> BTreeSet<String> {
    let mut tree = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    tree.args(["tree", "--locked", "--offline", "--edges=normal", "--prefix=none"]);
    tree.args(["--target=x86_64-unknown-linux-gnu", "--package=huaweicloud-sms"]);
    tree.args(["--features", features]).current_dir(root());
    let output = tree.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    // `name v1.2.3 (/path) (*)`
    let package = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let packages = lines.lines().filter(|line| !line.is_empty()).map(package);
    packages.filter(|package| !package.starts_with("huaweicloud-sms v")).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace")
}

fn has(packages: &BTreeSet<String>, names: &[&str]) -> bool {
    names.iter().any(|name| packages.iter().any(|package| package.starts_with(&format!("{name} "))))
}

#[test]
fn counts_and_clients() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    for (features, limit, others) in [
        ("", 18, &["ureq", "hyper", "tokio", "rustls", "reqwest"][..]),
        ("ureq", 42, &["hyper", "hyper-util", "tokio", "reqwest"]),
        ("hyper", 60, &["ureq", "ureq-proto", "reqwest"]),
    ] {
        let packages = packages(features);
        assert!(packages.len() <= limit, "{features}: {} packages", packages.len());
        assert!(!has(&packages, others), "{features}: {packages:?}");
        let name = if features.is_empty() { "none".into() } else { format!("`{features}`") };
        let row = readme.lines().find(|line| line.starts_with(&format!("| {name} |")));
        let row = row.unwrap_or_else(|| panic!("no row of {name}"));
        assert!(row.ends_with(&format!("| {} |", packages.len())), "{row}: {}", packages.len());
    }
}
