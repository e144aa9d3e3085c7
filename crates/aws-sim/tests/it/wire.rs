//! Bytes on the wire, without an SDK in between.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use stint_aws_sim::Keys;

use crate::rig::{Rig, small};
use crate::signing::signature;

/// Sends one request and reads the whole answer: status line, headers, body.
pub(crate) async fn send(address: &str, head: &str, body: &str) -> (String, Vec<String>, String) {
    let head = sealed(head, body);
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the simulator listens");
    let request = format!(
        "{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let mut lines = head.split("\r\n").map(str::to_owned);
    (
        lines.next().unwrap_or_default(),
        lines.collect(),
        body.to_owned(),
    )
}

/// Puts the signature where [`signed`] left the secret.
fn sealed(head: &str, body: &str) -> String {
    let Some((before, rest)) = head.split_once("<secret:") else {
        return head.to_owned();
    };
    let (secret, after) = rest.split_once('>').unwrap();
    let line = |name: &str| {
        let line = head.split("\r\n").find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default()
    };
    let (_, scope) = before.rsplit_once("Credential=").unwrap();
    let scope = scope.split(',').next().unwrap();
    let (_, scope) = scope.split_once('/').unwrap();
    let date = line("X-Amz-Date: ");
    let headers = [
        format!("host:{}", line("Host: ")),
        format!("x-amz-date:{date}"),
    ];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let signature = signature(secret, date, scope, &headers, body.as_bytes());
    format!("{before}{signature}{after}")
}

fn signed(keys: &Keys, service: &str) -> String {
    let (key, secret) = (&keys.access_key_id, &keys.secret_access_key);
    format!(
        "X-Amz-Date: 20260102T030405Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential={key}/20260102/eu-west-3/{service}/aws4_request, SignedHeaders=host;x-amz-date, Signature=<secret:{secret}>"
    )
}

fn query(rig: &Rig, authorization: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n{authorization}",
        rig.address()
    )
}

fn json(rig: &Rig, target: &str, authorization: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {target}\r\n{authorization}",
        rig.address()
    )
}

#[tokio::test]
async fn sts_answers_in_xml() {
    let rig = Rig::over_tcp(small()).await;
    let host = rig.facts.host.clone();
    let head = query(&rig, &signed(&host, "sts"));
    let (status, headers, body) = send(
        rig.address(),
        &head,
        "Action=GetCallerIdentity&Version=2011-06-15",
    )
    .await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    let request_id = rig.sim.journal()[0].request_id.clone();
    assert!(
        headers.contains(&"content-type: text/xml".to_owned()),
        "{headers:?}"
    );
    assert!(
        headers.contains(&format!("x-amzn-requestid: {request_id}")),
        "{headers:?}"
    );
    assert!(
        headers.contains(&"date: Fri, 02 Jan 2026 03:04:05 GMT".to_owned()),
        "{headers:?}"
    );
    let user = rig.host().sts.get_caller_identity().send().await.unwrap();
    assert_eq!(
        body,
        format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <GetCallerIdentityResult>\n    <Arn>{}</Arn>\n    <UserId>{}</UserId>\n    <Account>{}</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</GetCallerIdentityResponse>\n",
            host.arn,
            user.user_id().unwrap(),
            rig.account("platform-tools"),
        )
    );
}

#[tokio::test]
async fn sts_refuses_in_xml() {
    let rig = Rig::over_tcp(small()).await;
    let key = rig.facts.host.clone();
    let body = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2FX%26Y&RoleSessionName=me";
    let (status, _, answer) = send(rig.address(), &query(&rig, &signed(&key, "sts")), body).await;
    assert_eq!(status, "HTTP/1.1 403 Forbidden");
    assert_eq!(
        answer,
        format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    <Type>Sender</Type>\n    <Code>AccessDenied</Code>\n    <Message>User: {} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/X&amp;Y</Message>\n  </Error>\n  <RequestId>{}</RequestId>\n</ErrorResponse>\n",
            rig.facts.host.arn,
            rig.sim.journal()[0].request_id
        )
    );
    let (status, _, answer) = send(
        rig.address(),
        &query(&rig, &signed(&key, "sts")),
        "Action=AssumeRoot&Version=2011-06-15",
    )
    .await;
    assert_eq!(status, "HTTP/1.1 400 Bad Request");
    assert!(answer.contains("<Code>InvalidAction</Code>\n    <Message>Could not find operation AssumeRoot for version 2011-06-15</Message>"), "{answer}");
    let (_, _, answer) = send(
        rig.address(),
        &query(&rig, &signed(&key, "iam")),
        "Action=ListSAMLProviders&Version=2010-05-08",
    )
    .await;
    assert!(
        answer.starts_with("<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">"),
        "{answer}"
    );
    assert!(answer.contains("<Code>InvalidAction</Code>"), "{answer}");
    let (_, _, answer) = send(
        rig.address(),
        &query(&rig, &signed(&key, "sts")),
        "Version=2011-06-15",
    )
    .await;
    assert!(answer.contains("<Code>MissingAction</Code>"), "{answer}");
}

