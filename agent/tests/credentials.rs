//! Tests credentials from files and the environment against a service that checks them.

mod support;

use std::{collections::BTreeMap, fs, process::Command, time::Duration};

use huaweicloud_sms_simulator::{Answer, Script, Simulator};
use support::{
    SERVER_ID, agent,
    credentials::{AK, PASSWORD, SECURITY_TOKEN, SK, TEMPORARY_AK, script, start},
    file, folder, path, transports,
};

/// Both outputs of a process and its exit status.
struct Said {
    exit: i32,
    out: String,
    err: String,
}

#[track_caller]
fn run(command: &mut Command) -> Said {
    let output = command.output().expect("runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let said = Said {
        exit: output.status.code().expect("an exit status"),
        out: text(&output.stdout),
        err: text(&output.stderr),
    };
    for text in [&said.out, &said.err] {
        assert!(!text.to_lowercase().contains("canary"), "{text}");
    }
    said
}

/// Runs `obtain` with all logs, which must not contain a secret.
fn obtain(service: &Simulator, more: &[&str], variables: &[(&str, &str)]) -> Said {
    let url = service.url();
    let mut arguments = vec!["obtain", "--endpoint", &url, "--server-id", SERVER_ID];
    arguments.extend(["--allow-http", "-vvv"]);
    arguments.extend(more);
    run(agent(&arguments).envs(variables.iter().copied()))
}

/// Returns each header that the last request carries for its credential.
fn headers(service: &Simulator) -> BTreeMap<String, String> {
    let requests = service.requests();
    let last = requests.last().expect("a request");
    let names =
        ["authorization", "x-auth-token", "x-security-token", "x-project-id", "x-domain-id"];
    let value =
        |name: &str| last.header(name).map(|value| String::from_utf8_lossy(value).into_owned());
    names.into_iter().filter_map(|name| Some((name.to_owned(), value(name)?))).collect()
}

#[test]
fn a_key_comes_from_the_environment() {
    for transport in transports() {
        for [id, secret, security, project, domain] in [
            [
                "HUAWEICLOUD_SDK_AK",
                "HUAWEICLOUD_SDK_SK",
                "HUAWEICLOUD_SDK_SECURITY_TOKEN",
                "HUAWEICLOUD_SDK_PROJECT_ID",
                "HUAWEICLOUD_SDK_DOMAIN_ID",
            ],
            [
                "HW_ACCESS_KEY",
                "HW_SECRET_KEY",
                "HW_SECURITY_TOKEN",
                "HW_PROJECT_ID",
                "HW_DOMAIN_ID",
            ],
            [
                "OS_ACCESS_KEY",
                "OS_SECRET_KEY",
                "OS_SECURITY_TOKEN",
                "OS_PROJECT_ID",
                "OS_DOMAIN_ID",
            ],
        ] {
            let service = start(script());
            let more = ["--transport", transport];
            let said = obtain(&service, &more, &[(id, AK), (secret, SK)]);
            assert_eq!(said.exit, 0, "{id}: {}", said.err);
            assert_eq!(headers(&service).len(), 1);
            let temporary = [(id, TEMPORARY_AK), (secret, SK), (security, SECURITY_TOKEN)];
            let scoped = [&temporary[..], &[(project, "p"), (domain, "d")]].concat();
            let said = obtain(&service, &more, &scoped);
            assert_eq!(said.exit, 0, "{id}: {}", said.err);
            assert_eq!(headers(&service)["x-project-id"], "p");
            assert!(!headers(&service).contains_key("x-domain-id"));
            let said = obtain(&service, &more, &[&temporary[..], &[(domain, "d")]].concat());
            assert_eq!(said.exit, 0, "{id}: {}", said.err);
            assert_eq!(headers(&service)["x-domain-id"], "d");
        }
    }
}

