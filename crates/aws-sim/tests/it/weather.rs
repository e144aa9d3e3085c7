//! Weather: by seed, by rule and by the clock; what each kind does to a call, and what is told of it.

use std::io::ErrorKind;

use serde_json::{Value, json};
use stint_aws_sim::{Answered, Effect, Fault, Sim, forecast};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::control::ask;
use crate::rig::{Clients, Rig, SECOND, START, both, code, refusal, small};
use crate::signing::signature;

async fn who(clients: &Clients) -> String {
    match clients.sts.get_caller_identity().send().await {
        Ok(_) => "fine".to_owned(),
        refused => code(refused),
    }
}

/// Which weather each call of an operation met.
fn met(sim: &Sim, operation: &str) -> Vec<Vec<&'static str>> {
    let calls = sim.journal().into_iter();
    let calls = calls.filter(|call| call.operation == operation);
    calls.map(|call| call.weather).collect()
}

/// Two hundred calls with another operation's between them, and what the first kind met.
async fn two_hundred(seed: u64, between: usize) -> Vec<Vec<&'static str>> {
    let rig = Rig::in_memory(small());
    for text in ["broken=0.1", "lose_after=0.2@sts:*", "delay=0"] {
        let (fault, effect) = forecast(text, seed).unwrap();
        rig.sim.faults().add(fault, effect);
    }
    let admin = rig.admin();
    for _ in 0..200 {
        let _ = admin.sts.get_caller_identity().send().await;
        for _ in 0..between {
            let _ = admin.iam.list_groups().send().await;
        }
    }
    met(&rig.sim, "sts:GetCallerIdentity")
}

#[tokio::test]
async fn the_same_seed_and_calls_meet_the_same_weather() {
    let first = two_hundred(7, 0).await;
    assert_eq!(first, two_hundred(7, 2).await, "whatever comes between");
    assert_ne!(first, two_hundred(8, 0).await);
    let count = |what: &str| first.iter().filter(|met| met.as_slice() == [what]).count();
    assert!((10..35).contains(&count("broken")), "{}", count("broken"));
    // Of what is left.
    let lost = count("lose_after");
    assert!((20..55).contains(&lost), "{lost}");
}

#[test]
fn forecasts_are_read_and_wrong_ones_refused() {
    for fine in [
        "throttle=0.5",
        "expire=1@sts:*",
        "twice=0.1@events:Deliver",
        "slow=1@sso:CreateAccountAssignment",
    ] {
        assert!(forecast(fine, 1).is_ok(), "{fine}");
    }
    for (wrong, why) in [
        ("broken", "write what happens and how often"),
        ("broken=often", "write what happens and how often"),
        ("broken=2", "odds are between 0"),
        ("thunder=0.1", "what happens is one of throttle"),
        ("broken=0.1@ec2:*", "no operation is called `ec2:*`"),
    ] {
        let said = forecast(wrong, 1).unwrap_err();
        assert!(said.contains(why), "{wrong}: {said}");
    }
}

both!(weather_comes_and_goes_by_the_clock, small(), |rig| {
    let storm = Fault::on("sts:*")
        .since(START + 10 * SECOND)
        .until(START + 20 * SECOND);
    rig.sim.faults().add(storm, Effect::Unavailable);
    let admin = rig.admin();
    assert_eq!(who(&admin).await, "fine");
    rig.clock.advance(10 * SECOND);
    let refused = refusal(admin.sts.get_caller_identity().send().await);
    assert_eq!((refused.0, refused.1.as_str()), (503, "ServiceUnavailable"));
    rig.clock.advance(10 * SECOND - 1);
    assert_eq!(who(&admin).await, "ServiceUnavailable");
    rig.clock.advance(1);
    assert_eq!(who(&admin).await, "fine");
    let met = met(&rig.sim, "sts:GetCallerIdentity");
    assert_eq!(
        met,
        [vec![], vec!["unavailable"], vec!["unavailable"], vec![]]
    );
});

both!(services_that_are_not_there_say_so, small(), |rig| {
    let admin = rig.admin();
    rig.sim.faults().add(Fault::on("*"), Effect::Unavailable);
    let status = |refused: (u16, String, String)| refused.0;
    assert_eq!(status(refusal(admin.iam.list_users().send().await)), 503);
    let sso = refusal(admin.sso.list_instances().send().await);
    assert_eq!(
        (sso.0, sso.1.as_str()),
        (503, "ServiceUnavailableException")
    );
});

both!(credentials_expire_in_the_middle, small(), |rig| {
    let connector = rig.connector().await;
    let listed = || connector.iam.list_users().send();
    listed().await.unwrap();
    let expire = Fault::on("iam:*").nth(2);
    rig.sim.faults().add(expire, Effect::Expire);
    listed().await.unwrap();
    let refused = refusal(listed().await);
    assert_eq!((refused.0, refused.1.as_str()), (403, "ExpiredToken"));
    // For good, and everywhere.
    assert_eq!(
        code(connector.sso.list_instances().send().await),
        "ExpiredTokenException"
    );
    // A new session is as good as ever, and nobody else's was touched.
    let again = rig.connector().await;
    assert!(again.iam.list_users().send().await.is_ok());
    assert_eq!(who(&rig.host()).await, "fine");
    // A user's own keys do not expire.
    rig.sim.faults().clear();
    rig.sim.faults().add(Fault::on("*"), Effect::Expire);
    assert_eq!(who(&rig.host()).await, "fine");
});

