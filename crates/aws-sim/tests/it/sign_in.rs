//! A person's way in: a program registers, its person approves, the portal gives credentials that
//! work and do no more than the permission set.

use aws_lc_rs::digest;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, header};
use serde_json::{Value, json};
use stint_aws_sim::AssignmentRow;
use tower::ServiceExt;

use crate::rig::{Clients, MINUTE, Rig, SECOND, code, keyed, refusal, small};

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const HOUR: i64 = 60 * MINUTE;

/// One request as a client without a key sends it: status, headers, body.
pub(crate) async fn http(
    rig: &Rig,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, HeaderMap, String) {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "aws.sim");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let answer = rig.sim.router().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    (parts.status.as_u16(), parts.headers, text)
}

/// The same with JSON both ways; the code of an error as its header names it.
async fn oidc(rig: &Rig, path: &str, input: Value) -> Result<Value, (u16, String, Value)> {
    let (status, headers, body) = http(rig, "POST", path, &[], &input.to_string()).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    judged(status, &headers, body)
}

fn judged(status: u16, headers: &HeaderMap, body: Value) -> Result<Value, (u16, String, Value)> {
    if status == 200 {
        return Ok(body);
    }
    let kind = headers["x-amzn-errortype"].to_str().unwrap();
    let kind = kind.split(':').next().unwrap().to_owned();
    Err((status, kind, body))
}

async fn portal(rig: &Rig, path: &str, token: &str) -> Result<Value, (u16, String, Value)> {
    let method = if path == "/logout" { "POST" } else { "GET" };
    let headers = [("x-amz-sso_bearer_token", token)];
    let (status, headers, body) = http(rig, method, path, &headers, "").await;
    if body.is_empty() {
        assert_eq!(status, 200);
        return Ok(Value::Null);
    }
    judged(status, &headers, serde_json::from_str(&body).unwrap())
}

fn text(value: &Value, name: &str) -> String {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name} in {value}"))
        .to_owned()
}

struct Program {
    id: String,
    secret: String,
}

impl Program {
    /// A registered one; with scopes its tokens can be refreshed.
    async fn new(rig: &Rig, more: Value) -> Program {
        let mut input = json!({ "clientName": "test", "clientType": "public" });
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        let made = oidc(rig, "/client/register", input).await.unwrap();
        Program {
            id: text(&made, "clientId"),
            secret: text(&made, "clientSecret"),
        }
    }

    fn asks(&self, more: Value) -> Value {
        let mut input = json!({ "clientId": self.id, "clientSecret": self.secret });
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        input
    }

    async fn device(&self, rig: &Rig) -> Value {
        let url = format!("https://{}.awsapps.com/start", rig.facts.identity_store_id);
        let input = self.asks(json!({ "startUrl": url }));
        oidc(rig, "/device_authorization", input).await.unwrap()
    }

    async fn token(&self, rig: &Rig, more: Value) -> Result<Value, (u16, String, Value)> {
        oidc(rig, "/token", self.asks(more)).await
    }

    async fn by_device(&self, rig: &Rig, device: &Value) -> Result<Value, (u16, String, Value)> {
        let code = text(device, "deviceCode");
        let input = json!({ "grantType": DEVICE_GRANT, "deviceCode": code });
        self.token(rig, input).await
    }
}

const SCOPED: &str = "sso:account:access";

/// Signs a person in the whole way; gives the tokens.
async fn sign_in(rig: &Rig, user: &str, scopes: Value) -> (Program, Value) {
    let program = Program::new(rig, json!({ "scopes": scopes })).await;
    let device = program.device(rig).await;
    rig.sim
        .approve_device(&text(&device, "userCode"), user)
        .unwrap();
    let token = program.by_device(rig, &device).await.unwrap();
    (program, token)
}

/// Credentials from the portal, as clients.
async fn role(rig: &Rig, token: &str, account: &str, set: &str) -> Clients {
    let path = format!("/federation/credentials?role_name={set}&account_id={account}");
    let given = portal(rig, &path, token).await.unwrap();
    let given = &given["roleCredentials"];
    let keys = keyed(
        &text(given, "accessKeyId"),
        &text(given, "secretAccessKey"),
        Some(text(given, "sessionToken")),
    );
    rig.clients(keys, true)
}

