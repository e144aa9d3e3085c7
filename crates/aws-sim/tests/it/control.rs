//! `/_sim/`: the clock, trust, and what happened.

use serde_json::{Value, json};
use stint_aws_sim::command::{Command, start};
use stint_aws_sim::{EstateSpec, Facts, Knobs};

use crate::rig::{Rig, START, code, refusal, small};
use crate::wire::send;

pub(crate) async fn ask(rig: &Rig, start: &str, body: &str) -> (u16, Value) {
    let head = format!("{start} HTTP/1.1\r\nHost: {}", rig.address());
    let (status, _, body) = send(rig.address(), &head, body).await;
    let status = status.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn the_clock_is_read_set_and_moved() {
    let rig = Rig::over_tcp(small()).await;
    let now = |text: &str, micros: i64| {
        (
            200,
            json!({ "now": text, "micros": micros, "frozen": true }),
        )
    };
    assert_eq!(
        ask(&rig, "GET /_sim/clock", "").await,
        now("2026-01-02T03:04:05Z", START)
    );
    assert_eq!(
        ask(&rig, "POST /_sim/clock/advance", r#"{"seconds": 7200}"#).await,
        now("2026-01-02T05:04:05Z", START + 7_200_000_000)
    );
    assert_eq!(
        ask(&rig, "PUT /_sim/clock", r#"{"at": "2027-01-01T00:00:00Z"}"#).await,
        now("2027-01-01T00:00:00Z", 1_798_761_600_000_000)
    );
    assert_eq!(rig.clock.now_micros(), 1_798_761_600_000_000);
    for (start, body) in [
        ("PUT /_sim/clock", r#"{"at": "tomorrow"}"#),
        ("POST /_sim/clock/advance", r#"{"seconds": "1"}"#),
        (
            "POST /_sim/clock/advance",
            r#"{"seconds": 9223372036854775807}"#,
        ),
        ("POST /_sim/clock/advance", "x"),
    ] {
        assert_eq!(ask(&rig, start, body).await.0, 400, "{start} {body}");
    }
    assert_eq!(ask(&rig, "GET /_sim/nothing", "").await.0, 404);
}

#[tokio::test]
async fn trust_facts_journal_and_assignments() {
    let rig = Rig::over_tcp(small()).await;
    let (_, facts) = ask(&rig, "GET /_sim/facts", "").await;
    assert_eq!(serde_json::from_value::<Facts>(facts).unwrap(), rig.facts);
    let put = json!({
        "role_arn": rig.facts.connector_role_arn,
        "policy": { "Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": { "AWS": rig.facts.host.arn }, "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "sts:ExternalId": "fresh" } } } },
    });
    assert_eq!(
        ask(&rig, "PUT /_sim/trust-policy", &put.to_string())
            .await
            .0,
        200
    );
    let assume = |id: &str| {
        rig.host()
            .sts
            .assume_role()
            .role_arn(&rig.facts.connector_role_arn)
            .role_session_name("stint")
            .external_id(id)
            .send()
    };
    assert!(assume("fresh").await.is_ok());
    assert_eq!(
        code(assume(&rig.facts.connector_external_id).await),
        "AccessDenied"
    );
    let (_, journal) = ask(&rig, "GET /_sim/journal?after=1", "").await;
    assert_eq!(journal["calls"].as_array().unwrap().len(), 1);
    assert_eq!(journal["calls"][0]["operation"], "sts:AssumeRole");
    assert_eq!(
        journal["calls"][0]["answer"]["error"]["code"],
        "AccessDenied"
    );
    let (_, listed) = ask(&rig, "GET /_sim/assignments", "").await;
    assert_eq!(listed["assignments"].as_array().unwrap().len(), 60);
    let bad = json!({ "role_arn": rig.facts.connector_role_arn, "policy": "{" });
    let (status, answer) = ask(&rig, "PUT /_sim/trust-policy", &bad.to_string()).await;
    assert_eq!(status, 400);
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .starts_with("policy: line 1, column 2: "),
        "{answer}"
    );
}

#[tokio::test]
async fn control_answers_to_loopback_names_only() {
    let rig = Rig::over_tcp(small()).await;
    for (host, expected) in [
        (rig.address(), "200"),
        ("localhost", "200"),
        ("[::1]:8481", "200"),
        ("stint.example", "404"),
        ("127.0.0.1.stint.example:80", "404"),
        ("10.0.0.1", "404"),
    ] {
        let head = format!("GET /_sim/clock HTTP/1.1\r\nHost: {host}");
        let (status, _, _) = send(rig.address(), &head, "").await;
        assert_eq!(status.split(' ').nth(1), Some(expected), "{host}");
    }
}

#[tokio::test]
async fn the_command_says_what_to_know_and_answers_there() {
    let estate = small();
    let running = start(Command {
        file: None,
        listen: "127.0.0.1:0".parse().unwrap(),
        estate: estate.clone(),
        knobs: Knobs::default(),
        weather: Vec::new(),
    })
    .await
    .unwrap();
    let text = running.announcement().to_owned();
    let facts = running.sim().facts();
    for line in [
        format!("AWS_ENDPOINT_URL={}", running.url()),
        format!(
            "STINT_SIM_ADMIN_ACCESS_KEY_ID={}",
            facts.admin.access_key_id
        ),
        format!(
            "STINT_SIM_HOST_SECRET_ACCESS_KEY={}",
            facts.host.secret_access_key
        ),
        format!("STINT_SIM_INSTANCE_ARN={}", facts.instance_arn),
        format!("STINT_SIM_CONNECTOR_ROLE_ARN={}", facts.connector_role_arn),
    ] {
        assert!(
            text.lines().any(|known| known == line),
            "{line} is not in\n{text}"
        );
    }
    let address = running.url().strip_prefix("http://").unwrap().to_owned();
    let taken = start(Command {
        file: None,
        listen: address.parse().unwrap(),
        estate: estate.clone(),
        knobs: Knobs::default(),
        weather: Vec::new(),
    })
    .await;
    assert_eq!(
        taken.err().unwrap().to_string(),
        format!("cannot listen on {address}: choose another --port")
    );
    let impossible = start(Command {
        file: None,
        listen: "127.0.0.1:0".parse().unwrap(),
        estate: EstateSpec {
            accounts: 0,
            ..estate
        },
        knobs: Knobs::default(),
        weather: Vec::new(),
    });
    assert_eq!(
        impossible.await.err().unwrap().to_string(),
        "an estate has at least 1 account"
    );
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(running.run_until(async {
        let _ = stopped.await;
    }));
    let head = format!("GET /_sim/clock HTTP/1.1\r\nHost: {address}");
    let (status, _, body) = send(&address, &head, "").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(body.contains(r#""frozen":false"#), "{body}");
    stop.send(()).unwrap();
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_weather_is_made_from_outside() {
    let rig = Rig::over_tcp(small()).await;
    let groups = || rig.admin().iam.list_groups().send();
    let wanted =
        r#"{"operation": "iam:ListGroups", "party": "admin", "nth": 2, "effect": "throttle"}"#;
    let (status, made) = ask(&rig, "POST /_sim/faults", wanted).await;
    assert_eq!(status, 200, "{made}");
    groups().await.unwrap();
    assert_eq!(code(groups().await), "Throttling");
    groups().await.unwrap();
    let path = format!("/_sim/faults/{}", made["id"]);
    let (_, told) = ask(&rig, &format!("GET {path}"), "").await;
    assert_eq!(told["hits"], 1);
    let refuse =
        r#"{"operation": "iam:*", "effect": "refuse", "code": "AccessDenied", "message": "no"}"#;
    let (_, made) = ask(&rig, "POST /_sim/faults", refuse).await;
    assert_eq!(
        refusal(groups().await),
        (403, "AccessDenied".to_owned(), "no".to_owned())
    );
    ask(&rig, &format!("DELETE /_sim/faults/{}", made["id"]), "").await;
    groups().await.unwrap();
    ask(&rig, "POST /_sim/faults", refuse).await;
    ask(&rig, "DELETE /_sim/faults", "").await;
    groups().await.unwrap();
    for wrong in [
        r#"{"operation": "iam:*", "effect": "thunder"}"#,
        r#"{"operation": "iam:*", "effect": "refuse"}"#,
        r#"{"operation": "iam:*", "effect": "slow"}"#,
        r#"{"operation": "iam:*", "effect": "stale", "nth": 1, "from": 2}"#,
        r#"{"effect": "stale"}"#,
    ] {
        let (status, told) = ask(&rig, "POST /_sim/faults", wrong).await;
        assert_eq!(status, 400, "{wrong}");
        assert!(told["error"].is_string(), "{told}");
    }
}

#[tokio::test]
async fn manners_are_turned_from_outside() {
    let rig = Rig::over_tcp(small()).await;
    let (_, before) = ask(&rig, "GET /_sim/knobs", "").await;
    assert_eq!(before["absent_delete"], "fails_later");
    assert_eq!(before["settle"], json!({ "polls": 2, "micros": 3_000_000 }));
    let turned = r#"{"absent_delete": "not_found", "serial_per_account": false}"#;
    let (status, after) = ask(&rig, "PATCH /_sim/knobs", turned).await;
    assert_eq!(status, 200, "{after}");
    assert_eq!(after["absent_delete"], "not_found");
    assert_eq!(after["serial_per_account"], false);
    // The rest is as it was, and the change is felt.
    assert_eq!(after["settle"], before["settle"]);
    let row = rig.sim.assignments().remove(0);
    let absent = rig
        .admin()
        .sso
        .delete_account_assignment()
        .instance_arn(&rig.facts.instance_arn)
        .target_id(&row.account_id)
        .target_type(aws_sdk_ssoadmin::types::TargetType::AwsAccount)
        .permission_set_arn(&row.permission_set_arn)
        .principal_type(aws_sdk_ssoadmin::types::PrincipalType::User)
        .principal_id(rig.facts.dee.clone().unwrap().user_id);
    assert_eq!(code(absent.send().await), "ResourceNotFoundException");
    for wrong in [r#"{"no_such": 1}"#, r#"{"reads": "now and then"}"#, "[]"] {
        assert_eq!(
            ask(&rig, "PATCH /_sim/knobs", wrong).await.0,
            400,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_rule_says_which_sources_it_means() {
    let rig = Rig::over_tcp(small()).await;
    let rule = |sources: Value| json!({ "name": "x", "queue_arn": "arn:x", "sources": sources });
    for wrong in [json!("aws.iam"), json!(["aws.iam", 1]), json!({})] {
        let (status, told) = ask(&rig, "POST /_sim/event-rules", &rule(wrong).to_string()).await;
        assert_eq!(status, 400);
        let words = told["error"].as_str().unwrap();
        assert!(words.starts_with("`sources` must be a list"), "{words}");
    }
    // What is right goes on to the queue, which is not there.
    let (_, told) = ask(&rig, "POST /_sim/event-rules", &rule(json!([])).to_string()).await;
    assert_eq!(told["error"], "no queue `arn:x` in this simulated AWS");
}
