//! Provisioning by SCIM, as an identity provider does it, and what the identity store makes of it.

use aws_sdk_identitystore::types::{AttributeOperation, MemberId, UserStatus};
use aws_smithy_types::Document;
use serde_json::{Value, json};
use stint_aws_sim::{Effect, EstateSpec, Fault, Party};

use crate::rig::{Rig, SECOND, START, small};
use crate::wire::send;

const YEAR: i64 = 365 * 24 * 60 * 60 * SECOND;
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// An identity provider with a token.
struct Provider<'a> {
    rig: &'a Rig,
    tenant: String,
    secret: String,
}

impl<'a> Provider<'a> {
    fn new(rig: &'a Rig) -> Provider<'a> {
        let (_, secret) = rig.sim.create_scim_token().unwrap();
        Provider {
            rig,
            tenant: rig.facts.scim_tenant_id.clone(),
            secret,
        }
    }

    /// Status, headers and body of an answer.
    async fn whole(&self, start: &str, body: &str) -> (u16, Vec<String>, Value) {
        let (method, path) = start.split_once(' ').unwrap();
        let path = path.replace(' ', "%20").replace('"', "%22");
        let address = self.rig.address();
        let head = format!(
            "{method} /{}/scim/v2{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}",
            self.tenant, self.secret
        );
        let (status, headers, body) = send(address, &head, body).await;
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        (
            status,
            headers,
            serde_json::from_str(&body).unwrap_or(Value::Null),
        )
    }

    async fn asks(&self, start: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let (status, _, answer) = self.whole(start, &body).await;
        (status, answer)
    }

    async fn made(&self, kind: &str, body: Value) -> String {
        let (status, answer) = self.asks(&format!("POST /{kind}"), body).await;
        assert_eq!(status, 201, "{answer}");
        answer["id"].as_str().unwrap().to_owned()
    }

    /// The status of what must be refused.
    async fn refused(&self, start: &str, body: Value) -> u16 {
        let (status, answer) = self.asks(start, body.clone()).await;
        assert_eq!(
            answer["status"],
            status.to_string(),
            "{start} {body}: {answer}"
        );
        status
    }
}

fn barbara() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "externalId": "701984",
        "userName": "bjensen",
        "name": {
            "formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen", "givenName": "Barbara",
            "middleName": "Jane", "honorificPrefix": "Ms.", "honorificSuffix": "III",
        },
        "displayName": "Babs Jensen",
        "nickName": "Babs",
        "profileUrl": "https://login.example.com/bjensen",
        "emails": [{ "value": "bjensen@example.com", "type": "work", "primary": true }],
        "addresses": [{
            "type": "work", "streetAddress": "100 Universal City Plaza", "locality": "Hollywood",
            "region": "CA", "postalCode": "91608", "country": "USA",
            "formatted": "100 Universal City Plaza Hollywood, CA 91608 USA", "primary": true,
        }],
        "phoneNumbers": [{ "value": "555-555-5555", "type": "work" }],
        "roles": [{ "value": "Researcher", "type": "work", "primary": true }],
        "userType": "Employee",
        "title": "Tour Guide",
        "preferredLanguage": "en-US",
        "locale": "en-US",
        "timezone": "America/Los_Angeles",
        "active": true,
        ENTERPRISE: {
            "employeeNumber": "701984", "costCenter": "4130", "organization": "Universal Studios",
            "division": "Theme Park", "department": "Tour Operations",
            "manager": { "value": "9067729b3d-ee533c18", "$ref": "../Users/9067729b3d-ee533c18" },
        },
    })
}

fn person(name: &str) -> Value {
    json!({
        "userName": name, "displayName": name, "externalId": format!("ext-{name}"),
        "name": { "givenName": name, "familyName": "Example" },
    })
}

fn patch(operations: Value) -> Value {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations })
}