#[tokio::test]
async fn a_device_waits_for_its_person() {
    let rig = Rig::in_memory(small());
    let program = Program::new(&rig, json!({})).await;
    let device = program.device(&rig).await;
    assert_eq!(device["expiresIn"], 600);
    assert_eq!(device["interval"], 1);
    let page = text(&device, "verificationUri");
    assert_eq!(page, "http://aws.sim/start/device");
    let user_code = text(&device, "userCode");
    assert_eq!(
        text(&device, "verificationUriComplete"),
        format!("{page}?user_code={user_code}")
    );
    let (status, kind, body) = program.by_device(&rig, &device).await.unwrap_err();
    assert_eq!(
        (status, kind.as_str()),
        (400, "AuthorizationPendingException")
    );
    assert_eq!(
        body,
        json!({"error": "authorization_pending", "error_description": "Authorization is still pending"})
    );
    // Too soon: told to slow down, and the next second is too soon as well.
    let hurried = program.by_device(&rig, &device).await.unwrap_err();
    assert_eq!((hurried.0, hurried.1.as_str()), (400, "SlowDownException"));
    assert_eq!(hurried.2["error"], "slow_down");
    rig.clock.advance(2 * SECOND);
    let hurried = program.by_device(&rig, &device).await.unwrap_err();
    assert_eq!(hurried.1, "SlowDownException");
    rig.clock.advance(12 * SECOND);
    let pending = program.by_device(&rig, &device).await.unwrap_err();
    assert_eq!(pending.1, "AuthorizationPendingException");
    // The page, as a browser uses it.
    let (status, _, shown) = http(
        &rig,
        "GET",
        &format!("/start/device?user_code={user_code}"),
        &[],
        "",
    )
    .await;
    assert_eq!(status, 200);
    assert!(shown.contains(&format!("value=\"{user_code}\"")), "{shown}");
    let form =
        |user: &str, answer: &str| format!("user_code={user_code}&user={user}&answer={answer}");
    let (status, _, _) = http(
        &rig,
        "POST",
        "/start/device",
        &[],
        &form("no.body", "allow"),
    )
    .await;
    assert_eq!(status, 400);
    let (status, _, shown) = http(
        &rig,
        "POST",
        "/start/device",
        &[],
        &form("ana.moreno", "allow"),
    )
    .await;
    assert_eq!(status, 200, "{shown}");
    rig.clock.advance(12 * SECOND);
    let token = program.by_device(&rig, &device).await.unwrap();
    assert_eq!(token["tokenType"], "Bearer");
    // Without scopes: as long as the session, and nothing to refresh it with.
    assert_eq!(token["expiresIn"], 8 * 3_600);
    assert_eq!(token.get("refreshToken"), None);
    // Once only.
    rig.clock.advance(12 * SECOND);
    let spent = program.by_device(&rig, &device).await.unwrap_err();
    assert_eq!((spent.0, spent.1.as_str()), (400, "InvalidGrantException"));
}

#[tokio::test]
async fn a_device_is_denied_or_waits_too_long() {
    let rig = Rig::in_memory(small());
    let program = Program::new(&rig, json!({})).await;
    let denied = program.device(&rig).await;
    rig.sim
        .deny_device(&text(&denied, "userCode").to_lowercase().replace('-', ""))
        .unwrap();
    let wrong = program.by_device(&rig, &denied).await.unwrap_err();
    assert_eq!((wrong.0, wrong.1.as_str()), (400, "AccessDeniedException"));
    assert_eq!(wrong.2["error"], "access_denied");
    // What was answered is answered.
    let again = rig
        .sim
        .approve_device(&text(&denied, "userCode"), "ana.moreno");
    assert_eq!(again.unwrap_err().to_string(), "This code was used before.");
    let late = program.device(&rig).await;
    rig.clock.advance(10 * MINUTE);
    assert!(
        rig.sim
            .approve_device(&text(&late, "userCode"), "ana.moreno")
            .is_err()
    );
    let wrong = program.by_device(&rig, &late).await.unwrap_err();
    assert_eq!((wrong.0, wrong.1.as_str()), (400, "ExpiredTokenException"));
    // Another program's device, and one nobody has.
    let other = Program::new(&rig, json!({})).await;
    let device = program.device(&rig).await;
    assert_eq!(
        other.by_device(&rig, &device).await.unwrap_err().1,
        "InvalidGrantException"
    );
}