both!(delays_come_on_top, small(), |rig| {
    let admin = rig.admin();
    let faults = rig.sim.faults();
    faults.add(Fault::on("sts:*"), Effect::Delay { millis: 1 });
    let drawn = Effect::DelayBetween { least: 1, most: 3 };
    faults.add(Fault::on("*").odds(1.0, 1), drawn);
    faults.add(Fault::on("sts:*").nth(2), Effect::Broken);
    assert_eq!(who(&admin).await, "fine");
    assert_eq!(who(&admin).await, "InternalFailure");
    admin.iam.list_groups().send().await.unwrap();
    let told: Vec<_> = rig
        .sim
        .journal()
        .into_iter()
        .map(|call| call.weather)
        .collect();
    assert_eq!(
        told,
        [
            vec!["delay", "delay"],
            vec!["delay", "delay", "broken"],
            vec!["delay"]
        ]
    );
});

/// A call on a connection of its own, as bytes.
fn call(rig: &Rig, body: &str) -> String {
    let keys = &rig.facts.host;
    let (date, address) = ("20260102T030405Z", rig.address());
    let scope = "20260102/eu-central-1/iam/aws4_request";
    let headers = [format!("host:{address}"), format!("x-amz-date:{date}")];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let signature = signature(
        &keys.secret_access_key,
        date,
        scope,
        &headers,
        body.as_bytes(),
    );
    format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nX-Amz-Date: {date}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}\r\nContent-Length: {}\r\n\r\n{body}",
        keys.access_key_id,
        body.len(),
    )
}

/// What one call on a connection of its own gets: an answer, the end, or a reset.
async fn fate(rig: &Rig, body: &str) -> Result<String, ErrorKind> {
    let mut stream = TcpStream::connect(rig.address()).await.unwrap();
    stream.write_all(call(rig, body).as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    match stream.read_exact(&mut answer).await {
        Ok(_) => Ok(String::from_utf8(answer).unwrap()),
        Err(ended) => Err(ended.kind()),
    }
}

#[tokio::test]
async fn connections_are_ended_and_reset_for_real() {
    let rig = Rig::over_tcp(small()).await;
    rig.sim
        .put_user_permissions(
            &rig.facts.host.arn,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        )
        .unwrap();
    let create = |name: &str| format!("Action=CreateGroup&Version=2010-05-08&GroupName={name}");
    let groups = || {
        let calls = rig.sim.journal().into_iter();
        let done = calls.filter(|call| call.operation == "iam:CreateGroup");
        done.map(|call| (call.weather, call.answer))
            .collect::<Vec<_>>()
    };
    let lost = |done: bool| Answered::Lost { done, code: None };
    for (effect, kind, done) in [
        (Effect::LoseBefore, ErrorKind::UnexpectedEof, false),
        (Effect::ResetBefore, ErrorKind::ConnectionReset, false),
        (Effect::LoseAfter, ErrorKind::UnexpectedEof, true),
        (Effect::ResetAfter, ErrorKind::ConnectionReset, true),
    ] {
        let name = effect.name();
        rig.sim
            .faults()
            .add(Fault::on("iam:CreateGroup").nth(1), effect);
        assert_eq!(fate(&rig, &create(name)).await, Err(kind), "{name}");
        assert_eq!(groups().last(), Some(&(vec![name], lost(done))));
        // Again: made already, or not.
        let again = if done { "HTTP/1.1 409" } else { "HTTP/1.1 200" };
        assert_eq!(
            fate(&rig, &create(name)).await.as_deref(),
            Ok(again),
            "{name}"
        );
    }
}

#[tokio::test]
async fn weather_is_made_and_told_from_outside() {
    let rig = Rig::over_tcp(small()).await;
    let admin = rig.admin();
    let add = |fault: Value| {
        let rig = &rig;
        async move { ask(rig, "POST /_sim/faults", &fault.to_string()).await }
    };
    let storm = json!({
        "operation": "sts:*", "effect": "broken", "odds": 1.0, "seed": 3,
        "since": "2026-01-02T03:04:10Z", "until": "2026-01-02T03:04:20Z",
    });
    let (status, made) = add(storm).await;
    assert_eq!((status, &made["id"]), (200, &json!(1)), "{made}");
    assert_eq!(who(&admin).await, "fine");
    rig.clock.advance(5 * SECOND);
    assert_eq!(who(&admin).await, "InternalFailure");
    let (_, all) = ask(&rig, "GET /_sim/faults", "").await;
    let told = json!({ "faults": [
        { "id": 1, "operation": "sts:*", "effect": "broken", "matched": 1, "hits": 1 }
    ] });
    assert_eq!(all, told);
    let (_, journal) = ask(&rig, "GET /_sim/journal", "").await;
    assert_eq!(journal["calls"][0]["weather"], json!([]));
    assert_eq!(journal["calls"][1]["weather"], json!(["broken"]));
    for kind in ["unavailable", "expire", "reset_before", "reset_after"] {
        let (status, _) = add(json!({ "operation": "sts:*", "effect": kind, "first": 1 })).await;
        assert_eq!(status, 200, "{kind}");
    }
    for (wrong, why) in [
        (json!({ "odds": 1.5 }), "odds are between"),
        (json!({ "odds": 0.5, "nth": 1 }), "give one of"),
        (json!({ "seed": 1 }), "`seed` goes with `odds`"),
        (json!({ "since": "soon" }), "failed to parse"),
        (
            json!({ "effect": "delay", "millis": 5, "up_to_millis": 1 }),
            "less than",
        ),
    ] {
        let mut fault = json!({ "operation": "sts:*", "effect": "broken" });
        let members = wrong.as_object().unwrap().clone();
        fault.as_object_mut().unwrap().extend(members);
        let (status, told) = add(fault).await;
        let words = told["error"].as_str().unwrap();
        assert!(status == 400 && words.contains(why), "{words}");
    }
}
