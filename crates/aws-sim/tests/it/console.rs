//! The console's federation endpoint.

use axum::http::HeaderMap;
use serde_json::{Value, json};
use stint_aws_sim::Party;

use crate::rig::{MINUTE, Rig, small};
use crate::sign_in::http;

const CONSOLE: &str = "https://eu-central-1.console.aws.amazon.com/iam/home?x=1#/roles";

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// `Session`, of credentials an SDK holds.
fn session(given: &aws_credential_types::Credentials) -> String {
    json!({
        "sessionId": given.access_key_id(),
        "sessionKey": given.secret_access_key(),
        "sessionToken": given.session_token().unwrap_or_default(),
    })
    .to_string()
}

async fn token(rig: &Rig, session: &str, more: &str) -> Result<String, (u16, String)> {
    let form = format!("Action=getSigninToken&Session={}{more}", encoded(session));
    let (status, headers, body) = http(rig, "POST", "/federation", &[], &form).await;
    if status != 200 {
        assert!(
            headers["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/")
        );
        return Err((status, body));
    }
    let body: Value = serde_json::from_str(&body).unwrap();
    Ok(body["SigninToken"].as_str().unwrap().to_owned())
}

async fn login(rig: &Rig, token: &str, destination: &str) -> (u16, HeaderMap, String) {
    let path = format!(
        "/federation?Action=login&Issuer=https%3A%2F%2Fstint.example&Destination={}&SigninToken={token}",
        encoded(destination)
    );
    http(rig, "GET", &path, &[], "").await
}

#[tokio::test]
async fn a_role_session_becomes_a_console_session() {
    let rig = Rig::in_memory(small());
    let role = rig.facts.connector_role_arn.clone();
    let given = rig.session_credentials(&role).await;
    let session = session(&given);
    let first = token(&rig, &session, "&SessionDuration=43200")
        .await
        .unwrap();
    let (status, headers, _) = login(&rig, &first, CONSOLE).await;
    assert_eq!(
        (status, headers["location"].to_str().unwrap()),
        (302, CONSOLE)
    );
    let known = rig.sim.console_sessions();
    assert!(known[0].arn.ends_with(":assumed-role/StintConnector/stint"));
    assert_eq!(known[0].account_id, rig.facts.management_account);
    assert_eq!(known[0].issuer, "https://stint.example");
    assert_eq!(known[0].ends_at - known[0].began_at, 12 * 60 * MINUTE);
    // Once, and within a quarter of an hour.
    assert_eq!(login(&rig, &first, CONSOLE).await.0, 400);
    let second = token(&rig, &session, "").await.unwrap();
    rig.clock.advance(15 * MINUTE);
    assert_eq!(login(&rig, &second, CONSOLE).await.0, 400);
    // Without a duration: as long as the credentials, of which a quarter of an hour is gone.
    let third = token(&rig, &session, "").await.unwrap();
    assert_eq!(login(&rig, &third, "https://evil.example/").await.0, 400);
    assert_eq!(login(&rig, &third, CONSOLE).await.0, 302);
    let last = rig.sim.console_sessions().pop().unwrap();
    assert_eq!(last.ends_at - last.began_at, 45 * MINUTE);
    for wrong in [
        "&SessionDuration=899",
        "&SessionDuration=43201",
        "&SessionDuration=x",
    ] {
        assert_eq!(token(&rig, &session, wrong).await.unwrap_err().0, 400);
    }
    for wrong in ["", "{}", &session.replace(given.secret_access_key(), "x")] {
        assert_eq!(token(&rig, wrong, "").await.unwrap_err().0, 400);
    }
    // A token of credentials that end before it does.
    rig.clock.advance(40 * MINUTE);
    let last = token(&rig, &session, "").await.unwrap();
    rig.clock.advance(5 * MINUTE);
    assert_eq!(login(&rig, &last, CONSOLE).await.0, 400);
    assert_eq!(token(&rig, &session, "").await.unwrap_err().0, 400);
    // The journal knows who, and keeps what they showed.
    let calls = rig.sim.journal();
    let tokens: Vec<_> = calls
        .iter()
        .filter(|call| call.operation == "signin:GetSigninToken")
        .collect();
    assert_eq!(tokens[0].party, Party::Stint);
    assert!(
        calls
            .iter()
            .any(|call| call.operation == "signin:ConsoleLogin")
    );
    let told = serde_json::to_string(&calls).unwrap();
    assert!(!told.contains(given.secret_access_key()) && !told.contains(&first));
    let (status, ..) = http(&rig, "GET", "/federation?Action=logout", &[], "").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn other_credentials_may_less() {
    let rig = Rig::in_memory(small());
    let admin = rig.admin().sts;
    let keys = |given: &aws_sdk_sts::types::Credentials| {
        crate::rig::keyed(
            given.access_key_id(),
            given.secret_access_key(),
            Some(given.session_token().to_owned()),
        )
    };
    // A federated user: the console lasts as its credentials do, and nobody may say otherwise.
    let made = admin
        .get_federation_token()
        .name("vendor")
        .duration_seconds(129_600);
    let made = made.send().await.unwrap();
    let vendor = session(&keys(made.credentials().unwrap()));
    assert_eq!(
        token(&rig, &vendor, "&SessionDuration=3600")
            .await
            .unwrap_err()
            .0,
        400
    );
    let allowed = token(&rig, &vendor, "").await.unwrap();
    assert_eq!(login(&rig, &allowed, CONSOLE).await.0, 302);
    let known = rig.sim.console_sessions().pop().unwrap();
    assert!(known.arn.ends_with(":federated-user/vendor"));
    // To the second: the credentials' end is a whole one.
    let lasts = (known.ends_at - known.began_at) / 1_000_000;
    assert!((129_590..=129_600).contains(&lasts), "{lasts}");
    // GetSessionToken, and a user's own key: not at all.
    let made = admin.get_session_token().send().await.unwrap();
    let own = session(&keys(made.credentials().unwrap()));
    assert_eq!(token(&rig, &own, "").await.unwrap_err().0, 400);
    let bare = session(&crate::rig::long_term(&rig.facts.admin));
    assert_eq!(token(&rig, &bare, "").await.unwrap_err().0, 400);
    // A chained session may come in, but not say for how long.
    let iam = rig.admin().iam;
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole"}}}}"#,
        rig.facts.connector_role_arn
    );
    let made = iam
        .create_role()
        .role_name("next")
        .assume_role_policy_document(trust);
    let made = made.send().await.unwrap();
    let connector = rig.session(&rig.facts.connector_role_arn).await;
    let next = connector
        .sts
        .assume_role()
        .role_arn(made.role().unwrap().arn())
        .role_session_name("next");
    let next = next.send().await.unwrap();
    let chained = session(&keys(next.credentials().unwrap()));
    assert_eq!(
        token(&rig, &chained, "&SessionDuration=3600")
            .await
            .unwrap_err()
            .0,
        400
    );
    let allowed = token(&rig, &chained, "").await.unwrap();
    // Gone with its role.
    iam.delete_role().role_name("next").send().await.unwrap();
    assert_eq!(login(&rig, &allowed, CONSOLE).await.0, 400);
}