#[tokio::test]
async fn two_tokens_open_the_tenant_for_a_year() {
    let rig = Rig::over_tcp(small()).await;
    let mut provider = Provider::new(&rig);
    let get = "GET /ServiceProviderConfig";
    let (status, about) = provider.asks(get, Value::Null).await;
    assert_eq!((status, &about["filter"]["maxResults"]), (200, &json!(100)));
    let (second, _) = rig.sim.create_scim_token().unwrap();
    let full = rig.sim.create_scim_token().unwrap_err().to_string();
    assert!(full.contains("delete one first"), "{full}");
    assert_eq!(rig.sim.scim_tokens().len(), 2);
    rig.sim.delete_scim_token(&second.id).unwrap();
    assert!(rig.sim.delete_scim_token(&second.id).is_err());

    // A wrong tenant, a wrong token, none at all, and one that ran out read alike.
    let (status, headers, told) = {
        let own = std::mem::replace(&mut provider.tenant, "f3v-nobody".to_owned());
        let answer = provider.whole(get, "").await;
        provider.tenant = own;
        answer
    };
    let detail = "Authorization header is invalid or missing.";
    assert_eq!((status, told["detail"].as_str()), (401, Some(detail)));
    assert!(
        headers.contains(&"x-amzn-errortype: UnauthorizedException".to_owned()),
        "{headers:?}"
    );
    assert_eq!(
        told["schema"],
        json!(["urn:ietf:params:scim:api:messages:2.0:Error"])
    );
    assert_eq!(told["timeStamp"], "2026-01-02 03:04:05.000");
    let id = format!(
        "x-amzn-requestid: {}",
        told["exceptionRequestId"].as_str().unwrap()
    );
    assert!(headers.contains(&id), "{id} is not in {headers:?}");
    let own = std::mem::take(&mut provider.secret);
    assert_eq!(provider.refused(get, Value::Null).await, 401);
    provider.secret = format!("{own}x");
    assert_eq!(provider.refused(get, Value::Null).await, 401);
    assert_eq!(provider.refused("PUT /Groups/x", Value::Null).await, 401);
    provider.secret = own;
    rig.clock.set(START + YEAR - SECOND);
    assert_eq!(provider.asks(get, Value::Null).await.0, 200);
    rig.clock.set(START + YEAR);
    assert_eq!(provider.refused(get, Value::Null).await, 401);
    let calls = rig.sim.journal();
    let parties: Vec<_> = calls.iter().map(|call| call.party).collect();
    let (known, nobody) = (Party::User, Party::Nobody);
    assert_eq!(
        parties,
        [known, known, nobody, nobody, nobody, known, known]
    );
    assert!(
        calls
            .iter()
            .all(|call| !call.input.to_string().contains("Bearer"))
    );
}

