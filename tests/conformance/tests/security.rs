//! Tests that the tests exist which SECURITY.md names.

use std::{fs, path::Path};

#[test]
fn the_tests_that_security_md_names_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join("SECURITY.md")).expect("readable");
    let (_, table) = text.split_once("| promise | tests |\n").expect("the table");
    let (mut source, mut count) = (String::new(), 0);
    let tests = table.lines().filter_map(|line| line.split('|').nth(2));
    // The words in backticks: a file, then the tests in it.
    for word in tests.flat_map(|tests| tests.split('`').skip(1).step_by(2)) {
        if word.ends_with(".rs") {
            source = fs::read_to_string(root.join(word)).unwrap_or_else(|_| panic!("no {word}"));
        } else {
            assert!(source.contains(&format!("fn {word}(")), "{word}");
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}