#[tokio::test]
async fn programs_are_known_by_their_secret_and_what_they_registered_for() {
    let rig = Rig::in_memory(small());
    let refused = |input: Value| {
        let rig = &rig;
        async move { oidc(rig, "/client/register", input).await.unwrap_err().1 }
    };
    let base = json!({ "clientName": "x", "clientType": "public" });
    let with = |name: &str, value: Value| {
        let mut input = base.clone();
        input[name] = value;
        input
    };
    assert_eq!(
        refused(json!({ "clientType": "public" })).await,
        "InvalidRequestException"
    );
    assert_eq!(
        refused(with("clientType", json!("confidential"))).await,
        "InvalidClientMetadataException"
    );
    assert_eq!(
        refused(with("scopes", json!(["no spaces"]))).await,
        "InvalidScopeException"
    );
    assert_eq!(
        refused(with("scopes", json!("sso"))).await,
        "InvalidRequestException"
    );
    assert_eq!(
        refused(with("grantTypes", json!(["password"]))).await,
        "UnsupportedGrantTypeException"
    );
    for elsewhere in [
        "https://evil.example/",
        "http://evil.example/",
        "http://127.0.0.1:x@evil.example/back",
        "http://localhost:80@evil.example/back",
        "http://127.0.0.1@evil.example/back",
        "http://127.0.0.1.evil.example/back",
        "http://127.0.0.1:/back",
    ] {
        assert_eq!(
            refused(with("redirectUris", json!([elsewhere]))).await,
            "InvalidRedirectUriException",
            "{elsewhere}"
        );
    }
    let program = Program::new(
        &rig,
        json!({ "grantTypes": ["authorization_code"], "redirectUris": ["http://127.0.0.1/back"] }),
    )
    .await;
    let url = format!(
        "https://{}.awsapps.com/start/#/",
        rig.facts.identity_store_id
    );
    let input = program.asks(json!({ "startUrl": url }));
    let wrong = oidc(&rig, "/device_authorization", input)
        .await
        .unwrap_err();
    assert_eq!(
        (wrong.0, wrong.1.as_str()),
        (400, "UnauthorizedClientException")
    );
    let program = Program::new(&rig, json!({})).await;
    let input = program.asks(json!({ "startUrl": "https://d-0000000000.awsapps.com/start" }));
    let wrong = oidc(&rig, "/device_authorization", input)
        .await
        .unwrap_err();
    assert_eq!(
        (wrong.0, wrong.1.as_str()),
        (400, "InvalidRequestException")
    );
    let input = json!({ "clientId": program.id, "clientSecret": "x", "startUrl": url });
    let wrong = oidc(&rig, "/device_authorization", input)
        .await
        .unwrap_err();
    assert_eq!((wrong.0, wrong.1.as_str()), (401, "InvalidClientException"));
    assert_eq!(wrong.2["error"], "invalid_client");
    // A registration lasts 90 days.
    rig.clock.advance(90 * 24 * HOUR);
    let input = program.asks(json!({ "startUrl": url }));
    let wrong = oidc(&rig, "/device_authorization", input)
        .await
        .unwrap_err();
    assert_eq!(wrong.1, "InvalidClientException");
    // The journal tells the calls and keeps the secrets.
    let calls = rig.sim.journal();
    assert!(
        calls
            .iter()
            .any(|call| call.operation == "sso-oidc:StartDeviceAuthorization")
    );
    let told = serde_json::to_string(&calls).unwrap();
    assert!(!told.contains(&program.secret), "{told}");
}

