//! The command line as people and scripts use it: the real program against a real server, by
//! its exit codes, its output and its standard input.

#![allow(clippy::panic, clippy::indexing_slicing)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

const PASSWORD: &str = "correct horse battery staple";

/// The program, without anything this machine's environment says to it.
fn stint() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stint"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("STINT_") {
            command.env_remove(name);
        }
    }
    command
}

/// What a command did.
#[derive(Debug)]
struct Ran {
    what: String,
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    #[track_caller]
    fn done(self) -> String {
        self.ends(0).out
    }

    #[track_caller]
    fn json(self) -> Value {
        let text = self.done();
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("no JSON ({e}): {text}"))
    }

    #[track_caller]
    fn ends(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "{}\nout: {}\nerr: {}",
            self.what, self.out, self.err
        );
        self
    }

    /// Ends with that code, and says these words on standard error and nothing on standard
    /// output.
    #[track_caller]
    fn fails(self, code: i32, words: &str) -> String {
        let ran = self.ends(code);
        assert!(
            ran.err.contains(words),
            "{}: no `{words}` in: {}",
            ran.what,
            ran.err
        );
        assert!(
            ran.err.starts_with("stint: ") || ran.err.contains("\nstint: "),
            "{}",
            ran.err
        );
        ran.err
    }
}