#[tokio::test]
async fn json_services_answer_and_refuse_in_json() {
    let rig = Rig::over_tcp(small()).await;
    let key = signed(&rig.facts.host, "sso");
    let (status, headers, body) = send(
        rig.address(),
        &json(&rig, "SWBExternalService.ListInstances", &key),
        "{}",
    )
    .await;
    assert_eq!(status, "HTTP/1.1 400 Bad Request");
    assert!(
        headers.contains(&"content-type: application/x-amz-json-1.1".to_owned()),
        "{headers:?}"
    );
    assert_eq!(
        body,
        format!(
            r#"{{"__type":"AccessDeniedException","Message":"User: {} is not authorized to perform: sso:ListInstances on resource: * because no identity-based policy allows the sso:ListInstances action"}}"#,
            rig.facts.host.arn
        )
    );
    for (target, service, body, expected) in [
        (
            "SWBExternalService.DeleteInstance",
            "sso",
            "{}",
            r#"{"__type":"UnknownOperationException"}"#,
        ),
        (
            "DynamoDB_20120810.ListTables",
            "sqs",
            "{}",
            r#"{"__type":"UnknownOperationException"}"#,
        ),
        (
            "nonsense",
            "sso",
            "{}",
            r#"{"__type":"UnknownOperationException"}"#,
        ),
        (
            "SWBExternalService.ListInstances",
            "sso",
            "[1]",
            r#"{"__type":"SerializationException","message":"Start of structure or map found where not expected."}"#,
        ),
        (
            "SWBExternalService.ListInstances",
            "sso",
            "{",
            r#"{"__type":"SerializationException","message":"Start of structure or map found where not expected."}"#,
        ),
        (
            "SWBExternalService.ListInstances",
            "sts",
            "{}",
            r#"{"__type":"InvalidSignatureException","message":"Credential should be scoped to correct service: 'sso'. "}"#,
        ),
    ] {
        let key = signed(&rig.facts.host, service);
        let (status, _, answer) = send(rig.address(), &json(&rig, target, &key), body).await;
        assert_eq!(
            (status.as_str(), answer.as_str()),
            ("HTTP/1.1 400 Bad Request", expected),
            "{target} {body}"
        );
    }
    // Times are numbers of seconds; pages without a successor have no token at all.
    let session = rig.session_credentials(&rig.facts.connector_role_arn).await;
    let with_token = format!(
        "{}\r\nX-Amz-Security-Token: {}",
        signed(
            &Keys {
                access_key_id: session.access_key_id().to_owned(),
                secret_access_key: session.secret_access_key().to_owned(),
                arn: String::new(),
            },
            "organizations"
        ),
        session.session_token().unwrap()
    );
    let (status, _, body) = send(
        rig.address(),
        &json(&rig, "AWSOrganizationsV20161128.ListAccounts", &with_token),
        "",
    )
    .await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(answer["Accounts"][0]["JoinedTimestamp"].is_f64());
    assert!(answer.get("NextToken").is_none());
}