#[test]
fn a_user_comes_from_the_environment() {
    for transport in transports() {
        let service = start(script());
        let url = service.url();
        let terraforms = format!("{url}/v3/");
        for [domain, user, password, address] in [
            ["HW_DOMAIN_NAME", "HW_USER_NAME", "HW_USER_PASSWORD", "HW_AUTH_URL"],
            ["OS_DOMAIN_NAME", "OS_USERNAME", "OS_PASSWORD", "OS_AUTH_URL"],
            ["OS_USER_DOMAIN_NAME", "OS_USERNAME", "OS_PASSWORD", "HUAWEICLOUD_SDK_IAM_ENDPOINT"],
        ] {
            let variables = [
                (domain, "my-account"),
                (user, "migration"),
                (password, PASSWORD),
                (address, terraforms.as_str()),
            ];
            let said = obtain(&service, &["--transport", transport], &variables);
            assert_eq!(said.exit, 0, "{domain}: {}", said.err);
            assert!(headers(&service)["x-auth-token"].starts_with("MII"));
            assert!(said.err.contains("logged in, until 20"), "{}", said.err);
            // The option takes precedence.
            let more = ["--transport", transport, "--iam-endpoint", &url];
            let said = obtain(&service, &more, &[&variables[..3], &[(address, "x")]].concat());
            assert_eq!(said.exit, 0, "{domain}: {}", said.err);
        }
    }
}

/// The console shows addresses without a scheme.
#[test]
fn addresses_without_a_scheme_are_https() {
    for transport in transports() {
        let service = Simulator::builder().script(script()).tls().start().expect("started");
        let ca = file(&format!("ca-bare-{transport}.pem"), service.ca_pem().expect("a CA"));
        let url = service.url();
        let bare = url.strip_prefix("https://").expect("https");
        let terraforms = format!("{bare}/v3");
        let credentials = file(
            &format!("bare-{transport}"),
            format!(
                "[password]\ndomain_name=my-account\nuser_name=migration\npassword={PASSWORD}\niam_endpoint={bare}\n"
            ),
        );
        let by_file = ["--credentials-file", path(&credentials)];
        let user = [
            ("HW_DOMAIN_NAME", "my-account"),
            ("HW_USER_NAME", "migration"),
            ("HW_USER_PASSWORD", PASSWORD),
            ("HW_AUTH_URL", &terraforms),
        ];
        let by_option = ["--iam-endpoint", bare];
        for (more, variables) in
            [(&by_file[..], &[][..]), (&by_option, &user[..3]), (&[], &user[..])]
        {
            let mut command = agent(&["obtain", "--endpoint", bare, "--server-id", SERVER_ID]);
            command.args(["--transport", transport, "--ca-cert", path(&ca)]).args(more);
            let said = run(command.envs(variables.iter().copied()));
            assert_eq!(said.exit, 0, "{}", said.err);
        }
    }
}