#[tokio::test]
async fn the_browser_comes_back_with_a_code_that_only_its_program_can_use() {
    let rig = Rig::in_memory(small());
    let verifier = "a-verifier-of-at-least-forty-three-characters-0123";
    let challenge = base64url(digest::digest(&digest::SHA256, verifier.as_bytes()).as_ref());
    let grants = json!(["authorization_code", "refresh_token"]);
    let program = Program::new(
        &rig,
        json!({ "grantTypes": grants, "redirectUris": ["http://127.0.0.1/oauth/callback"], "scopes": [SCOPED] }),
    )
    .await;
    let redirect = "http://127.0.0.1:50123/oauth/callback";
    let query = |redirect: &str, challenge: &str| {
        format!(
            "response_type=code&client_id={}&redirect_uri={redirect}&state=s%26t&code_challenge_method=S256&scopes=sso%3Aaccount%3Aaccess&code_challenge={challenge}",
            program.id
        )
    };
    let asked = query(redirect, &challenge);
    let (status, _, page) = http(&rig, "GET", &format!("/authorize?{asked}"), &[], "").await;
    assert_eq!(status, 200);
    assert!(page.contains("value=\"s&amp;t\""), "{page}");
    // What was not registered is not gone back to.
    for elsewhere in [
        "http://127.0.0.1:50123/other",
        "http://localhost:50123/oauth/callback",
        "http://127.0.0.1:x@evil.example/oauth/callback",
        "http://127.0.0.1:80@evil.example/oauth/callback",
    ] {
        let elsewhere = query(elsewhere, &challenge);
        let (status, _, _) = http(&rig, "GET", &format!("/authorize?{elsewhere}"), &[], "").await;
        assert_eq!(status, 400);
    }
    let allow = |asked: String| {
        let rig = &rig;
        async move {
            let form = format!("{asked}&user=ana.moreno&answer=allow");
            let (status, headers, body) = http(rig, "POST", "/authorize", &[], &form).await;
            assert_eq!(status, 302, "{body}");
            headers["location"].to_str().unwrap().to_owned()
        }
    };
    let code_of = |location: &str| {
        let rest = location
            .strip_prefix(&format!("{redirect}?code="))
            .unwrap_or_else(|| panic!("{location}"));
        let (code, state) = rest.split_once('&').unwrap();
        assert_eq!(state, "state=s%26t");
        code.to_owned()
    };
    let trade = |code: String, redirect: &str, verifier: &str| {
        let input = json!({
            "grantType": "authorization_code", "code": code, "redirectUri": redirect, "codeVerifier": verifier,
        });
        let (rig, program) = (&rig, &program);
        async move { program.token(rig, input).await }
    };
    let code = code_of(&allow(asked.clone()).await);
    let token = trade(code.clone(), redirect, verifier).await.unwrap();
    assert_eq!(token["expiresIn"], 3_600);
    assert!(token["refreshToken"].is_string());
    portal(&rig, "/assignment/accounts", &text(&token, "accessToken"))
        .await
        .unwrap();
    assert_eq!(
        trade(code, redirect, verifier).await.unwrap_err().1,
        "InvalidGrantException"
    );
    let code = code_of(&allow(asked.clone()).await);
    assert_eq!(
        trade(code.clone(), redirect, "wrong").await.unwrap_err().1,
        "InvalidGrantException"
    );
    // A wrong proof spends it.
    assert_eq!(
        trade(code, redirect, verifier).await.unwrap_err().1,
        "InvalidGrantException"
    );
    let code = code_of(&allow(asked.clone()).await);
    let other = "http://127.0.0.1:50124/oauth/callback";
    assert_eq!(
        trade(code, other, verifier).await.unwrap_err().1,
        "InvalidGrantException"
    );
    let code = code_of(&allow(asked.clone()).await);
    rig.clock.advance(10 * MINUTE);
    assert_eq!(
        trade(code, redirect, verifier).await.unwrap_err().1,
        "ExpiredTokenException"
    );
    let form = format!("{asked}&answer=deny");
    let (_, headers, _) = http(&rig, "POST", "/authorize", &[], &form).await;
    let location = headers["location"].to_str().unwrap();
    assert_eq!(
        location,
        format!("{redirect}?error=access_denied&state=s%26t")
    );
}

fn base64url(bytes: &[u8]) -> String {
    let letters: Vec<char> = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .chain(['-', '_'])
        .collect();
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    bits.as_bytes()
        .chunks(6)
        .map(|six| {
            let six = format!("{:0<6}", std::str::from_utf8(six).unwrap());
            letters[usize::from_str_radix(&six, 2).unwrap()]
        })
        .collect()
}