#[tokio::test]
async fn unsigned_and_badly_signed_requests_are_refused() {
    let rig = Rig::over_tcp(small()).await;
    let target = "SWBExternalService.ListInstances";
    let key = &rig.facts.host.access_key_id;
    let zeros = "0".repeat(64);
    let date = "X-Amz-Date: 20260102T030405Z\r\n";
    for (authorization, code) in [
        ("X-A: b".to_owned(), "MissingAuthenticationTokenException"),
        (
            format!("{date}Authorization: Bearer x"),
            "IncompleteSignatureException",
        ),
        (
            format!(
                "{date}Authorization: AWS4-HMAC-SHA256 Credential={key}/20260102/r/sso/aws4_request, SignedHeaders=host"
            ),
            "IncompleteSignatureException",
        ),
        (
            format!(
                "Authorization: AWS4-HMAC-SHA256 Credential={key}/20260102/r/sso/aws4_request, SignedHeaders=host, Signature={zeros}"
            ),
            "IncompleteSignatureException",
        ),
        (
            format!(
                "{date}Authorization: AWS4-HMAC-SHA256 Credential={key}/20260102/sso/aws4_request, SignedHeaders=host, Signature={zeros}"
            ),
            "IncompleteSignatureException",
        ),
        (
            format!(
                "X-Amz-Date: yesterday\r\nAuthorization: AWS4-HMAC-SHA256 Credential={key}/20260102/r/sso/aws4_request, SignedHeaders=host, Signature={zeros}"
            ),
            "IncompleteSignatureException",
        ),
        (
            format!(
                "{date}Authorization: AWS4-HMAC-SHA256 Credential={key}/20260103/r/sso/aws4_request, SignedHeaders=host, Signature={zeros}"
            ),
            "InvalidSignatureException",
        ),
        (
            format!(
                "{date}Authorization: AWS4-HMAC-SHA256 Credential={key}/20260102/r/sso/aws4_request, SignedHeaders=host, Signature=abc"
            ),
            "InvalidSignatureException",
        ),
        (
            format!(
                "{date}Authorization: AWS4-HMAC-SHA256 Credential={key}/20260102/r/sso/aws4_request, SignedHeaders=host, Signature={zeros}"
            ),
            "InvalidSignatureException",
        ),
        (
            format!(
                "{date}Authorization: AWS4-HMAC-SHA256 Credential={key}/20260102/r/sso/aws4_request, SignedHeaders=x-amz-date, Signature={zeros}"
            ),
            "InvalidSignatureException",
        ),
    ] {
        let (status, _, body) =
            send(rig.address(), &json(&rig, target, &authorization), "{}").await;
        assert_eq!(status, "HTTP/1.1 400 Bad Request");
        let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(answer["__type"], code, "{authorization} {body}");
    }
    let (status, _, body) = send(
        rig.address(),
        &query(&rig, "X-A: b"),
        "Action=GetCallerIdentity&Version=2011-06-15",
    )
    .await;
    assert_eq!(status, "HTTP/1.1 403 Forbidden");
    assert!(
        body.contains("<Code>MissingAuthenticationToken</Code>"),
        "{body}"
    );
}

#[tokio::test]
async fn other_methods_paths_and_huge_bodies_are_no_service() {
    let rig = Rig::over_tcp(small()).await;
    let host = rig.address().to_owned();
    for start in ["GET / HTTP/1.1", "POST /x HTTP/1.1", "DELETE / HTTP/1.1"] {
        let (status, _, _) = send(&host, &format!("{start}\r\nHost: {host}"), "").await;
        assert_eq!(status, "HTTP/1.1 404 Not Found", "{start}");
    }
    let huge = "x".repeat((8 << 20) + 1);
    let (status, _, _) = send(&host, &format!("POST / HTTP/1.1\r\nHost: {host}"), &huge).await;
    assert_eq!(status, "HTTP/1.1 413 Payload Too Large");
    assert_eq!(rig.sim.calls(), 0);
}

