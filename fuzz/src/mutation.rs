use arbitrary::{Arbitrary, Result, Unstructured};
use huaweicloud_sms_core::{Answer, NoCommand};
use serde_json::{Value, json};

use crate::{
    answer::{Documented, object},
    parse,
};

/// **Property 4.** Unknown members, order, white space and escapes never change the result. Doubled members,
/// wrong types, trailing bytes and truncation at any byte never give an answer that was not sent.
pub fn mutation(data: &[u8]) {
    let mut u = Unstructured::new(data);
    // With too few bytes, there is nothing to check.
    let _ = check(&mut u);
}

fn check(u: &mut Unstructured<'_>) -> Result<()> {
    let documented = Documented::arbitrary(u)?;
    let members = documented.members();
    let expected = parse(documented.to_json()).expect("a documented body");
    let same = |json: &str| assert_eq!(parse(json).as_ref(), Ok(&expected), "{json}");
    let rejected = |json: &[u8]| {
        let result = parse(json);
        assert!(result.is_err(), "{}: {result:?}", String::from_utf8_lossy(json));
    };

    match u.int_in_range(0..=8)? {
        0 => {
            let json = documented.to_json();
            let end = u.int_in_range(1..=json.len() - 1)?;
            rejected(&json.as_bytes()[..end]);
        }
        1 => {
            let mut members = members.clone();
            let doubled = u.choose(&members)?.clone();
            let place = u.int_in_range(0..=members.len())?;
            members.insert(place, doubled);
            rejected(object(&members).as_bytes());
        }
        2 => {
            let mut members = members.clone();
            let index = u.choose_index(members.len())?;
            let wrong = match members[index].0.as_str() {
                "command_name" => {
                    vec![json!(5), json!(true), json!(["START"]), json!({}), json!(0.5)]
                }
                _ => vec![json!(5), json!(false), json!([]), json!("x"), json!([{"task_id": "t"}])],
            };
            members[index].1 = u.choose(&wrong)?.clone();
            rejected(object(&members).as_bytes());
        }
        3 => {
            let Some((field, _)) = documented.param.first() else { return Ok(()) };
            let wrong = [json!(5), json!(true), json!([]), json!({})];
            let mut members = members.clone();
            members[1].1[*field] = u.choose(&wrong)?.clone();
            rejected(object(&members).as_bytes());
        }
        4 => {
            let mut json = documented.to_json().into_bytes();
            let tail: Vec<u8> = u.arbitrary()?;
            if tail.iter().any(|byte| !b" \t\r\n".contains(byte)) {
                json.extend(tail);
                rejected(&json);
            }
        }
        5 => same(&decorate(u, members)?),
        6 => {
            let json = documented.to_json();
            rejected(format!("[{json}]").as_bytes());
            let nested = format!(r#"{{"data":{json}}}"#);
            assert_eq!(parse(nested), Ok(Answer::NoCommand(NoCommand::MissingName)));
        }
        7 => {
            same(&escape_all(&members));
            same(&format!("\u{feff}{}", documented.to_json()));
        }
        _ => {
            let json = documented.to_json();
            let wide = |to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
                json.encode_utf16().flat_map(to_bytes).collect()
            };
            rejected(&wide(u16::to_le_bytes));
            rejected(&wide(u16::to_be_bytes));
            let latin: Vec<u8> =
                json.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(0xff)).collect();
            if latin != json.as_bytes() {
                // The Latin-1 bytes are invalid UTF-8, or by chance another text.
                assert_ne!(parse(&latin).as_ref(), Ok(&expected));
            }
        }
    }
    Ok(())
}

/// Adds unknown members and white space, and changes the order.
fn decorate(u: &mut Unstructured<'_>, mut members: Vec<(String, Value)>) -> Result<String> {
    let unknown = [
        ("request_id", json!("r")),
        ("Command_Name", json!("STOP")),
        ("command_names", json!([{"command_name": "STOP"}])),
        ("", json!(null)),
        ("task_id", json!("not here")),
        ("deep", json!([[[[[[{"a": [1e300, -0.0, "\u{0}"]}]]]]]])),
    ];
    for _ in 0..u.int_in_range(0..=6)? {
        let (name, value) = u.choose(&unknown)?.clone();
        let place = u.int_in_range(0..=members.len())?;
        members.insert(place, (name.to_owned(), value));
    }
    if let Some((_, param)) = members.iter_mut().find(|(name, _)| name == "command_param") {
        param["command_name"] = json!("STOP");
    }
    if u.arbitrary()? {
        members.reverse();
    }
    let mut json = String::new();
    let mut in_string = false;
    let mut escaped = false;
    for character in object(&members).chars() {
        json.push(character);
        in_string ^= character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        if !in_string && "{}[]:,".contains(character) {
            json.push_str(u.choose(&["", " ", "\n", "\t\r\n  "])?);
        }
    }
    Ok(json)
}

/// Prints every character of every string as `\uXXXX`.
fn escape_all(members: &[(String, Value)]) -> String {
    fn text(text: &str) -> String {
        let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        format!("\"{units}\"")
    }
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Value::String(value) => text(value),
                Value::Object(param) => {
                    let param: Vec<String> = param
                        .iter()
                        .map(|(name, value)| {
                            format!("{}:{}", text(name), text(value.as_str().unwrap_or_default()))
                        })
                        .collect();
                    format!("{{{}}}", param.join(","))
                }
                other => other.to_string(),
            };
            format!("{}:{value}", text(name))
        })
        .collect();
    format!("{{{}}}", members.join(","))
}