#[tokio::test]
async fn the_portal_lists_what_a_person_and_their_groups_hold() {
    let rig = Rig::in_memory(small());
    let rows = rig.sim.assignments();
    let admin = rig.admin();
    let ana = rig.ana();
    let (_, token) = sign_in(&rig, "Ana.Moreno", json!([])).await;
    let token = text(&token, "accessToken");
    let payments = rig.account("prod-payments");
    let listed = portal(&rig, "/assignment/accounts", &token).await.unwrap();
    let accounts = listed["accountList"].as_array().unwrap();
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[0]["accountId"], *payments);
    assert_eq!(accounts[0]["accountName"], "prod-payments");
    assert!(text(&accounts[0], "emailAddress").contains('@'));
    let path = format!("/assignment/roles?account_id={payments}");
    let listed = portal(&rig, &path, &token).await.unwrap();
    assert_eq!(
        listed,
        json!({"roleList": [{"roleName": "ReadOnlyAccess", "accountId": payments}]})
    );
    // Everything a group holds is open to its members, page by page.
    let group = rows
        .iter()
        .find(|row| row.principal_type == "GROUP")
        .unwrap();
    admin
        .store
        .create_group_membership()
        .identity_store_id(&rig.facts.identity_store_id)
        .group_id(&group.principal_id)
        .member_id(aws_sdk_identitystore::types::MemberId::UserId(ana))
        .send()
        .await
        .unwrap();
    let mut expected: Vec<String> = rows
        .iter()
        .filter(|row| row.principal_id == group.principal_id)
        .map(|row| row.account_id.clone())
        .chain([payments.clone()])
        .collect();
    expected.sort();
    expected.dedup();
    let mut found = Vec::new();
    let mut next = String::new();
    loop {
        let path = format!("/assignment/accounts?max_result=1{next}");
        let page = portal(&rig, &path, &token).await.unwrap();
        let rows = page["accountList"].as_array().unwrap();
        assert_eq!(rows.len(), 1);
        found.extend(rows.iter().map(|row| text(row, "accountId")));
        match page["nextToken"].as_str() {
            Some(token) => next = format!("&next_token={token}"),
            None => break,
        }
    }
    found.sort();
    assert_eq!(found, expected);
    assert!(expected.len() > 1);
    // What is not theirs, but somebody's.
    let hers = |row: &&AssignmentRow| {
        let of_group = |it: &&AssignmentRow| it.principal_id == group.principal_id;
        let pair = |it: &AssignmentRow| (it.account_id.clone(), it.permission_set.clone());
        row.account_id == payments || rows.iter().filter(of_group).any(|it| pair(it) == pair(row))
    };
    let others = rows.iter().find(|row| !hers(row)).unwrap();
    let other = rig.account("platform-tools");
    let wrong = |path: String| {
        let (rig, token) = (&rig, &token);
        async move { portal(rig, &path, token).await.unwrap_err() }
    };
    for path in [
        format!("/federation/credentials?role_name=prod-admin&account_id={payments}"),
        format!("/federation/credentials?role_name=ReadOnlyAccess&account_id={other}"),
        format!(
            "/federation/credentials?role_name={}&account_id={}",
            others.permission_set, others.account_id
        ),
        "/assignment/roles?account_id=000000000000".to_owned(),
    ] {
        let (status, kind, body) = wrong(path).await;
        assert_eq!((status, kind.as_str()), (403, "ForbiddenException"));
        assert_eq!(body["message"], "No access");
    }
    let missing = wrong("/assignment/roles".to_owned()).await;
    assert_eq!(
        (missing.0, missing.1.as_str()),
        (400, "InvalidRequestException")
    );
    let missing = wrong("/assignment/accounts?max_result=0".to_owned()).await;
    assert_eq!(missing.1, "InvalidRequestException");
    let missing = wrong("/assignment/accounts?max_result=many".to_owned()).await;
    assert_eq!(missing.1, "InvalidRequestException");
    let (status, kind, body) = portal(&rig, "/assignment/accounts", "x").await.unwrap_err();
    assert_eq!((status, kind.as_str()), (401, "UnauthorizedException"));
    assert_eq!(
        body,
        json!({"message": "Session token not found or invalid", "__type": "com.amazonaws.switchboard.portal#UnauthorizedException"})
    );
}