#[tokio::test]
async fn iam_lists_and_silent_successes_on_the_wire() {
    let rig = Rig::over_tcp(stint_aws_sim::EstateSpec {
        iam_users: 1,
        iam_groups: 1,
        ..small()
    })
    .await;
    let ask = |form: String| {
        let key = &rig.facts.connector_user;
        let head = query(&rig, &signed(key, "iam"));
        let address = rig.address().to_owned();
        async move { send(&address, &head, &form).await }
    };
    let request_id = || rig.sim.journal().last().unwrap().request_id.clone();
    let account = &rig.facts.management_account;
    let users = "Action=ListUsers&Version=2010-05-08&PathPrefix=%2Fpeople%2F";
    let (status, headers, answer) = ask(users.to_owned()).await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(headers.iter().any(|line| line == "content-type: text/xml"));
    let id = answer.split("<UserId>").nth(1).unwrap()[..21].to_owned();
    let date = answer.split("<CreateDate>").nth(1).unwrap()[..20].to_owned();
    assert!(
        date.starts_with("2022-03-01T") && date.ends_with('Z'),
        "{date}"
    );
    assert_eq!(
        answer,
        format!(
            "<ListUsersResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\n  <ListUsersResult>\n    <Users>\n      <member>\n        <Path>/people/</Path>\n        <UserName>ana.moreno</UserName>\n        <UserId>{id}</UserId>\n        <Arn>arn:aws:iam::{account}:user/people/ana.moreno</Arn>\n        <CreateDate>{date}</CreateDate>\n      </member>\n    </Users>\n    <IsTruncated>false</IsTruncated>\n  </ListUsersResult>\n  <ResponseMetadata>\n    <RequestId>{}</RequestId>\n  </ResponseMetadata>\n</ListUsersResponse>\n",
            request_id()
        )
    );
    let first = "Action=ListUsers&Version=2010-05-08&MaxItems=1";
    let (_, _, answer) = ask(first.to_owned()).await;
    assert!(
        answer.contains("    <IsTruncated>true</IsTruncated>\n    <Marker>"),
        "{answer}"
    );
    // No output, no result element (AWS reference §1.0).
    let add =
        "Action=AddUserToGroup&Version=2010-05-08&GroupName=Administrators&UserName=ana.moreno";
    let (status, _, answer) = ask(add.to_owned()).await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(
        answer,
        format!(
            "<AddUserToGroupResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\n  <ResponseMetadata>\n    <RequestId>{}</RequestId>\n  </ResponseMetadata>\n</AddUserToGroupResponse>\n",
            request_id()
        )
    );
    for (form, problem) in [
        ("Action=GetGroup&Version=2010-05-08", "Value null at &apos;"),
        (
            "Action=ListUsers&Version=2010-05-08&MaxItems=0",
            "Member must have value greater than or equal to 1",
        ),
        (
            "Action=ListUsers&Version=2010-05-08&MaxItems=ten",
            "Invalid MaxItems",
        ),
        (
            "Action=ListUsers&Version=2010-05-08&PathPrefix=people",
            "Member must satisfy regular expression pattern",
        ),
    ] {
        let (status, _, answer) = ask(form.to_owned()).await;
        assert_eq!(status, "HTTP/1.1 400 Bad Request", "{form}");
        assert!(answer.replace("'", "&apos;").contains(problem), "{answer}");
    }
}

#[tokio::test]
async fn what_was_signed_is_what_must_arrive() {
    let rig = Rig::over_tcp(small()).await;
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let right = sealed(&query(&rig, &signed(&rig.facts.host, "sts")), body);
    let (status, _, _) = send(rig.address(), &right, body).await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    // The same words in a request that differs in one place.
    let digit = if right.ends_with('0') { '1' } else { '0' };
    let mut other_signature = right.clone();
    other_signature.pop();
    other_signature.push(digit);
    let other_secret = Keys {
        secret_access_key: "x".repeat(40),
        ..rig.facts.host.clone()
    };
    for (head, body) in [
        (
            right.clone(),
            "Action=GetCallerIdentity&Version=2011-06-15&",
        ),
        (right.replacen("POST / ", "POST /?a=b ", 1), body),
        (right.replacen("Host: ", "Host: x", 1), body),
        (right.replacen("T030405Z", "T030406Z", 1), body),
        (right.replacen("/eu-west-3/", "/eu-west-2/", 1), body),
        (other_signature, body),
        (query(&rig, &signed(&other_secret, "sts")), body),
    ] {
        let (status, _, answer) = send(rig.address(), &head, body).await;
        assert_eq!(status, "HTTP/1.1 403 Forbidden", "{head}");
        assert!(
            answer.contains("<Code>SignatureDoesNotMatch</Code>\n    <Message>The request signature we calculated does not match"),
            "{answer}"
        );
    }
    // Headers that were not signed may differ.
    let more = format!("{right}\r\nX-More: y");
    let (status, _, _) = send(rig.address(), &more, body).await;
    assert_eq!(status, "HTTP/1.1 200 OK");
}