#[tokio::test]
async fn people_come_change_and_go_with_their_providers_ids() {
    let rig = Rig::over_tcp(small()).await;
    let provider = Provider::new(&rig);
    let store = rig.facts.identity_store_id.clone();
    let (status, made) = provider.asks("POST /Users", barbara()).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    let mut expected = barbara();
    expected["id"] = json!(id);
    expected["meta"] = json!({
        "resourceType": "User", "created": "2026-01-02T03:04:05Z", "lastModified": "2026-01-02T03:04:05Z",
    });
    expected[ENTERPRISE]["manager"] = json!({ "value": "9067729b3d-ee533c18" });
    assert_eq!(made, expected);
    let one = format!("/Users/{id}");
    assert_eq!(
        provider.asks(&format!("GET {one}"), Value::Null).await,
        (200, expected)
    );

    // The identity store has the same person, with the id the provider gave.
    let admin = rig.admin().store;
    let describe = || {
        admin
            .describe_user()
            .identity_store_id(&store)
            .user_id(&id)
            .send()
    };
    let known = describe().await.unwrap();
    let [external] = known.external_ids() else {
        panic!("{known:?}")
    };
    let issuer = external.issuer();
    assert!(issuer.starts_with("https://scim.aws.com/"), "{issuer}");
    assert_eq!(external.id(), "701984");
    assert_eq!(known.name().unwrap().middle_name(), Some("Jane"));
    assert_eq!(known.user_status(), Some(&UserStatus::Enabled));
    assert_eq!(
        known.addresses()[0].street_address(),
        Some("100 Universal City Plaza")
    );

    // Little by little.
    rig.clock.advance(60 * SECOND);
    let change = patch(json!([
        { "op": "replace", "path": "active", "value": "false" },
        { "op": "Replace", "path": "emails[type eq \"work\"].value", "value": "babs@example.com" },
        { "op": "add", "path": "name.honorificPrefix", "value": "Dr." },
        { "op": "remove", "path": "nickName" },
        { "op": "remove", "path": "phoneNumbers[type eq \"work\"]" },
        { "op": "add", "path": format!("{ENTERPRISE}:department"), "value": "Research" },
        { "op": "replace", "value": { "title": "Guide", "name": { "middleName": "J" } } },
    ]));
    let (status, told) = provider.asks(&format!("PATCH {one}"), change).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(told["active"], json!(false));
    assert_eq!(
        told["emails"],
        json!([{ "value": "babs@example.com", "type": "work", "primary": true }])
    );
    assert_eq!(told["name"]["honorificPrefix"], "Dr.");
    assert_eq!(
        (&told["name"]["middleName"], &told["name"]["familyName"]),
        (&json!("J"), &json!("Jensen"))
    );
    assert_eq!(
        (&told["nickName"], &told["phoneNumbers"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(told[ENTERPRISE]["department"], "Research");
    assert_eq!(
        (&told["title"], &told["locale"]),
        (&json!("Guide"), &json!("en-US"))
    );
    assert_eq!(told["meta"]["lastModified"], "2026-01-02T03:05:05Z");
    assert_eq!(
        describe().await.unwrap().user_status(),
        Some(&UserStatus::Disabled)
    );

    // The identity store changes people all the same; the provider's next word undoes it (AWS
    // reference §1.2).
    let rename = AttributeOperation::builder()
        .attribute_path("displayName")
        .attribute_value(Document::from("Somebody"))
        .build()
        .unwrap();
    let renamed = admin
        .update_user()
        .identity_store_id(&store)
        .user_id(&id)
        .operations(rename);
    renamed.send().await.unwrap();
    let seen = provider.asks(&format!("GET {one}"), Value::Null).await.1;
    assert_eq!(seen["displayName"], "Somebody");
    let mut whole = person("bjensen");
    whole["externalId"] = json!("701985");
    let (status, told) = provider.asks(&format!("PUT {one}"), whole).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(
        (&told["displayName"], &told["externalId"]),
        (&json!("bjensen"), &json!("701985"))
    );
    for gone in ["title", "emails", "addresses", ENTERPRISE] {
        assert_eq!(told[gone], Value::Null, "{gone}");
    }
    assert_eq!(told["active"], json!(true));

    assert_eq!(
        provider.asks(&format!("DELETE {one}"), Value::Null).await,
        (204, Value::Null)
    );
    assert_eq!(
        provider.refused(&format!("GET {one}"), Value::Null).await,
        404
    );
    assert_eq!(
        provider
            .refused(&format!("DELETE {one}"), Value::Null)
            .await,
        404
    );
    assert!(describe().await.is_err());
}

#[tokio::test]
async fn what_the_endpoint_does_not_take_is_refused() {
    let rig = Rig::over_tcp(small()).await;
    let provider = Provider::new(&rig);
    let id = provider.made("Users", barbara()).await;
    let with = |name: &str, value: Value| {
        let mut body = barbara();
        body["userName"] = json!("other");
        body["externalId"] = json!("other");
        body["emails"] = json!([{ "value": "other@example.com", "primary": true }]);
        body[name] = value;
        body
    };
    for (start, body) in [
        ("POST /Users", json!({ "userName": "x" })),
        ("POST /Users", with("displayName", Value::Null)),
        ("POST /Users", with("name", json!({ "givenName": "A" }))),
        ("POST /Users", with("userName", json!("a".repeat(129)))),
        ("POST /Users", with("userName", json!(7))),
        (
            "POST /Users",
            with("emails", json!([{ "value": "a@b.example" }])),
        ),
        (
            "POST /Users",
            with(
                "emails",
                json!([
            { "value": "a@b.example", "primary": true }, { "value": "b@b.example" }]),
            ),
        ),
        (
            "POST /Users",
            with("phoneNumbers", json!([{ "value": "1" }, { "value": "2" }])),
        ),
        (
            "POST /Users",
            with(
                "addresses",
                json!([{ "country": "USA", "display": "home" }]),
            ),
        ),
        (
            "POST /Users",
            with("roles", json!([{ "value": "a", "display": "A" }])),
        ),
        (
            "POST /Users",
            with("photos", json!([{ "value": "https://a.example" }])),
        ),
        ("POST /Users", with("password", json!("secret"))),
        ("POST /Users", with("groups", json!([{ "value": "g" }]))),
        ("POST /Users", with("active", json!("perhaps"))),
        (
            "POST /Users",
            with(ENTERPRISE, json!({ "manager": { "displayName": "Bo" } })),
        ),
        ("POST /Users", Value::Null),
        ("POST /Users", json!([1])),
        ("GET /Users?filter=title eq \"Guide\"", Value::Null),
        ("GET /Users?filter=userName sw \"b\"", Value::Null),
        (
            "GET /Users?filter=userName eq \"b\" and externalId eq \"1\"",
            Value::Null,
        ),
        ("GET /Users?count=0&cursor", Value::Null),
        ("GET /Users?count=101", Value::Null),
        ("GET /Users?cursor=nobodys", Value::Null),
        ("GET /Me", Value::Null),
        ("POST /Bulk", json!({})),
        ("POST /Users/.search", json!({})),
        ("PUT /Groups/x", json!({ "displayName": "x" })),
        ("DELETE /Users", Value::Null),
    ] {
        assert_eq!(
            provider.refused(start, body.clone()).await,
            400,
            "{start} {body}"
        );
    }
    for operations in [
        json!([]),
        json!([{ "path": "title", "value": "x" }]),
        json!([{ "op": "move", "path": "title", "value": "x" }]),
        json!([{ "op": "remove" }]),
        json!([{ "op": "replace", "path": "title" }]),
        json!([{ "op": "replace", "path": "photos", "value": [] }]),
        json!([{ "op": "remove", "path": "userName" }]),
        json!([{ "op": "remove", "path": "active" }]),
        json!([{ "op": "remove", "path": "displayName" }]),
        json!([{ "op": "replace", "path": "active", "value": true }, { "op": "replace", "path": "active", "value": false }]),
        json!([{ "op": "replace", "value": { "userName": "a" } }, { "op": "add", "path": "userName", "value": "b" }]),
        json!([{ "op": "add", "path": "emails", "value": [{ "value": "second@example.com" }] }]),
        json!([{ "op": "replace", "path": "emails[type eq \"home\"].value", "value": "a@b.example" }]),
    ] {
        let start = format!("PATCH /Users/{id}");
        assert_eq!(
            provider.refused(&start, patch(operations.clone())).await,
            400,
            "{operations}"
        );
    }
    // Nothing of it happened.
    let now = provider
        .asks(&format!("GET /Users/{id}"), Value::Null)
        .await
        .1;
    assert_eq!(
        (&now["userName"], &now["active"]),
        (&json!("bjensen"), &json!(true))
    );

    // Somebody else's name, in any case, e-mail address or id.
    for (name, value) in [
        ("userName", json!("BJensen")),
        ("externalId", json!("701984")),
        (
            "emails",
            json!([{ "value": "BJENSEN@example.com", "primary": true }]),
        ),
    ] {
        assert_eq!(
            provider.refused("POST /Users", with(name, value)).await,
            409,
            "{name}"
        );
    }
    let second = provider.made("Users", person("second")).await;
    let start = format!("PATCH /Users/{second}");
    let taken = patch(json!([{ "op": "replace", "path": "userName", "value": "bjensen" }]));
    assert_eq!(provider.refused(&start, taken).await, 409);
    assert_eq!(
        provider
            .refused(&format!("PUT /Users/{second}"), person("bjensen"))
            .await,
        409
    );
    for start in [
        "GET /Users/nobody",
        "GET /Groups/none",
        "DELETE /Groups/none",
        "GET /Schemas/none",
    ] {
        assert_eq!(provider.refused(start, Value::Null).await, 404, "{start}");
    }
    let fault = Fault::on("identitystore-scim:GetUser").first(1);
    rig.sim.faults().add(fault, Effect::Throttle);
    assert_eq!(
        provider
            .refused(&format!("GET /Users/{id}"), Value::Null)
            .await,
        429
    );
    let fault = Fault::on("identitystore-scim:*").first(1);
    rig.sim.faults().add(fault, Effect::Broken);
    assert_eq!(
        provider
            .refused(&format!("GET /Users/{id}"), Value::Null)
            .await,
        500
    );
}

#[tokio::test]
async fn groups_have_users_and_no_groups_and_tell_of_one_at_a_time() {
    let rig = Rig::over_tcp(small()).await;
    let provider = Provider::new(&rig);
    let store = rig.facts.identity_store_id.clone();
    let ana = rig.ana();
    let bea = provider.made("Users", person("bea")).await;
    let body = json!({
        "externalId": "g1", "displayName": "Group Bar",
        "members": [{ "value": ana, "$ref": format!("../Users/{ana}"), "type": "User" }],
    });
    let (status, made) = provider.asks("POST /Groups", body.clone()).await;
    assert_eq!(status, 201, "{made}");
    let group = made["id"].as_str().unwrap().to_owned();
    assert_eq!(
        made,
        json!({
            "id": group, "externalId": "g1", "displayName": "Group Bar",
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "meta": { "resourceType": "Group", "created": "2026-01-02T03:04:05Z", "lastModified": "2026-01-02T03:04:05Z" },
        })
    );
    let one = format!("/Groups/{group}");
    assert_eq!(
        provider.asks(&format!("GET {one}"), Value::Null).await,
        (200, made)
    );
    assert_eq!(provider.refused("POST /Groups", body).await, 409);
    let same = json!({ "externalId": "g1", "displayName": "Another" });
    assert_eq!(provider.refused("POST /Groups", same).await, 409);

    // Who is in it is told by a filter, and by the identity store.
    let has = async |user: &str| {
        let start = format!("GET /Groups?filter=id eq \"{group}\" and members eq \"{user}\"");
        let (status, told) = provider.asks(&start, Value::Null).await;
        assert_eq!(status, 200, "{told}");
        let members = told["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["members"]);
        assert!(members.into_iter().all(|members| *members == json!([])));
        told["totalResults"].as_u64().unwrap() == 1
    };
    assert!(has(&ana).await && !has(&bea).await);
    let swapped = format!("GET /Groups?filter=members eq \"{ana}\" and id eq \"{group}\"");
    assert_eq!(
        provider.asks(&swapped, Value::Null).await.1["totalResults"],
        1
    );
    let nobody = format!("GET /Groups?filter=id eq \"{group}\" and members eq \"nobody\"");
    assert_eq!(provider.refused(&nobody, Value::Null).await, 404);
    let mine = format!("GET /Users?filter=groups.value eq \"{group}\"");
    assert_eq!(
        provider.asks(&mine, Value::Null).await.1["Resources"][0]["id"],
        json!(ana)
    );
    let admin = rig.admin().store;
    let member = MemberId::UserId(ana.clone());
    let known = admin
        .get_group_membership_id()
        .identity_store_id(&store)
        .group_id(&group);
    let membership = known.member_id(member.clone()).send().await.unwrap();
    let listed = admin
        .list_groups()
        .identity_store_id(&store)
        .send()
        .await
        .unwrap();
    let listed = listed
        .groups()
        .iter()
        .find(|it| it.group_id() == group)
        .unwrap();
    let [external] = listed.external_ids() else {
        panic!("{listed:?}")
    };
    assert!(external.issuer().starts_with("https://scim.aws.com/") && external.id() == "g1");

    let start = format!("PATCH {one}");
    let change = patch(json!([
        { "op": "add", "path": "members", "value": [{ "value": bea }, { "value": ana }] },
        { "op": "replace", "path": "displayName", "value": "Bar" },
        { "op": "replace", "value": { "externalId": "g2" } },
    ]));
    assert_eq!(provider.asks(&start, change).await, (204, Value::Null));
    assert!(has(&ana).await && has(&bea).await);
    let told = provider
        .asks("GET /Groups?filter=externalId eq \"g2\"", Value::Null)
        .await
        .1;
    assert_eq!(
        (&told["totalResults"], &told["Resources"][0]["displayName"]),
        (&json!(1), &json!("Bar"))
    );
    let gone = patch(json!([{ "op": "remove", "path": "members", "value": [{ "value": bea }] }]));
    assert_eq!(provider.asks(&start, gone.clone()).await.0, 204);
    assert_eq!(provider.asks(&start, gone).await.0, 204, "again");
    let other = patch(json!([{ "op": "remove", "path": format!("members[value eq \"{ana}\"]") }]));
    assert_eq!(provider.asks(&start, other).await.0, 204);
    assert!(!has(&ana).await && !has(&bea).await);

    // The identity store's own calls change who is in it all the same.
    let put = admin
        .create_group_membership()
        .identity_store_id(&store)
        .group_id(&group);
    let put = put.member_id(member).send().await.unwrap();
    assert_ne!(put.membership_id(), membership.membership_id());
    assert!(has(&ana).await);

    let many = |n: usize| json!(vec![json!({ "value": ana }); n]);
    let nested = provider
        .made("Groups", json!({ "displayName": "Nested" }))
        .await;
    for operations in [
        json!([{ "op": "replace", "path": "members", "value": [{ "value": ana }] }]),
        json!([{ "op": "remove", "path": "members" }]),
        json!([{ "op": "remove", "path": "displayName" }]),
        json!([{ "op": "add", "path": "members", "value": [{ "value": nested }] }]),
        json!([{ "op": "add", "path": "members", "value": [{ "value": ana, "type": "Group" }] }]),
        json!([{ "op": "add", "path": "members", "value": many(101) }]),
        json!([{ "op": "replace", "path": "description", "value": "x" }]),
    ] {
        assert_eq!(
            provider.refused(&start, patch(operations.clone())).await,
            400,
            "{operations}"
        );
    }
    let full = patch(json!([{ "op": "add", "path": "members", "value": many(100) }]));
    assert_eq!(provider.asks(&start, full).await.0, 204);
    let absent =
        patch(json!([{ "op": "add", "path": "members", "value": [{ "value": "nobody" }] }]));
    assert_eq!(provider.refused(&start, absent).await, 404);
    let body = json!({ "displayName": "Large", "members": many(101) });
    assert_eq!(provider.refused("POST /Groups", body).await, 400);
    let body = json!({ "displayName": "Nesting", "members": [{ "value": nested }] });
    assert_eq!(provider.refused("POST /Groups", body).await, 400);
    let taken = patch(json!([{ "op": "replace", "path": "displayName", "value": "bar" }]));
    assert_eq!(
        provider
            .refused(&format!("PATCH /Groups/{nested}"), taken)
            .await,
        409
    );

    assert_eq!(
        provider.asks(&format!("DELETE {one}"), Value::Null).await.0,
        204
    );
    assert_eq!(
        provider.refused(&format!("GET {one}"), Value::Null).await,
        404
    );
    let rows = admin
        .list_group_memberships_for_member()
        .identity_store_id(&store);
    let rows = rows.member_id(MemberId::UserId(ana)).send().await.unwrap();
    assert!(
        rows.group_memberships()
            .iter()
            .all(|row| row.group_id() != Some(&group))
    );
}

#[tokio::test]
async fn lists_go_on_from_a_cursor_or_end_at_a_page() {
    let spec = EstateSpec {
        users: 230,
        ..small()
    };
    let rig = Rig::over_tcp(spec).await;
    let provider = Provider::new(&rig);
    let (status, told) = provider.asks("GET /Users", Value::Null).await;
    assert_eq!(status, 200);
    let numbers = [
        &told["totalResults"],
        &told["itemsPerPage"],
        &told["startIndex"],
    ];
    assert_eq!(numbers, [&json!(100), &json!(100), &json!(1)]);
    assert_eq!(told["nextCursor"], Value::Null);
    let (mut cursor, mut pages, mut ids) = (String::new(), 0, std::collections::BTreeSet::new());
    loop {
        let start = format!("GET /Users?count=70&cursor={cursor}");
        let (status, told) = provider.asks(&start, Value::Null).await;
        assert_eq!((status, &told["totalResults"]), (200, &Value::Null));
        pages += 1;
        let rows = told["Resources"].as_array().unwrap();
        assert_eq!(told["itemsPerPage"], rows.len());
        ids.extend(
            rows.iter()
                .map(|row| row["id"].as_str().unwrap().to_owned()),
        );
        match told["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!((pages, ids.len()), (4, 230));
    // A cursor is good for its own list only.
    let start = format!("GET /Groups?count=70&cursor={cursor}");
    assert_eq!(provider.refused(&start, Value::Null).await, 400);

    rig.sim.knobs(|knobs| knobs.scim_cursors = false);
    let (_, told) = provider
        .asks("GET /Users?count=70&cursor", Value::Null)
        .await;
    assert_eq!(
        (&told["totalResults"], &told["nextCursor"]),
        (&json!(50), &Value::Null)
    );
    let name = rig.facts.ana.as_ref().unwrap().user_name.to_uppercase();
    for (filter, n) in [
        (format!("userName eq \"{name}\""), 1),
        ("userName eq \"nobody\"".to_owned(), 0),
        (format!("id eq \"{}\"", rig.ana()), 1),
        (
            format!("id eq \"{}\" and manager eq \"boss\"", rig.ana()),
            0,
        ),
    ] {
        let (_, told) = provider
            .asks(&format!("GET /Users?filter={filter}"), Value::Null)
            .await;
        assert_eq!(told["totalResults"], n, "{filter}");
    }
}

#[tokio::test]
async fn the_endpoint_describes_itself() {
    let rig = Rig::over_tcp(small()).await;
    let provider = Provider::new(&rig);
    let (_, schemas) = provider.asks("GET /Schemas", Value::Null).await;
    assert_eq!(schemas["totalResults"], 3);
    for schema in schemas["Resources"].as_array().unwrap() {
        let one = format!("GET /Schemas/{}", schema["id"].as_str().unwrap());
        assert_eq!(
            provider.asks(&one, Value::Null).await,
            (200, schema.clone())
        );
    }
    let (_, types) = provider.asks("GET /ResourceTypes", Value::Null).await;
    let endpoints: Vec<_> = types["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["endpoint"])
        .collect();
    assert_eq!(endpoints, ["/Users", "/Groups"]);
}