#[tokio::test]
async fn role_credentials_may_what_the_permission_set_says() {
    let rig = Rig::in_memory(small());
    let payments = rig.account("prod-payments");
    let (_, token) = sign_in(&rig, "ana.moreno", json!([])).await;
    let token = text(&token, "accessToken");
    let path = format!("/federation/credentials?role_name=ReadOnlyAccess&account_id={payments}");
    let given = portal(&rig, &path, &token).await.unwrap();
    // PT8H, in milliseconds.
    let ends = given["roleCredentials"]["expiration"].as_i64().unwrap();
    assert_eq!(ends, (rig.clock.now_micros() + 8 * HOUR) / 1_000);
    let ana = role(&rig, &token, &payments, "ReadOnlyAccess").await;
    let who = ana.sts.get_caller_identity().send().await.unwrap();
    let arn = who.arn().unwrap();
    let name = format!("arn:aws:sts::{payments}:assumed-role/AWSReservedSSO_ReadOnlyAccess_");
    assert!(
        arn.starts_with(&name) && arn.ends_with("/ana.moreno"),
        "{arn}"
    );
    assert!(who.user_id().unwrap().ends_with(":ana.moreno"));
    ana.iam.list_roles().send().await.unwrap();
    let refused = refusal(ana.iam.create_user().user_name("new").send().await);
    assert_eq!((refused.0, refused.1.as_str()), (403, "AccessDenied"));
    assert!(
        refused.2.contains("iam:CreateUser") && refused.2.contains(arn),
        "{}",
        refused.2
    );
    // Just in time: with the other set she may, for its hour.
    let admin = rig.admin();
    admin
        .sso
        .create_account_assignment()
        .instance_arn(&rig.facts.instance_arn)
        .target_id(&payments)
        .target_type(aws_sdk_ssoadmin::types::TargetType::AwsAccount)
        .permission_set_arn(rig.set("prod-admin"))
        .principal_type(aws_sdk_ssoadmin::types::PrincipalType::User)
        .principal_id(rig.ana())
        .send()
        .await
        .unwrap();
    rig.clock.advance(5 * SECOND);
    let more = role(&rig, &token, &payments, "prod-admin").await;
    more.iam
        .create_user()
        .user_name("new")
        .send()
        .await
        .unwrap();
    rig.clock.advance(HOUR);
    assert_eq!(code(more.iam.list_roles().send().await), "ExpiredToken");
    ana.iam.list_roles().send().await.unwrap();
    // A policy sees who it is.
    let deny = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{"StringEquals":{{"identitystore:UserId":"{}"}}}}}}}}"#,
        rig.ana()
    );
    let made = admin
        .organizations
        .create_policy()
        .name("deny-ana")
        .description("one person")
        .r#type(aws_sdk_organizations::types::PolicyType::ServiceControlPolicy)
        .content(deny)
        .send()
        .await
        .unwrap();
    let id = made
        .policy()
        .unwrap()
        .policy_summary()
        .unwrap()
        .id()
        .unwrap()
        .to_owned();
    admin
        .organizations
        .attach_policy()
        .policy_id(id)
        .target_id(&payments)
        .send()
        .await
        .unwrap();
    assert_eq!(code(ana.iam.list_roles().send().await), "AccessDenied");
}

#[tokio::test]
async fn the_last_assignment_takes_the_sessions_with_it_and_others_do_not() {
    let rig = Rig::in_memory(small());
    let payments = rig.account("prod-payments");
    let (_, token) = sign_in(&rig, "ana.moreno", json!([])).await;
    let token = text(&token, "accessToken");
    let ana = role(&rig, &token, &payments, "ReadOnlyAccess").await;
    ana.iam.list_roles().send().await.unwrap();
    let admin = rig.admin();
    let rows: Vec<_> = rig
        .sim
        .assignments()
        .into_iter()
        .filter(|row| row.account_id == payments && row.permission_set == "ReadOnlyAccess")
        .collect();
    let (own, others): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|row| row.principal_id == rig.ana());
    let mut alive = true;
    for row in own.iter().chain(&others) {
        assert!(alive, "not the last");
        admin
            .sso
            .delete_account_assignment()
            .instance_arn(&rig.facts.instance_arn)
            .target_id(&payments)
            .target_type(aws_sdk_ssoadmin::types::TargetType::AwsAccount)
            .permission_set_arn(&row.permission_set_arn)
            .principal_type(row.principal_type.as_str().into())
            .principal_id(&row.principal_id)
            .send()
            .await
            .unwrap();
        rig.clock.advance(5 * SECOND);
        // No new credentials at once; those there are live as long as the role.
        let path =
            format!("/federation/credentials?role_name=ReadOnlyAccess&account_id={payments}");
        assert_eq!(
            portal(&rig, &path, &token).await.unwrap_err().1,
            "ForbiddenException"
        );
        alive = ana.iam.list_roles().send().await.is_ok();
    }
    assert!(!others.is_empty(), "nobody else had it: nothing was proved");
    assert_eq!(
        code(ana.iam.list_roles().send().await),
        "InvalidClientTokenId"
    );
}

