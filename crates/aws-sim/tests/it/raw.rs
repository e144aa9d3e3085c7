//! Raw requests: a real one of every operation, and any number of ways to spoil it. Stands by
//! itself: the fuzz target (`fuzz/`) takes this file as it is.

use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use stint_aws_sim::{EstateSpec, Facts, Keys, Sim, SimClock, SimOptions};
use tower::ServiceExt;

/// 2026-01-02T03:04:05Z; the host's keys are judged by this clock.
const NOW: &str = "20260102T030405Z";
const START: i64 = 1_767_323_045_000_000;

/// A simulated AWS to spoil, and good values for whatever its operations ask for.
pub(crate) struct Target {
    pub(crate) sim: Sim,
    pub(crate) facts: Facts,
    operations: Vec<String>,
    /// What opens the endpoint of SCIM.
    token: String,
    form: String,
    json: Value,
}

/// A request before anybody signed it.
pub(crate) struct Raw {
    service: String,
    /// Request line and headers, each with its end of line, without those of the signature.
    head: Vec<u8>,
    body: Vec<u8>,
}

/// What is cut, put in, and where.
const PIECES: &[&[u8]] = &[
    b"",
    b"\0",
    b"\r\n",
    b"&",
    b"=",
    b"%",
    b"%00",
    b"%FF",
    b"+",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e999",
    b"99999999999999999999",
    b"\\",
    b"\\u0000",
    b"\\ud83d",
    b"\xc3\xa9",
    b"\xff",
    b"<&>",
    b"${aws:username}",
    b"*",
    b"arn:aws:",
    b"/",
    b"..",
    b"://",
    b".member.1",
    b".member.999999999",
    b"{\"a\":{}}",
    b"Statement",
    b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// A policy that is one.
pub(crate) const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:*","Resource":"*"}}"#;

impl Target {
    pub(crate) fn new() -> Target {
        let estate = EstateSpec {
            seed: 5,
            accounts: 5,
            permission_sets: 3,
            users: 8,
            groups: 3,
            memberships: 9,
            assignments: 12,
            iam_users: 3,
            iam_groups: 2,
            iam_roles: 0,
            iam_memberships: 2,
        };
        let sim = Sim::new(SimOptions::new(estate, SimClock::frozen(START))).expect("an estate");
        let facts = sim.facts();
        sim.put_user_permissions(
            &facts.connector_user.arn,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        )
        .expect("a policy");
        let row = sim.assignments().remove(0);
        let member = sim.iam_memberships().remove(0);
        let user = facts.ana.as_ref().expect("Ana").user_id.clone();
        let group = row.principal_id.clone();
        let queue = format!("http://aws.sim/{}/any", facts.management_account);
        let forms = [
            ("UserName", member.user.as_str()),
            ("GroupName", &member.group),
            ("RoleName", "StintConnector"),
            ("PolicyName", "own"),
            ("PolicyDocument", POLICY),
            ("AssumeRolePolicyDocument", POLICY),
            ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
            (
                "PermissionsBoundary",
                "arn:aws:iam::aws:policy/ReadOnlyAccess",
            ),
            ("VersionId", "v1"),
            ("Status", "Inactive"),
            ("Password", "correct-horse-9-Battery"),
            ("ServiceName", "codecommit.amazonaws.com"),
            ("VirtualMFADeviceName", "device"),
            ("AccountAlias", "an-alias"),
            ("Arn", &facts.connector_user.arn),
            ("RoleArn", &facts.connector_role_arn),
            ("RoleSessionName", "me"),
            ("ExternalId", &facts.connector_external_id),
            ("Name", "federated"),
            ("AccessKeyId", &facts.connector_user.access_key_id),
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "a"),
            ("TagKeys.member.1", "team"),
        ];
        let forms = forms.map(|(name, value)| format!("&{name}={}", escaped(value)));
        let mut members = json!({
            "InstanceArn": facts.instance_arn,
            "IdentityStoreId": facts.identity_store_id,
            "PermissionSetArn": row.permission_set_arn,
            "ResourceArn": row.permission_set_arn,
            "AccountId": row.account_id, "TargetId": row.account_id, "ChildId": row.account_id,
            "TargetType": "AWS_ACCOUNT", "ChildType": "ACCOUNT",
            "PrincipalType": row.principal_type, "PrincipalId": group,
            "UserId": user, "MemberId": { "UserId": user }, "GroupId": sim.group_id("platform"),
            "GroupIds": [sim.group_id("platform")],
            "UserName": "kim", "DisplayName": "Kim", "Name": "night",
        });
        let more = json!({
            "InlinePolicy": POLICY, "Content": POLICY, "Description": "x", "Type": "SERVICE_CONTROL_POLICY",
            "ServicePrincipal": "sso.amazonaws.com",
            "ManagedPolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "CustomerManagedPolicyReference": { "Name": "own", "Path": "/" },
            "PermissionsBoundary": { "ManagedPolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess" },
            "Tags": [{ "Key": "team", "Value": "a" }], "TagKeys": ["team"],
            "Operations": [{ "AttributePath": "displayName", "AttributeValue": "K" }],
            "AlternateIdentifier": { "UniqueAttribute": { "AttributePath": "userName", "AttributeValue": "ana.moreno" } },
            "QueueName": "any", "QueueUrl": queue, "MessageBody": "m", "ReceiptHandle": "r",
            "VisibilityTimeout": 5, "Attributes": { "Policy": POLICY },
            "Entries": [{ "Id": "1", "MessageBody": "m", "ReceiptHandle": "r" }],
        });
        for (name, value) in more.as_object().expect("an object") {
            members[name] = value.clone();
        }
        Target {
            operations: stint_aws_sim::operations(),
            token: sim.create_scim_token().expect("a token").1,
            form: forms.concat(),
            json: members,
            facts,
            sim,
        }
    }

    /// How many operations there are.
    pub(crate) fn count(&self) -> usize {
        self.operations.len()
    }

    pub(crate) fn name(&self, n: usize) -> &str {
        &self.operations[n % self.operations.len()]
    }

    /// The good request of an operation.
    pub(crate) fn good(&self, n: usize) -> Raw {
        let (service, operation) = self.name(n).split_once(':').expect("service:operation");
        let form = |version: &str| {
            let start = format!("Action={operation}&Version={version}");
            (
                "POST /",
                "application/x-www-form-urlencoded",
                start + &self.form,
            )
        };
        // Some members are not the same everywhere.
        let own = match (service, operation) {
            ("organizations", _) => Some(("Filter", json!("SERVICE_CONTROL_POLICY"))),
            ("sso", "ListAccountAssignmentsForPrincipal") => Some(("Filter", json!({}))),
            ("sso", _) => Some(("Filter", json!({ "Status": "SUCCEEDED" }))),
            ("identitystore", "CreateUser") => {
                Some(("Name", json!({ "GivenName": "Kim", "FamilyName": "Lee" })))
            }
            _ => None,
        };
        let json = |start| {
            let mut members = self.json.clone();
            if let Some((name, value)) = &own {
                members[name] = value.clone();
            }
            (start, "application/x-amz-json-1.1", members.to_string())
        };
        let (start, kind, body) = match service {
            "iam" => form("2010-05-08"),
            "sts" => form("2011-06-15"),
            "sso-oidc" => json(match operation {
                "RegisterClient" => "POST /client/register",
                "CreateToken" => "POST /token",
                _ => "POST /device_authorization",
            }),
            "portal" => json(match operation {
                "ListAccounts" => "GET /assignment/accounts",
                "ListAccountRoles" => "GET /assignment/roles?account_id=1",
                "Logout" => "POST /logout",
                _ => "GET /federation/credentials?account_id=1&role_name=x",
            }),
            "signin" => match operation {
                "ConsoleLogin" => {
                    json("GET /federation?Action=login&SigninToken=x&Destination=https://a")
                }
                _ => json("GET /federation?Action=getSigninToken&Session={}"),
            },
            "identitystore-scim" => return self.provisioning(operation),
            _ => json("POST /"),
        };
        let prefix = match service {
            "identitystore" => Some("AWSIdentityStore"),
            "sso" => Some("SWBExternalService"),
            "organizations" => Some("AWSOrganizationsV20161128"),
            "sqs" => Some("AmazonSQS"),
            _ => None,
        };
        let target = prefix.map_or(String::new(), |prefix| {
            format!("x-amz-target: {prefix}.{operation}\r\n")
        });
        let head = format!("{start} HTTP/1.1\r\nhost: aws.sim\r\ncontent-type: {kind}\r\n{target}");
        Raw {
            service: service.to_owned(),
            head: head.into_bytes(),
            body: body.into_bytes(),
        }
    }

    /// The good request of an operation of SCIM.
    fn provisioning(&self, operation: &str) -> Raw {
        let id = |name: &str| self.json[name].as_str().unwrap_or_default().to_owned();
        let (user, group) = (id("UserId"), id("GroupId"));
        let name = json!({ "givenName": "Kim", "familyName": "Lee" });
        let person = json!({
            "userName": "kim", "displayName": "Kim", "name": name, "externalId": "1", "active": true,
            "emails": [{ "value": "kim@example.com", "type": "work", "primary": true }],
        });
        let same = json!({ "id": user, "userName": "kim", "displayName": "Kim", "name": name, "active": false });
        let change = |path: &str, value: Value| json!({ "Operations": [{ "op": "add", "path": path, "value": value }] });
        let (start, body) = match operation {
            "CreateUser" => ("POST /Users".to_owned(), person),
            "ListUsers" => (
                "GET /Users?count=2&filter=userName%20eq%20%22kim%22".to_owned(),
                Value::Null,
            ),
            "GetUser" => (format!("GET /Users/{user}"), Value::Null),
            "PutUser" => (format!("PUT /Users/{user}"), same),
            "PatchUser" => (format!("PATCH /Users/{user}"), change("title", json!("x"))),
            "DeleteUser" => (format!("DELETE /Users/{user}"), Value::Null),
            "CreateGroup" => (
                "POST /Groups".to_owned(),
                json!({ "displayName": "night", "members": [{ "value": user }] }),
            ),
            "ListGroups" => (
                "GET /Groups?filter=displayName%20eq%20%22platform%22".to_owned(),
                Value::Null,
            ),
            "GetGroup" => (format!("GET /Groups/{group}"), Value::Null),
            "PatchGroup" => (
                format!("PATCH /Groups/{group}"),
                change("members", json!([{ "value": user }])),
            ),
            "DeleteGroup" => (format!("DELETE /Groups/{group}"), Value::Null),
            "GetSchema" => (
                "GET /Schemas/urn:ietf:params:scim:schemas:core:2.0:User".to_owned(),
                Value::Null,
            ),
            "ListSchemas" => ("GET /Schemas".to_owned(), Value::Null),
            "ListResourceTypes" => ("GET /ResourceTypes".to_owned(), Value::Null),
            _ => ("GET /ServiceProviderConfig".to_owned(), Value::Null),
        };
        let (method, path) = start.split_once(' ').expect("a method and a path");
        let tenant = &self.facts.scim_tenant_id;
        let head = format!(
            "{method} /{tenant}/scim/v2{path} HTTP/1.1\r\nhost: aws.sim\r\ncontent-type: application/scim+json\r\n"
        );
        let body = match body {
            Value::Null => Vec::new(),
            body => body.to_string().into_bytes(),
        };
        Raw {
            service: "identitystore-scim".to_owned(),
            head: head.into_bytes(),
            body,
        }
    }

    /// Any bytes are the making of a request: of which operation, what is done to it, and whether
    /// before or after it is signed.
    pub(crate) fn spoiled(&self, script: &[u8]) -> Vec<u8> {
        let (which, rest) = script.split_at(script.len().min(2));
        let which = which.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
        let (mode, edits) = rest.split_first().unwrap_or((&0, &[]));
        let mut raw = self.good(which);
        match mode {
            0..160 => spoil(&mut raw.body, edits),
            160..220 => spoil(&mut raw.head, edits),
            _ => {
                let mut whole = self.signed(&raw);
                spoil(&mut whole, edits);
                return whole;
            }
        }
        self.signed(&raw)
    }

    /// A request as it goes over the wire.
    pub(crate) fn signed(&self, raw: &Raw) -> Vec<u8> {
        let keys = &self.facts.connector_user;
        let scope = format!("{}/eu-central-1/{}/aws4_request", &NOW[..8], raw.service);
        let signature = signature(keys, &scope, &raw.body);
        let mut whole = raw.head.clone();
        let proof = match raw.service.as_str() {
            "identitystore-scim" => format!("Bearer {}", self.token),
            _ => format!(
                "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}",
                keys.access_key_id,
            ),
        };
        let rest = format!(
            "x-amz-date: {NOW}\r\nauthorization: {proof}\r\ncontent-length: {}\r\n\r\n",
            raw.body.len(),
        );
        whole.extend_from_slice(rest.as_bytes());
        whole.extend_from_slice(&raw.body);
        whole
    }

    /// Sends a request, if it is one for HTTP, past the socket: status, and the answer as text.
    pub(crate) async fn send(&self, whole: &[u8]) -> Option<(u16, String)> {
        let end = whole.windows(4).position(|four| four == b"\r\n\r\n")?;
        let (head, body) = (&whole[..end], &whole[end + 4..]);
        let mut lines = head.split(|byte| *byte == b'\n');
        let start = std::str::from_utf8(lines.next()?).ok()?;
        let mut words = start.trim_end().split(' ');
        let mut request = Request::builder().method(words.next()?).uri(words.next()?);
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':')?;
            request = request.header(&line[..colon], line[colon + 1..].trim_ascii());
        }
        let request = request.body(Body::from(body.to_vec())).ok()?;
        let answer = self
            .sim
            .router()
            .oneshot(request)
            .await
            .expect("infallible");
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1 << 26)
            .await
            .expect("a whole body");
        Some((status, String::from_utf8(body.to_vec()).expect("UTF-8")))
    }

    /// Takes any bytes: they are answered with no failure of the service's own, in words of AWS,
    /// and whoever comes next is answered as ever.
    pub(crate) async fn take(&self, script: &[u8]) {
        let whole = self.spoiled(script);
        let shown = || String::from_utf8_lossy(&whole[..whole.len().min(4_000)]).into_owned();
        if let Some((status, answer)) = self.send(&whole).await {
            assert!(status < 500, "{status} {answer}\n{}", shown());
        }
        self.next_is_fine().await;
    }

    /// Somebody else is answered as ever: the host, whom nobody can do anything to from here.
    pub(crate) async fn next_is_fine(&self) {
        let keys = &self.facts.host;
        let body = b"Action=GetCallerIdentity&Version=2011-06-15";
        let scope = format!("{}/eu-central-1/sts/aws4_request", &NOW[..8]);
        let request = format!(
            "POST / HTTP/1.1\r\nhost: aws.sim\r\nx-amz-date: {NOW}\r\nauthorization: AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host;x-amz-date, Signature={}\r\n\r\n",
            keys.access_key_id,
            signature(keys, &scope, body),
        );
        let whole = [request.as_bytes(), body].concat();
        let (status, answer) = self.send(&whole).await.expect("a request");
        assert!(
            status == 200 && answer.contains(&keys.arn),
            "{status} {answer}"
        );
    }
}

