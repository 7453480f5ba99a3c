use arbitrary::{Arbitrary, Result, Unstructured};
use huaweicloud_sms_core::Answer;
use serde_json::{Map, Value};

/// The content of a command's body in the documented form.
#[derive(Clone, Debug)]
pub(crate) struct Documented {
    pub(crate) name: String,
    /// `task_id`, `bucket`, `object`.
    pub(crate) param: Vec<(&'static str, String)>,
}

const NAMES: [&str; 11] = [
    "START",
    "STOP",
    "SYNC",
    "DELETE",
    "SKIP",
    "PREMIGRATE",
    "UPLOAD_LOG",
    "RSET_LOG_ACL",
    "TASK_NOT_STARTED",
    "TASK_HAS_STOPPED",
    "TASK_HAS_FINISHED",
];

impl<'a> Arbitrary<'a> for Documented {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let name = if u.ratio(3, 4)? { (*u.choose(&NAMES)?).to_owned() } else { text(u)? };
        // An empty name means no command.
        let name = if name.is_empty() { "X".to_owned() } else { name };
        let mut param = Vec::new();
        for field in ["task_id", "bucket", "object"] {
            if u.arbitrary()? {
                param.push((field, text(u)?));
            }
        }
        Ok(Self { name, param })
    }
}

/// At most 255 characters.
fn text(u: &mut Unstructured<'_>) -> Result<String> {
    let length = u.int_in_range(0..=255)?;
    Ok(u.arbitrary::<&str>()?.chars().take(length).collect())
}

impl Documented {
    /// Returns the members in the documented order. Without parameters there is no `command_param`.
    pub(crate) fn members(&self) -> Vec<(String, Value)> {
        let mut members = vec![("command_name".to_owned(), Value::from(self.name.as_str()))];
        if !self.param.is_empty() {
            let param: Map<String, Value> =
                self.param.iter().map(|(k, v)| ((*k).to_owned(), v.as_str().into())).collect();
            members.push(("command_param".to_owned(), param.into()));
        }
        members
    }

    pub(crate) fn to_json(&self) -> String {
        object(&self.members())
    }
}

/// Prints an object with its members in the given order. Doubled members stay.
pub(crate) fn object(members: &[(String, Value)]) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// Prints an answer in its documented form.
pub(crate) fn print(answer: &Answer) -> Value {
    match answer {
        Answer::Command(command) => serde_json::to_value(command),
        Answer::Task(task) => serde_json::to_value(task),
        Answer::NoCommand(why) => panic!("{why} has no documented form"),
    }
    .expect("serialises")
}

/// **Property 2.** Any answer printed in the documented form is read back as an equal value, and
/// unknown names survive byte for byte.
pub fn answer(data: &[u8]) {
    let Ok(documented) = Documented::arbitrary(&mut Unstructured::new(data)) else { return };
    let json = documented.to_json();
    let answer = crate::parse(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
    let (name, is_task) = match &answer {
        Answer::Command(command) => (command.name.as_str(), false),
        Answer::Task(task) => (task.state.as_str(), true),
        Answer::NoCommand(why) => panic!("{json}: {why}"),
    };
    assert_eq!(name, documented.name);
    assert_eq!(is_task, NAMES[8..].contains(&name), "{json}");

    let printed = print(&answer);
    assert_eq!(printed, serde_json::from_str::<Value>(&json).expect("JSON"));
    assert_eq!(crate::parse(printed.to_string()).expect("an answer"), answer);
}