#[tokio::test]
async fn tokens_are_refreshed_while_the_session_lasts() {
    let rig = Rig::in_memory(small());
    let (program, first) = sign_in(&rig, "ana.moreno", json!([SCOPED])).await;
    assert_eq!(first["expiresIn"], 3_600);
    let refresh = |token: &Value| {
        let input = json!({ "grantType": "refresh_token", "refreshToken": token["refreshToken"] });
        let (rig, program) = (&rig, &program);
        async move { program.token(rig, input).await }
    };
    rig.clock.advance(HOUR);
    let access = text(&first, "accessToken");
    assert_eq!(
        portal(&rig, "/assignment/accounts", &access)
            .await
            .unwrap_err()
            .0,
        401
    );
    let second = refresh(&first).await.unwrap();
    portal(&rig, "/assignment/accounts", &text(&second, "accessToken"))
        .await
        .unwrap();
    // Each is good for one use, unless turned.
    assert_eq!(
        refresh(&first).await.unwrap_err().1,
        "InvalidGrantException"
    );
    rig.sim.knobs(|knobs| knobs.refresh_tokens_once = false);
    let third = refresh(&second).await.unwrap();
    refresh(&second).await.unwrap();
    // A token never outlives the session of eight hours.
    rig.clock.advance(6 * HOUR + 30 * MINUTE);
    let last = refresh(&third).await.unwrap();
    assert_eq!(last["expiresIn"], 1_800);
    rig.clock.advance(30 * MINUTE);
    assert_eq!(refresh(&last).await.unwrap_err().1, "InvalidGrantException");
    let access = text(&last, "accessToken");
    assert_eq!(
        portal(&rig, "/assignment/accounts", &access)
            .await
            .unwrap_err()
            .0,
        401
    );
}

#[tokio::test]
async fn a_portal_session_outlives_disabling_for_an_hour() {
    let rig = Rig::in_memory(small());
    let payments = rig.account("prod-payments");
    let (program, token) = sign_in(&rig, "ana.moreno", json!([])).await;
    let access = text(&token, "accessToken");
    let waiting = program.device(&rig).await;
    rig.sim
        .approve_device(&text(&waiting, "userCode"), "ana.moreno")
        .unwrap();
    rig.sim.disable_user(&rig.ana()).unwrap();
    // Nobody comes in any more, not even who had said yes a moment ago.
    assert_eq!(
        program.by_device(&rig, &waiting).await.unwrap_err().1,
        "AccessDeniedException"
    );
    let device = program.device(&rig).await;
    let wrong = rig
        .sim
        .approve_device(&text(&device, "userCode"), "ana.moreno");
    assert_eq!(
        wrong.unwrap_err().to_string(),
        "This person may not sign in."
    );
    // Who is in goes on.
    rig.clock.advance(59 * MINUTE);
    let ana = role(&rig, &access, &payments, "ReadOnlyAccess").await;
    rig.clock.advance(2 * MINUTE);
    let path = format!("/federation/credentials?role_name=ReadOnlyAccess&account_id={payments}");
    assert_eq!(
        portal(&rig, &path, &access).await.unwrap_err().1,
        "UnauthorizedException"
    );
    // And what came of it lives for its own eight hours: nine in all.
    rig.clock.advance(7 * HOUR);
    ana.iam.list_roles().send().await.unwrap();
    rig.clock.advance(HOUR);
    assert_eq!(code(ana.iam.list_roles().send().await), "ExpiredToken");
}