/// Four bytes are one edit: a place, how much is cut, and what is put in.
fn spoil(text: &mut Vec<u8>, edits: &[u8]) {
    for edit in edits.chunks_exact(4) {
        let [high, low, cut, piece] = [edit[0], edit[1], edit[2], edit[3]].map(usize::from);
        let from = ((high << 8 | low) * (text.len() + 1)) >> 16;
        // Mostly a little is cut, now and then nearly everything.
        let cut = if cut < 224 {
            cut / 16
        } else {
            (cut - 223) * 64
        };
        let to = (from + cut).min(text.len());
        let piece = match PIECES.get(piece) {
            Some(piece) => piece.to_vec(),
            // A part of itself once more.
            None => text
                .get(..piece.min(text.len()))
                .unwrap_or_default()
                .to_vec(),
        };
        text.splice(from..to, piece);
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The signature of a POST to `/`.
fn signature(keys: &Keys, scope: &str, body: &[u8]) -> String {
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|it| format!("{it:02x}")).collect() };
    let sha256 = |bytes: &[u8]| hex(digest::digest(&digest::SHA256, bytes).as_ref());
    let mac = |key: &[u8], text: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
    };
    let canonical = format!(
        "POST\n/\n\nhost:aws.sim\nx-amz-date:{NOW}\n\nhost;x-amz-date\n{}",
        sha256(body)
    );
    let text = format!(
        "AWS4-HMAC-SHA256\n{NOW}\n{scope}\n{}",
        sha256(canonical.as_bytes())
    );
    let secret = format!("AWS4{}", keys.secret_access_key).into_bytes();
    let key = scope.split('/').fold(secret, |key, step| mac(&key, step));
    hex(&mac(&key, &text))
}

/// A body in this operation's form that has this text for a member it knows.
pub(crate) fn with(raw: &mut Raw, member: &str, text: &str) {
    if raw.body.starts_with(b"Action=") {
        let more = format!("&{member}={}", escaped(text));
        raw.body.extend_from_slice(more.as_bytes());
    } else {
        let mut members: Value = serde_json::from_slice(&raw.body).expect("JSON");
        members[member] = json!(text);
        raw.body = members.to_string().into_bytes();
    }
}
