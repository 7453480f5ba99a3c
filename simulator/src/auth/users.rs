//! The IAM users.

use std::fmt;

use serde::Deserialize;

/// The users. `Debug` shows their names, not their passwords.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct Users(Vec<User>);

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    domain: String,
    name: String,
    password: String,
}

impl User {
    fn is(&self, domain: &str, name: &str) -> bool {
        self.domain == domain && self.name == name
    }
}

impl Users {
    /// Adds a user, or changes the user's password.
    pub(crate) fn set(&mut self, domain: &str, name: &str, password: &str) {
        self.0.retain(|user| !user.is(domain, name));
        let (domain, name, password) = (domain.into(), name.into(), password.into());
        self.0.push(User { domain, name, password });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn password(&self, domain: &str, name: &str) -> Option<&str> {
        self.0.iter().find(|user| user.is(domain, name)).map(|user| user.password.as_str())
    }

    /// Checks the rules of a script: no text is empty, and each user occurs once.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (index, User { domain, name, password }) in self.0.iter().enumerate() {
            if domain.is_empty() || name.is_empty() || password.is_empty() {
                return Err("domain, name and password can't be empty".into());
            }
            if self.0[..index].iter().any(|other| other.is(domain, name)) {
                return Err(format!("{name} of {domain} is there twice"));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|user| (&user.domain, &user.name))).finish()
    }
}