#[tokio::test]
async fn signing_out_ends_the_tokens_and_not_the_credentials() {
    let rig = Rig::in_memory(small());
    let payments = rig.account("prod-payments");
    let (program, token) = sign_in(&rig, "ana.moreno", json!([SCOPED])).await;
    let access = text(&token, "accessToken");
    let ana = role(&rig, &access, &payments, "ReadOnlyAccess").await;
    portal(&rig, "/logout", &access).await.unwrap();
    assert_eq!(
        portal(&rig, "/assignment/accounts", &access)
            .await
            .unwrap_err()
            .0,
        401
    );
    let input = json!({ "grantType": "refresh_token", "refreshToken": token["refreshToken"] });
    assert_eq!(
        program.token(&rig, input).await.unwrap_err().1,
        "InvalidGrantException"
    );
    ana.iam.list_roles().send().await.unwrap();
    // Ended by an administrator, tokens live on for an hour and are not renewed.
    let (program, token) = sign_in(&rig, "ana.moreno", json!([SCOPED])).await;
    let access = text(&token, "accessToken");
    rig.sim.end_sign_ins(&rig.ana()).unwrap();
    let input = json!({ "grantType": "refresh_token", "refreshToken": token["refreshToken"] });
    assert_eq!(
        program.token(&rig, input).await.unwrap_err().1,
        "InvalidGrantException"
    );
    rig.clock.advance(59 * MINUTE);
    portal(&rig, "/assignment/accounts", &access).await.unwrap();
    // The journal knows whose token it was.
    let last = rig.sim.journal().pop().unwrap();
    assert_eq!(last.operation, "portal:ListAccounts");
    assert_eq!(
        last.caller_arn,
        Some(format!("arn:aws:identitystore:::user/{}", rig.ana()))
    );
    // The same without scopes, which would last for the session: an hour.
    let (_, token) = sign_in(&rig, "ana.moreno", json!([])).await;
    let access = text(&token, "accessToken");
    rig.sim.end_sign_ins(&rig.ana()).unwrap();
    rig.clock.advance(59 * MINUTE);
    portal(&rig, "/assignment/accounts", &access).await.unwrap();
    rig.clock.advance(MINUTE);
    let refused = portal(&rig, "/assignment/accounts", &access).await;
    assert_eq!(refused.unwrap_err().1, "UnauthorizedException");
}

#[tokio::test]
async fn a_session_may_be_as_long_as_it_likes() {
    let rig = Rig::in_memory(small());
    rig.sim
        .knobs(|knobs| knobs.portal_session_micros = i64::MAX);
    for scopes in [json!([]), json!([SCOPED])] {
        let (_, token) = sign_in(&rig, "ana.moreno", scopes).await;
        let access = text(&token, "accessToken");
        portal(&rig, "/assignment/accounts", &access).await.unwrap();
    }
}

#[tokio::test]
async fn what_ended_a_day_ago_is_forgotten() {
    let rig = Rig::in_memory(small());
    let (program, first) = sign_in(&rig, "ana.moreno", json!([])).await;
    let access = text(&first, "accessToken");
    let late = program.device(&rig).await;
    let party = || {
        let last = rig.sim.journal().pop().unwrap();
        last.party
    };
    // Long over, and still told apart.
    rig.clock.advance(20 * HOUR);
    sign_in(&rig, "ana.moreno", json!([])).await;
    portal(&rig, "/assignment/accounts", &access)
        .await
        .unwrap_err();
    assert_eq!(party(), stint_aws_sim::Party::User);
    let wrong = program.by_device(&rig, &late).await.unwrap_err();
    assert_eq!(wrong.1, "ExpiredTokenException");
    rig.clock.advance(24 * HOUR);
    let (_, second) = sign_in(&rig, "ana.moreno", json!([])).await;
    portal(&rig, "/assignment/accounts", &access)
        .await
        .unwrap_err();
    assert_eq!(party(), stint_aws_sim::Party::Nobody);
    let wrong = program.by_device(&rig, &late).await.unwrap_err();
    assert_eq!(wrong.1, "InvalidGrantException");
    // The new one is not mistaken for an old one.
    portal(&rig, "/assignment/accounts", &text(&second, "accessToken"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_tokens_scopes_are_those_its_program_registered() {
    let rig = Rig::in_memory(small());
    let scopes = json!(["openid", SCOPED]);
    let program = Program::new(&rig, json!({ "scopes": scopes })).await;
    let device = program.device(&rig).await;
    rig.sim
        .approve_device(&text(&device, "userCode"), "ana.moreno")
        .unwrap();
    let asked = |scope: Value| {
        let code = text(&device, "deviceCode");
        let input = json!({ "grantType": DEVICE_GRANT, "deviceCode": code, "scope": scope });
        let (rig, program) = (&rig, &program);
        async move { program.token(rig, input).await }
    };
    let wrong = asked(json!(SCOPED)).await.unwrap_err();
    assert_eq!(wrong.1, "InvalidRequestException");
    // Neither less nor something else comes of asking for it.
    let token = asked(json!(["openid", "nobody:has:this"])).await.unwrap();
    portal(&rig, "/assignment/accounts", &text(&token, "accessToken"))
        .await
        .unwrap();
}