fn run(mut command: Command, stdin: &str) -> Ran {
    let what = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("a pipe");
    // It may have ended without reading.
    let _ = input.write_all(stdin.as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    Ran {
        what,
        code: output.status.code().expect("not by a signal"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// Somebody at a machine of their own.
struct Person {
    home: tempfile::TempDir,
    url: String,
}

impl Person {
    fn at(url: &str) -> Self {
        Self {
            home: tempfile::tempdir().expect("a folder"),
            url: url.to_owned(),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = stint();
        command
            .env("HOME", self.home.path())
            .env_remove("XDG_CONFIG_HOME")
            .env("STINT_URL", &self.url)
            .current_dir(self.home.path())
            .args(args);
        command
    }

    fn types(&self, args: &[&str]) -> Ran {
        run(self.command(args), "")
    }

    fn pipes(&self, args: &[&str], stdin: &str) -> Ran {
        run(self.command(args), stdin)
    }

    fn file(&self) -> PathBuf {
        self.home.path().join(".config/stint/credentials.toml")
    }

    /// The token that is kept.
    fn token(&self) -> String {
        let text = std::fs::read_to_string(self.file()).expect("a file");
        let at = text.find("stint_pat_").expect("a token");
        text[at..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect()
    }
}

/// A running program; ended when it is dropped.
struct Running {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

fn wait_for(child: &mut Child, port: u16) {
    for _ in 0..1_200 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return;
        }
        assert!(
            child.try_wait().expect("a child").is_none(),
            "the server ended"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the server did not listen within a minute");
}

/// `stint serve` on a new database, whose administrator is cy@acme.example.
fn serve(settings: &str) -> Running {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let config = folder.path().join("stint.toml");
    let database = folder.path().join("stint.db");
    let text = format!(
        "database = \"sqlite://{}\"\nlisten = \"127.0.0.1:{port}\"\nlog = \"warn\"\n{settings}",
        database.display()
    );
    std::fs::write(&config, text).expect("written");
    let mut create = stint();
    create.args([
        "users",
        "create-admin",
        "--email",
        "cy@acme.example",
        "--name",
        "Cy",
        "--config",
    ]);
    create.arg(&config);
    run(create, PASSWORD).done();
    let mut serve = stint();
    serve
        .args(["serve", "--config"])
        .arg(&config)
        .stdin(Stdio::null());
    let mut child = serve.spawn().expect("the server starts");
    wait_for(&mut child, port);
    Running {
        child,
        url: format!("http://127.0.0.1:{port}"),
        _folder: folder,
    }
}

/// `stint demo`, once it has printed where it is.
fn demo() -> Running {
    let folder = tempfile::tempdir().expect("a folder");
    let (port, sim) = (free_port().to_string(), free_port().to_string());
    let mut demo = stint();
    demo.args(["demo", "--port", &port, "--sim-port", &sim]);
    demo.env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = demo.spawn().expect("the demo starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let url = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let place = line.trim().strip_prefix("Pages and API")?.trim().to_owned();
        Some(place)
    });
    // What it prints from now on must not fill the pipe.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    Running {
        child,
        url: url.expect("the demo says where it is"),
        _folder: folder,
    }
}

fn signed_in(url: &str) -> Person {
    let cy = Person::at(url);
    cy.pipes(&["login", "--email", "cy@acme.example"], PASSWORD)
        .done();
    cy
}

#[test]
fn signing_in_keeps_a_token_that_is_its_owners_alone_and_signing_out_revokes_it() {
    let server = serve("");
    let cy = Person::at(&server.url);
    cy.types(&["whoami"]).fails(3, "you are not signed in");
    cy.pipes(&["login", "--email", "cy@acme.example"], "wrong")
        .fails(3, "sign_in_refused");
    assert!(!cy.file().exists());
    cy.pipes(&["login", "--email", "cy@acme.example"], "")
        .fails(2, "nothing was typed");

    // Address and password on standard input, a line each.
    let said = cy
        .pipes(&["login"], &format!("cy@acme.example\n{PASSWORD}\n"))
        .done();
    assert!(said.contains("as Cy <cy@acme.example>"), "{said}");
    let first = cy.token();
    assert!(!said.contains(&first) && !said.contains(PASSWORD));
    let mode = std::fs::metadata(cy.file())
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let me = cy.types(&["whoami", "--json"]).json();
    assert_eq!(me["user"]["email"], "cy@acme.example");
    assert!(
        me["via"]
            .as_str()
            .expect("a door")
            .starts_with("token:tok_"),
        "{me}"
    );
    // The sign-in was ended: only the token is left.
    let id = me["user"]["id"].as_str().expect("an id").to_owned();

    // Once more: the token before is of no more use.
    cy.pipes(&["login", "--email", "cy@acme.example"], PASSWORD)
        .done();
    let tokens = cy.types(&["tokens", "list", "--json"]).json();
    let states: Vec<_> = tokens
        .as_array()
        .expect("tokens")
        .iter()
        .map(|t| t["state"].clone())
        .collect();
    assert_eq!(states, ["active", "revoked"]);
    let mut old = cy.command(&["whoami"]);
    old.env("STINT_TOKEN", &first);
    let err = run(old, "").fails(3, "invalid_token");
    assert!(
        err.contains("It came from STINT_TOKEN") && !err.contains(&first),
        "{err}"
    );

    // A token for a program: alone on standard output.
    let issued = cy.pipes(&["tokens", "issue", "nightly"], PASSWORD).ends(0);
    assert!(
        issued.out.starts_with("stint_pat_") && issued.out.lines().count() == 1,
        "{issued:?}"
    );
    let program = Person::at(&server.url);
    program
        .pipes(&["login", "--token-stdin"], &issued.out)
        .done();
    assert_eq!(
        program.types(&["whoami", "--json"]).json()["user"]["id"],
        *id
    );
    program
        .pipes(&["login", "--token-stdin"], "stint_pat_none\n")
        .fails(3, "invalid_token");
    cy.types(&["tokens", "revoke", "nightly"]).done();
    let err = program.types(&["whoami"]).fails(3, "invalid_token");
    assert!(err.contains("stint login"), "{err}");
    cy.types(&["tokens", "revoke", "nightly"])
        .fails(4, "no usable token of yours");

    let last = cy.token();
    cy.types(&["logout"]).done();
    cy.types(&["whoami"]).fails(3, "not signed in");
    let mut after = cy.command(&["whoami"]);
    after.env("STINT_TOKEN", &last);
    run(after, "").fails(3, "invalid_token");
    assert!(cy.types(&["logout"]).done().contains("not signed in"));

    // A file that others can read is not used.
    cy.pipes(&["login", "--email", "cy@acme.example"], PASSWORD)
        .done();
    std::fs::set_permissions(cy.file(), std::fs::Permissions::from_mode(0o644)).expect("set");
    cy.types(&["whoami"]).fails(2, "can be read by others");
}

#[test]
fn people_and_rules_are_set_up_by_name_and_every_code_means_what_it_says() {
    let server = serve("");
    let cy = signed_in(&server.url);
    for (name, email) in [
        ("Ana Moreno", "ana@acme.example"),
        ("Ana Diaz", "diaz@acme.example"),
    ] {
        cy.pipes(
            &[
                "users",
                "create",
                "--name",
                name,
                "--email",
                email,
                "--password",
            ],
            PASSWORD,
        )
        .done();
    }
    let err = cy.types(&["users", "show", "ana"]).fails(2, "fits several");
    assert!(
        err.contains("ana@acme.example")
            && err.contains("diaz@acme.example")
            && err.contains("usr_")
    );
    assert_eq!(
        cy.types(&["users", "show", "Ana Moreno", "--json"]).json()["email"],
        "ana@acme.example"
    );
    cy.types(&["users", "show", "eve"])
        .fails(4, "no user is called `eve`");
    cy.types(&["users", "show", "usr_00000000000000000000000001"])
        .fails(4, "not_found");
    cy.types(&["users", "change", "Ana Diaz"])
        .fails(2, "say what to change");
    cy.types(&["users", "change", "Ana Diaz", "--email", "ana@acme.example"])
        .fails(5, "email_taken");
    cy.types(&["users", "roles", "diaz@acme.example", "king"])
        .fails(1, "invalid_role");
    cy.types(&["users", "deactivate", "diaz@acme.example"])
        .done();
    assert!(
        cy.types(&["users", "list", "--inactive"])
            .done()
            .contains("Ana Diaz")
    );
    let table = cy.types(&["users", "list"]).done();
    assert!(
        table.starts_with("USER ") && table.lines().count() == 4,
        "{table}"
    );

    cy.types(&["groups", "create", "Platform"]).done();
    cy.types(&["groups", "create", "platform"])
        .fails(5, "name_taken");
    let shown = cy
        .types(&["groups", "add", "Platform", "cy@acme.example", "ana moreno"])
        .done();
    assert!(
        shown.contains("Ana Moreno") && shown.contains("cy@acme.example"),
        "{shown}"
    );
    cy.types(&["groups", "remove", "Platform", "ana moreno"])
        .done();
    assert_eq!(
        cy.types(&["groups", "show", "Platform", "--json"]).json()["members"],
        1
    );

    // Rules with names in them, by a pipe and by a file.
    let rules = |hours: i64| {
        format!(
            r#"{{"steps": [{{"name": "Platform", "groups": ["Platform"]}}], "max_duration_seconds": {}}}"#,
            hours * 3_600
        )
    };
    cy.pipes(&["policies", "create", "prod", "--file", "-"], &rules(4))
        .done();
    let file = cy.home.path().join("rules.json");
    std::fs::write(&file, rules(2)).expect("written");
    let path = file.to_str().expect("a path");
    let policy = cy
        .types(&[
            "policies",
            "new-version",
            "prod",
            "--file",
            path,
            "--note",
            "shorter",
            "--json",
        ])
        .json();
    assert_eq!(policy["latest"]["number"], 2);
    assert!(
        policy["latest"]["body"]["steps"][0]["groups"][0]
            .as_str()
            .expect("an id")
            .starts_with("grp_")
    );
    // What `show --json` prints can be written again.
    let printed = cy.types(&["policies", "show", "prod", "--json"]).done();
    cy.pipes(
        &["policies", "new-version", "prod", "--file", "-"],
        &printed,
    )
    .done();
    assert_eq!(
        cy.types(&["policies", "versions", "prod", "--json"])
            .json()
            .as_array()
            .expect("versions")
            .len(),
        3
    );
    cy.pipes(&["policies", "create", "bad", "--file", "-"], "{")
        .fails(2, "is not JSON");
    cy.pipes(
        &["policies", "create", "bad", "--file", "-"],
        "{\"max_duration_seconds\": 60}",
    )
    .fails(1, "no_steps");
    cy.types(&["catalogs", "create", "Production", "--audience", "Platform"])
        .done();
    cy.types(&[
        "catalogs",
        "change",
        "Production",
        "--description",
        "What runs",
    ])
    .done();
    assert!(cy.types(&["catalogs", "list"]).done().contains("What runs"));
    cy.types(&["catalogs", "add", "Production", "prod-admin"])
        .fails(4, "no entitlement is called");

    // Somebody without a role may not.
    let ana = Person::at(&server.url);
    ana.pipes(&["login", "--email", "ana@acme.example"], PASSWORD)
        .done();
    ana.types(&["users", "list"]).fails(3, "forbidden");
    ana.types(&["audit", "list"]).fails(3, "forbidden");
    let ran = ana.types(&["requests"]).ends(0);
    assert_eq!(ran.out, "", "a pipe gets no sentence for a row");
    assert!(ran.err.contains("have not asked"), "{}", ran.err);
    assert_eq!(
        ana.types(&["requests", "--json"]).json(),
        serde_json::json!([])
    );
    ana.types(&["request", "anything", "--for", "1h"])
        .fails(4, "stint entitlements");
    ana.types(&["request", "anything", "--for", "long"]).ends(2);
    ana.types(&["approve", "req_1"]).fails(2, "26 characters");
    ana.types(&["approve", "req_00000000000000000000000001"])
        .fails(4, "not_found");

    // The log of all that.
    let events = cy
        .types(&["audit", "list", "--action", "group.created", "--json"])
        .json();
    assert_eq!(events.as_array().expect("events").len(), 1, "{events}");
    assert!(
        cy.types(&["audit", "verify", "--over-api"])
            .done()
            .contains("is whole")
    );
}

#[test]
fn what_is_wrong_with_the_way_there_is_said() {
    let server = serve("[limits]\nreads_per_minute = 1\n");
    let cy = signed_in(&server.url);
    // A call that came too often waits a while, and not for ever: with one a minute the wait
    // is too long.
    let err = cy.types(&["whoami"]).fails(1, "too_many_requests");
    assert!(err.contains("Wait"), "{err}");
    let at = |url: &str| {
        let mut command = cy.command(&["whoami", "--url", url]);
        command.env("STINT_TOKEN", "stint_pat_none");
        run(command, "")
    };
    let nothing = format!("http://127.0.0.1:{}", free_port());
    let err = at(&nothing).fails(1, "cannot be reached");
    assert!(err.contains("refused"), "the reason is told: {err}");
    at("http://stint.example.com").fails(2, "unprotected");
    at("stint.example.com").fails(2, "is not the address");
    at("").fails(2, "is not the address");

    // Something else answers there.
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let place = format!("http://{}", other.local_addr().expect("an address"));
    let answers = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().expect("a call");
        let mut sent = [0; 1024];
        let _ = stream.read(&mut sent);
        let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
        let _ = stream.write_all(page.as_bytes());
    });
    at(&place).fails(1, "something else than Stint");
    answers.join().expect("answered");

    // No panic when nobody reads on.
    let mut command = cy.command(&["openapi"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let mut err = String::new();
    child
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut err)
        .expect("text");
    assert!(
        child.wait().expect("ends").success() && err.is_empty(),
        "{err}"
    );
    for shell in ["bash", "zsh", "fish"] {
        let script = cy.types(&["completions", shell]).done();
        assert!(script.contains("provision-again"), "{shell}");
    }
}

#[test]
fn access_is_asked_for_given_returned_and_revoked_from_the_command_line() {
    let demo = demo();
    let people: Vec<_> = ["ana", "bo", "cy"]
        .iter()
        .map(|who| {
            let person = Person::at(&demo.url);
            person.types(&["login", "--persona", who]).done();
            person
        })
        .collect();
    let [ana, bo, cy] = people.as_slice() else {
        panic!("three people")
    };
    ana.types(&["login", "--persona", "eve"])
        .fails(1, "ana, bo, cy and dee");

    let offers = ana.types(&["entitlements", "--json"]).json();
    let offers = offers.as_array().expect("offers");
    let named = |auto: bool| {
        let fits = offers.iter().filter(|o| {
            o["auto_approve"] == auto && o["entitlement"]["kind"] == "account_assignment"
        });
        let names: Vec<_> = fits
            .map(|o| {
                o["entitlement"]["name"]
                    .as_str()
                    .expect("a name")
                    .to_owned()
            })
            .collect();
        names.into_iter().next_back().expect("an offer")
    };
    let (asked, given) = (named(false), named(true));

    // Nobody answers: the wait is bounded, its reasons are told, and the request stays.
    let ask = [
        "request",
        &asked,
        "--for",
        "1h",
        "--reason",
        "to try the command line",
    ];
    let preview = ana.types(&[&ask[..], &["--preview"]].concat()).done();
    assert!(preview.contains("policy "), "{preview}");
    let err = ana
        .types(&[&ask[..], &["--wait", "2s"]].concat())
        .fails(6, "waits for");
    let id = err
        .split_whitespace()
        .find(|word| word.starts_with("req_"))
        .expect("an id");
    let id = id.trim_end_matches(':').to_owned();
    ana.types(&["approve", &id]).fails(3, "self_approval");
    let waiting = bo.types(&["requests", "--waiting"]).done();
    assert!(waiting.contains(&id), "{waiting}");
    bo.types(&["approve", &id, "--comment", "go on", "--json"])
        .json();
    bo.types(&["approve", &id]).fails(5, "quote");
    assert_eq!(
        ana.types(&["requests", &id, "--json"]).json()["state"],
        "approved"
    );

    // Nobody has to: the wait ends when the access is there.
    let ask = [
        "request", &given, "--for", "1h", "--reason", "to look", "--wait", "2m", "--json",
    ];
    let there = ana.types(&ask).json();
    assert_eq!(there["grants"][0]["status"], "active", "{there}");
    let own = there["id"].as_str().expect("an id");
    assert!(ana.types(&["grants"]).done().contains(&given));
    ana.types(&["return", own]).done();
    ana.types(&["return", own]).fails(5, "nothing_to_return");

    // For a group of Identity Center, by its name: whoever decides sees that it is one.
    let unknown = [
        "request",
        &asked,
        "--for",
        "1h",
        "--reason",
        "INC-1",
        "--for-group",
        "zzz-nothing",
    ];
    cy.types(&unknown).fails(4, "no Identity Center group");
    ana.types(&unknown).fails(3, "forbidden");
    let principals = cy.types(&["connections", "list", "--json"]).json();
    let connection = principals[0]["name"].as_str().expect("a name").to_owned();
    let principals = cy
        .types(&["connections", "principals", &connection, "--json"])
        .json();
    let group = (principals.as_array().expect("principals").iter())
        .find(|it| it["kind"] == "identity_center_group")
        .expect("a group")["name"]
        .as_str()
        .expect("a name")
        .to_owned();
    let ask = [&unknown[..7], &[group.as_str()]].concat();
    let preview = cy.types(&[&ask[..], &["--preview"]].concat()).done();
    assert!(
        preview.contains(&format!("for the group {group}: ")),
        "{preview}"
    );
    cy.types(&ask).done();
    let waiting = bo.types(&["requests", "--waiting"]).done();
    let whom = format!("the group {group} (asked by Cy");
    assert!(waiting.contains(&whom), "{waiting}");
    let denied = bo.types(&["deny", &group, "--reason", "not now"]).ends(0);
    assert!(
        denied.err.contains(&whom) && denied.out.contains("denied"),
        "{denied:?}"
    );

    // One's own in a state are one's own: everybody's are asked for with `--all`.
    let denied = cy.types(&["requests", "--state", "denied"]).done();
    assert!(denied.contains(&group), "{denied}");
    assert!(
        !ana.types(&["requests", "--state", "denied"])
            .done()
            .contains(&group)
    );
    ana.types(&["requests", "--all", "--state", "denied"])
        .fails(3, "forbidden");

    // Ended by somebody who may.
    let grant = cy.types(&["requests", &id, "--json"]).json()["grants"][0]["id"].clone();
    let grant = grant.as_str().expect("a grant");
    ana.types(&["revoke", grant, "--reason", "x"])
        .fails(3, "forbidden");
    cy.types(&["revoke", grant, "--reason", "the work is done"])
        .done();
    assert!(cy.types(&["grants", grant]).done().contains("because"));

    // The estate.
    let connections = cy.types(&["connections", "list", "--json"]).json();
    let name = connections[0]["name"].as_str().expect("a name");
    assert!(
        cy.types(&["connections", "test", name])
            .done()
            .contains("assume_role")
    );
    let limits = [
        "connections",
        "scope",
        name,
        "--iam",
        "on",
        "--group",
        "Developers",
    ];
    let changed = cy.types(&limits).done();
    assert!(changed.contains(":group/Developers"), "{changed}");
    let scope = cy.types(&["connections", "scope", name, "--json"]).json();
    assert_eq!(
        scope["iam_groups"].as_array().map(Vec::len),
        Some(1),
        "{scope}"
    );
    let setup = cy.types(&["connections", "setup", name]).done();
    assert!(setup.contains("StintChangesIamGroupMembers"), "{setup}");
    let life = [
        "connections",
        "scope",
        name,
        "--user-life",
        "on",
        "--user-boundary",
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
    ];
    let changed = cy.types(&life).done();
    assert!(changed.contains("policy/ReadOnlyAccess"), "{changed}");
    let setup = cy.types(&["connections", "setup", name]).done();
    assert!(setup.contains("StintCreatesIamUsers"), "{setup}");
    cy.types(&["connections", "scope", name, "--user-boundary", "Users"])
        .fails(1, "invalid_iam_user_boundary");
    cy.types(&["connections", "scope", name, "--user-prefix", "a/b"])
        .fails(1, "invalid_iam_user_prefix");
    cy.types(&[
        "connections",
        "scope",
        name,
        "--iam",
        "off",
        "--every-group",
    ])
    .done();
    let run = cy
        .types(&["connections", "sync", name, "--wait", "2m", "--json"])
        .json();
    assert_ne!(run["state"], "running", "{run}");
    assert!(
        cy.types(&["connections", "principals", name, "ana"])
            .done()
            .contains("prn_")
    );
    assert!(
        cy.types(&["links", "list", "--state", "confirmed"])
            .done()
            .contains("lnk_")
    );
    ana.types(&["connections", "sync", name])
        .fails(3, "forbidden");
    // Where the policy wants the password again: a program is told so, and whoever can give it does.
    let ask = ["request", &given, "--for", "1h", "--reason", "to look"];
    let preview = ana.types(&[&ask[..], &["--preview", "--json"]].concat());
    let policy = preview.json()["policy"]["name"].clone();
    let policy = policy.as_str().expect("a name");
    let mut body = cy.types(&["policies", "show", policy, "--json"]).json();
    body["latest"]["body"]["step_up"] = "asking".into();
    let version = ["policies", "new-version", policy, "--file", "-"];
    cy.pipes(&version, &body.to_string()).done();
    let preview = ana.types(&[&ask[..], &["--preview"]].concat()).done();
    assert!(preview.contains("given by whoever asks"), "{preview}");
    let err = ana.types(&ask).fails(3, "step_up_required");
    assert!(err.contains("--password-stdin"), "{err}");
    let typed = [&ask[..], &["--password-stdin"]].concat();
    let err = ana.pipes(&typed, "anything").fails(3, "sign_in_refused");
    assert!(err.contains("persona of the demo has no"), "{err}");
    let change = ["users", "change", "ana.moreno@acme.example", "--password"];
    cy.pipes(&change, PASSWORD).done();
    let own = ["users", "change", "cy.adeyemi@acme.example", "--password"];
    cy.pipes(&own, PASSWORD).fails(1, "own_password");
    ana.pipes(&typed, "not it").fails(3, "sign_in_refused");
    // The sign-in that is begun for it is ended again.
    let ended = || {
        let ended = ["audit", "list", "--action", "sign_in.ended", "--json"];
        let ended = cy.types(&ended).json();
        ended.as_array().expect("a list").len()
    };
    let before = ended();
    let ran = ana.pipes(&typed, PASSWORD).ends(0);
    assert!(ran.out.contains("req_"), "{}", ran.out);
    assert!(!ran.out.contains(PASSWORD) && !ran.err.contains(PASSWORD));
    assert_eq!(ended(), before + 1);
    // A delegation says whether the password was given with it.
    let away = ["delegations", "create", "bo.lindqvist@acme.example"];
    #[allow(
        clippy::disallowed_methods,
        reason = "what is typed is a moment of the demo's clock, which began now"
    )]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = i64::try_from(now.expect("after 1970").as_micros()).expect("a time");
    let until = stint_domain::Time::from_micros(now) + stint_domain::Span::hours(24 * 30);
    let until = until.to_string();
    let away = [&away[..], &["--until", until.as_str(), "--json"]].concat();
    let made = ana.types(&away).json();
    assert_eq!(made["proved"], false, "{made}");
    let id = made["id"].as_str().expect("an id");
    ana.types(&["delegations", "end", id]).done();
    let away = [&away[..], &["--password"]].concat();
    ana.pipes(&away, "not it").fails(3, "sign_in_refused");
    let made = ana.pipes(&away, PASSWORD).json();
    assert_eq!(made["proved"], true, "{made}");
    assert!(
        cy.types(&["audit", "verify", "--over-api", "--json"])
            .json()["events"]
            .as_i64()
            > Some(10)
    );
}

#[test]
fn what_there_is_is_written_down_planned_and_applied_from_files() {
    let demo = demo();
    let cy = Person::at(&demo.url);
    cy.types(&["login", "--persona", "cy"]).done();
    let write = |name: &str, text: &str| {
        let path = cy.home.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    // All that the demo makes comes back as it is.
    cy.types(&["export", "--out", "access/all.yaml"])
        .fails(1, "access/all.yaml");
    write("access/README.md", "not meant");
    cy.types(&["export", "--out", "access/all.yaml"]).done();
    let said = cy.types(&["plan", "access"]).done();
    assert!(said.contains("0 to create, 0 to change"), "{said}");
    let text = cy.types(&["export"]).done();
    let path = cy.home.path().join("access/all.yaml");
    assert_eq!(std::fs::read_to_string(path).expect("read"), text);
    assert!(text.starts_with("stint: v1\n"), "{text}");

    // A second file is planned, and applied only when somebody says so.
    let group = "stint: v1\ngroups:\n  - name: On call\n    members: [bo.lindqvist@acme.example]\n";
    write("access/more/on-call.yml", group);
    let ran = cy.types(&["plan", "access"]).ends(2);
    assert_eq!(ran.err, "");
    for part in [
        "+ group On call  (access/more/on-call.yml:3)",
        "    + members: bo.lindqvist@acme.example",
        "1 to create, 0 to change",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert!(!ran.out.contains('\u{1b}'), "no colours in a pipe");
    let ran = cy.types(&["plan", "access", "--json"]).ends(2);
    let plan: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(plan["changes"][0]["action"], "create", "{plan}");
    cy.types(&["apply", "access"]).ends(2);
    assert!(!cy.types(&["groups", "list"]).done().contains("On call"));
    let said = cy.types(&["apply", "access", "--yes"]).done();
    assert!(said.contains("done    group On call"), "{said}");
    cy.types(&["plan", "access"]).done();

    // What somebody changes by hand is not written over unasked.
    cy.types(&["groups", "add", "On call", "ana.moreno@acme.example"])
        .done();
    let ran = cy.types(&["apply", "access", "--yes"]).ends(5);
    assert!(ran.out.contains("! changed by hand since"), "{}", ran.out);
    assert!(ran.err.contains("--overwrite"), "{}", ran.err);
    cy.types(&["apply", "access", "--yes", "--overwrite"])
        .done();
    cy.types(&["plan", "access"]).done();

    // Mistakes have their place.
    write(
        "wrong.yaml",
        "stint: v1\ngroups:\n  - nam: x\n    members: []\n",
    );
    let ran = cy.types(&["plan", "wrong.yaml"]).ends(1);
    assert!(
        ran.err.contains("wrong.yaml:3:5: there is no field nam"),
        "{}",
        ran.err
    );
    cy.types(&["plan", "nothing.yaml"]).fails(1, "nothing.yaml");
    let ana = Person::at(&demo.url);
    ana.types(&["login", "--persona", "ana"]).done();
    ana.types(&["export"]).fails(3, "forbidden");

    // The schema that is published is the one that is printed.
    let schema = cy.types(&["config", "schema"]).json();
    assert_eq!(schema["properties"]["stint"]["enum"][0], "v1", "{schema}");
}
