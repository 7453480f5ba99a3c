//! Parses the credentials file of the SDKs, which has sections of `name = value` lines.

use std::collections::HashMap;

/// The sections of a file. Their names are in lower case, because the SDKs ignore the case.
#[derive(Default)]
pub(crate) struct CredentialsFile {
    sections: HashMap<String, Section>,
}

/// The values of a section.
#[derive(Default)]
pub(crate) struct Section(HashMap<String, String>);

impl CredentialsFile {
    /// Reads a file's text. An error names the line, and never repeats its content.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut file = Self::default();
        let mut current: Option<String> = None;
        for (index, line) in text.lines().enumerate() {
            let fail = |what: &str| Err(format!("line {}: {what}", index + 1));
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[') {
                let Some(name) = name.strip_suffix(']') else {
                    return fail("a section's name ends with ]");
                };
                let name = name.trim().to_lowercase();
                if file.sections.contains_key(&name) {
                    return fail("this section appears twice");
                }
                file.sections.insert(name.clone(), Section::default());
                current = Some(name);
                continue;
            }
            let Some((name, value)) = line.split_once(['=', ':']) else {
                return fail("neither [section] nor name = value");
            };
            let section = current.as_ref().and_then(|name| file.sections.get_mut(name));
            let Some(Section(values)) = section else {
                return fail("a value before the first [section]");
            };
            let name = name.trim().to_lowercase();
            if values.insert(name, value.trim().to_owned()).is_some() {
                return fail("this name appears twice in its section");
            }
        }
        Ok(file)
    }

    pub(crate) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.get(name)
    }
}

impl Section {
    /// Returns the value of a name. An empty value counts as missing.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|value| !value.is_empty()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sections_and_values() {
        let text = "# c\n; c\n\n[Basic]\r\nak = A\r\nSK: s=:k #1\n  empty =\n\n[ password ]\npassword=p [w]\n";
        let file = CredentialsFile::parse(text).expect("valid");
        let basic = file.section("basic").expect("a section");
        assert_eq!(basic.get("ak").as_deref(), Some("A"));
        assert_eq!(basic.get("sk").as_deref(), Some("s=:k #1"));
        assert_eq!((basic.get("empty"), basic.get("missing")), (None, None));
        let password = file.section("password").expect("a section");
        assert_eq!(password.get("password").as_deref(), Some("p [w]"));
        assert!(file.section("global").is_none());
    }

    #[test]
    fn errors_name_the_line_without_its_content() {
        for (text, error) in [
            ("ak = canary", "line 1: a value before the first [section]"),
            ("[basic]\ncanary", "line 2: neither [section] nor name = value"),
            ("[canary", "line 1: a section's name ends with ]"),
            ("[a]\n[b]\n[A]", "line 3: this section appears twice"),
            ("[a]\nx = canary\nX = canary", "line 3: this name appears twice in its section"),
        ] {
            assert_eq!(CredentialsFile::parse(text).err().as_deref(), Some(error));
        }
    }
}