#[test]
fn reads_each_section_of_a_credentials_file() {
    let service = start(script());
    let url = service.url();
    let sections = [
        format!("[basic]\nak = {AK}\nsk = {SK}\nproject_id = p\ndomain_id = ignored\n"),
        format!("# of the SDKs\n[global]\nAK={AK}\nSK={SK}\ndomain_id=d\n"),
        format!("[basic]\nak={TEMPORARY_AK}\nsk={SK}\nsecurity_token={SECURITY_TOKEN}\n"),
        format!(
            "[password]\ndomain_name = my-account\nuser_name = migration\npassword = {PASSWORD}\niam_endpoint = {url}\n"
        ),
    ];
    let sent: Vec<_> = sections
        .iter()
        .map(|text| {
            let credentials = file("credentials", text);
            let said = obtain(&service, &["--credentials-file", path(&credentials)], &[]);
            assert_eq!(said.exit, 0, "{}", said.err);
            let by_name = [("HUAWEICLOUD_SDK_CREDENTIALS_FILE", path(&credentials))];
            // A file takes precedence over the rest of the environment.
            let variables = [&by_name[..], &[("HW_AUTH_TOKEN", "none")]].concat();
            let said = obtain(&service, &[], &variables);
            assert_eq!(said.exit, 0, "{}", said.err);
            headers(&service).into_keys().collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert_eq!(
        sent,
        [
            "authorization x-project-id",
            "authorization x-domain-id",
            "authorization x-security-token",
            "x-auth-token"
        ]
    );
}

#[test]
fn unusable_credentials_exit_with_2() {
    let service = start(script());
    let text = |name: &str, text: &str| path(&file(name, text)).to_owned();
    let no_key = text("no-key", "[basic]\nsk = canary\n");
    let no_section = text("no-section", "[other]\nak = canary\n");
    let broken = text("broken", "[basic]\ncanary\n");
    let bad_key = text("bad-key", "[basic]\nak = id\nsk = canary canary\n");
    let no_address =
        text("no-address", "[password]\ndomain_name=d\nuser_name=u\npassword=canary\n");
    let quoted_id = text("quoted-id", "[basic]\nak = \"canary\"\nsk = canary\n");
    let quoted_secret = text("quoted-secret", "[global]\nak = id\nsk = 'canary'\n");
    let quoted_name = text(
        "quoted-name",
        "[password]\ndomain_name=\"canary\"\nuser_name=u\npassword=canary\niam_endpoint=https://h\n",
    );
    let two = text("two", "[basic]\nak = id\nsk = canary\n[password]\npassword = canary\n");
    let quoted: &[_] = &[("HW_ACCESS_KEY", "id"), ("HW_SECRET_KEY", "canary\"")];
    let quoted_token: &[_] = &[("HW_AUTH_TOKEN", "\"canary\"")];
    let quoted_security_token: &[_] =
        &[("HW_ACCESS_KEY", "id"), ("HW_SECRET_KEY", "k"), ("HW_SECURITY_TOKEN", "'canary'")];
    let key: &[_] = &[("HW_ACCESS_KEY", "canary")];
    let other_half: &[_] = &[("HUAWEICLOUD_SDK_SK", "canary"), ("HW_ACCESS_KEY", "canary")];
    let user: &[_] = &[("HW_USER_PASSWORD", "canary"), ("HW_USER_NAME", "u")];
    for (file, variables, why) in [
        (None, &[][..], "no credential: give --token-file or --credentials-file, or set"),
        (None, key, "HW_ACCESS_KEY is set, and HW_SECRET_KEY is not"),
        (None, other_half, "HUAWEICLOUD_SDK_SK is set, and HUAWEICLOUD_SDK_AK is not"),
        (None, user, "HW_USER_NAME is set, and HW_DOMAIN_NAME is not"),
        (None, &[("HW_USER_NAME", "u")], "HW_USER_NAME is set, and HW_USER_PASSWORD is not"),
        (Some(&no_key), &[], "[basic] has no ak"),
        (Some(&no_section), &[], "none of the sections [basic], [global] and [password]"),
        (Some(&broken), &[], "line 2: neither [section] nor name = value"),
        (Some(&bad_key), &[], "the secret key has a character that is not visible ASCII"),
        (Some(&no_address), &[], "no address to log in at: give --iam-endpoint"),
        (Some(&quoted_id), &[], "the access key id is in quotes"),
        (Some(&quoted_secret), &[], "the secret key is in quotes"),
        (Some(&quoted_name), &[], "the account's name is in quotes"),
        (None, quoted, "HW_ACCESS_KEY, HW_SECRET_KEY: the secret key is in quotes"),
        (None, quoted_token, "HW_AUTH_TOKEN: the token is in quotes"),
        (None, quoted_security_token, "the security token is in quotes"),
        (Some(&two), &[], "it has both [basic] and [password]"),
        (Some(&"no/such/file".to_owned()), &[], "no/such/file cannot be read"),
    ] {
        let more: Vec<&str> =
            file.iter().flat_map(|file| ["--credentials-file", file.as_str()]).collect();
        let said = obtain(&service, &more, variables);
        assert_eq!(said.exit, 2, "{why}: {}", said.err);
        assert!(said.err.contains(why), "{why}: {}", said.err);
    }
    assert_eq!(service.request_count(), 0);
}

#[cfg(unix)]
#[test]
fn a_file_that_every_user_can_read_is_warned_of_or_rejected() {
    use std::os::unix::fs::PermissionsExt;
    let service = start(script());
    let credentials = file("open-credentials", format!("[basic]\nak={AK}\nsk={SK}\n"));
    let token = file("open-token", "canary");
    for (mode, is_open, is_rejected) in [
        (0o600, false, false),
        (0o640, false, false),
        // The modes of secrets of Docker and Kubernetes.
        (0o444, true, false),
        (0o644, true, false),
        (0o602, true, true),
        (0o666, true, true),
    ] {
        for file in [&credentials, &token] {
            fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("its owner's");
        }
        let said = obtain(&service, &["--credentials-file", path(&credentials)], &[]);
        assert_eq!(said.exit, if is_rejected { 2 } else { 0 }, "{mode:o}: {}", said.err);
        let warning = format!("by every user of this machine (mode {mode:o}): chmod o-rwx it");
        assert_eq!(said.err.contains(&warning), is_open, "{}", said.err);
        // A token expires within a day, so this is only a warning.
        let said = obtain(&service, &["--token-file", path(&token)], &[]);
        assert_eq!(said.exit, 4);
        assert_eq!(said.err.contains(&warning), is_open, "{}", said.err);
    }
}

#[test]
fn prints_why_the_service_rejected_a_credential() {
    for transport in transports() {
        let service = start(script());
        let url = service.url();
        let login = [
            ("HW_DOMAIN_NAME", "my-account"),
            ("HW_USER_NAME", "migration"),
            ("HW_USER_PASSWORD", "canary-that-is-wrong"),
            ("HW_AUTH_URL", url.as_str()),
        ];
        let more = ["--transport", transport, "--format", "json"];
        let said = obtain(&service, &more, &login);
        assert_eq!(said.exit, 4);
        let json: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
        assert_eq!((&json["during"], &json["status"]), (&"login".into(), &401.into()));
        let said = obtain(&service, &more[..2], &login);
        assert!(said.err.contains("error: login: status 401"), "{}", said.err);
        assert!(said.err.contains("a HUAWEI ID can't log in here"), "{}", said.err);
        // No call was sent without a token.
        assert!(service.requests().iter().all(|request| request.method == "POST"));

        let key = [("HW_ACCESS_KEY", AK), ("HW_SECRET_KEY", "canary-that-is-wrong")];
        let said = obtain(&service, &more[..2], &key);
        assert_eq!(said.exit, 4);
        assert!(said.err.contains("check the credential and its account"), "{}", said.err);
        assert_eq!(service.request_count(), 3);
    }
}

/// The server echoes a password, a secret key, and the token of a login.
#[test]
fn echoed_secrets_are_withheld() {
    for transport in transports() {
        let echo = |status, text: &str| Answer::error(status, "SMS.6000", &format!("<{text}>"));
        let service = start(script().login([echo(500, PASSWORD)]));
        let url = service.url();
        let login = [
            ("HW_DOMAIN_NAME", "my-account"),
            ("HW_USER_NAME", "migration"),
            ("HW_USER_PASSWORD", PASSWORD),
            ("HW_AUTH_URL", url.as_str()),
        ];
        let said = obtain(&service, &["--transport", transport], &login);
        let withheld = "status 500, SMS.6000: [withheld: contains a credential] [request id ";
        assert!(said.err.contains(&format!("error: login: {withheld}")), "{}", said.err);
        let token = "MIIcanaryISSUEDcanaryTOKENcanary";
        service.push_login(
            Answer::json(
                201,
                serde_json::json!({ "token": {
                    "issued_at": "2026-07-06T00:00:00.000000Z",
                    "expires_at": "2026-07-07T00:00:00.000000Z",
                } }),
            )
            .header("x-subject-token", token),
        );
        let service = {
            let echoing = Script::new().idle(SERVER_ID, echo(500, &token[3..]));
            let builder = Simulator::builder().script(echoing).start().expect("started");
            (service, builder)
        };
        let said = obtain(&service.1, &["--transport", transport], &login);
        assert!(said.err.contains(&format!("error: {withheld}")), "{}", said.err);
        let key = [("HW_ACCESS_KEY", AK), ("HW_SECRET_KEY", SK)];
        let echoing = Script::new().access_key(AK, SK).idle(SERVER_ID, echo(500, SK));
        let said = obtain(&start(echoing), &["--transport", transport], &key);
        assert!(said.err.contains(&format!("error: {withheld}")), "{}", said.err);
    }
}

#[test]
fn warns_of_a_wrong_clock_and_can_follow_the_server() {
    let key = [("HW_ACCESS_KEY", AK), ("HW_SECRET_KEY", SK)];
    for transport in transports() {
        let more = ["--transport", transport];
        let follow = ["--transport", transport, "--follow-server-clock"];
        // A skew within the limit causes only a warning.
        let service = start(script().clock_behind(Duration::from_secs(10 * 60)));
        let said = obtain(&service, &more, &key);
        assert_eq!(said.exit, 0, "{}", said.err);
        assert!(
            said.err.contains(" behind this machine's; beyond 15 min signatures"),
            "{}",
            said.err
        );

        let service = start(script().clock_ahead(Duration::from_secs(20 * 60)));
        let said = obtain(&service, &more, &key);
        assert_eq!(said.exit, 4, "{}", said.err);
        assert!(
            said.err.contains("ahead of this machine's; beyond 15 min signatures"),
            "{}",
            said.err
        );
        assert!(said.err.contains("set this server's clock and time zone"), "{}", said.err);
        let said = obtain(&service, &follow, &key);
        assert_eq!(said.exit, 0, "{}", said.err);
        // The first run sent one request. The second run sent a rejected request and a corrected one.
        assert_eq!(service.request_count(), 3);

        // A clock within the limit does not cause a rejection, so the request is not sent once more.
        let service = start(script().clock_ahead(Duration::from_secs(10 * 60)));
        let wrong = [("HW_ACCESS_KEY", AK), ("HW_SECRET_KEY", "wrong")];
        let said = obtain(&service, &follow, &wrong);
        assert_eq!((said.exit, service.request_count()), (4, 1), "{}", said.err);
        assert!(!said.err.contains("once more"), "{}", said.err);
    }
}

fn token(service: &Simulator, more: &[&str]) -> Command {
    let url = service.url();
    let mut command = agent(&["token", "--iam-endpoint", &url, "--allow-http", "-vvv"]);
    command.args(more).envs([
        ("HW_DOMAIN_NAME", "my-account"),
        ("HW_USER_NAME", "migration"),
        ("HW_USER_PASSWORD", PASSWORD),
    ]);
    command
}

#[test]
fn token_writes_a_private_file() {
    for transport in transports() {
        let service = start(script().token_life(Duration::from_secs(3600)));
        let out =
            file(&format!("issued-{transport}"), "the old one, longer than what comes".repeat(99));
        let more = ["--transport", transport, "--out", path(&out)];
        let said = run(&mut token(&service, &more));
        assert_eq!(said.exit, 0, "{}", said.err);
        assert!(
            said.out.starts_with("a token until 20") && said.out.ends_with("Z, for 1h\n"),
            "{}",
            said.out
        );
        let text = fs::read_to_string(&out).expect("written");
        assert!(text.starts_with("MII") && text.ends_with('\n') && text.lines().count() == 1);
        assert!(!said.out.contains(text.trim()) && !said.err.contains(text.trim()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&out).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let left_behind = fs::read_dir(out.parent().expect("a folder")).expect("readable");
        let names = left_behind.map(|entry| entry.expect("readable").file_name());
        assert!(names.into_iter().all(|name| !name.to_string_lossy().ends_with(".new")));
        let said = obtain(&service, &["--token-file", path(&out)], &[]);
        assert_eq!(said.exit, 0, "{}", said.err);

        let said = run(token(&service, &more).args(["--format", "json"]));
        let json: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
        assert_eq!((&json["answer"], &json["lifetime_s"]), (&"token".into(), &3600.into()));

        // Standard output is a pipe here.
        let said = run(&mut token(&service, &["--transport", transport, "--out", "-"]));
        assert!(
            said.out.starts_with("MII") && said.err.contains("a token until 20"),
            "{}",
            said.err
        );
    }
}

#[test]
fn token_leaves_no_file_without_a_token() {
    let service = start(script());
    let folder = folder();
    let out = folder.join("never-written");
    let rejected = run(token(&service, &["--out", path(&out)]).env("HW_USER_PASSWORD", "wrong"));
    assert_eq!(rejected.exit, 4, "{}", rejected.err);
    assert!(!out.exists());
    let logins = service.request_count();
    for (out, why) in [
        (path(&folder), "it is not a file but a folder"),
        ("..", "it is not a file but a folder"),
        ("no/such/folder/token", "cannot be written"),
    ] {
        let said = run(&mut token(&service, &["--out", out]));
        assert_eq!(said.exit, 2, "{out}");
        assert!(said.err.contains(why), "{out}: {}", said.err);
    }
    // Nothing was sent.
    assert_eq!(service.request_count(), logins);
    let said = run(token(&service, &["--out", path(&out)]).env_remove("HW_USER_PASSWORD"));
    assert_eq!(said.exit, 2);
    assert!(said.err.contains("HW_USER_NAME is set, and HW_USER_PASSWORD is not"), "{}", said.err);
    let mut nobody = token(&service, &["--out", path(&out)]);
    let said = run(nobody.env_remove("HW_USER_PASSWORD").env_remove("HW_USER_NAME"));
    assert!(said.err.contains("no user: give --credentials-file"), "{}", said.err);
    let key = file("only-a-key", format!("[basic]\nak={AK}\nsk={SK}\n"));
    let more = ["--out", path(&out), "--credentials-file", path(&key)];
    let said = run(&mut token(&service, &more));
    assert!(said.err.contains("has a key, and a token is for a user"), "{}", said.err);
}
