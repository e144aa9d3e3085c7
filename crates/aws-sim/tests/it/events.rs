//! Events of what is changed: of whom they tell, what of it, and whom they reach.

use aws_sdk_identitystore::types::AttributeOperation;
use aws_smithy_types::Document;
use serde_json::{Value, json};
use stint_aws_sim::{Effect, Fault};

use crate::queues::{Owner, lets_events_in, text};
use crate::rig::{Clients, MINUTE, Rig, SECOND, code, keyed, small};
use crate::wire::send;

/// A queue that EventBridge may send to, and a rule that sends everything there.
async fn heard<'a>(rig: &'a Rig) -> Owner<'a> {
    let queue = Owner::new(rig, "changes", json!({})).await;
    let arn = queue.attribute("QueueArn").await;
    let policy = lets_events_in(&arn, &rig.facts.management_account);
    queue
        .asks(
            "SetQueueAttributes",
            json!({ "Attributes": { "Policy": policy } }),
        )
        .await
        .unwrap();
    rig.sim.put_event_rule("stint", &arn, &[]).unwrap();
    queue
}

/// The events that are there a minute from now.
async fn events(queue: &Owner<'_>) -> Vec<Value> {
    queue.rig.clock.advance(MINUTE);
    // Nobody sees one twice.
    let all = json!({ "MaxNumberOfMessages": 10, "VisibilityTimeout": 43_200 });
    let got = queue.receive(all).await;
    got.iter()
        .map(|it| serde_json::from_str(text(it, "Body")).unwrap())
        .collect()
}

fn names(events: &[Value]) -> Vec<&str> {
    let all = events.iter().map(|it| text(&it["detail"], "eventName"));
    all.collect()
}

async fn make_group(who: &Clients, name: &str) -> String {
    let made = who.iam.create_group().group_name(name).send();
    match made.await {
        Ok(_) => String::new(),
        Err(refused) => code::<(), _>(Err(refused)),
    }
}

#[tokio::test]
async fn only_the_rule_the_queue_names_gets_in_and_a_deny_keeps_it_out() {
    let rig = Rig::in_memory(small());
    let queue = Owner::new(&rig, "changes", json!({})).await;
    let arn = queue.attribute("QueueArn").await;
    let put = |policy: String| {
        let attributes = json!({ "Attributes": { "Policy": policy } });
        let queue = &queue;
        async move { queue.asks("SetQueueAttributes", attributes).await.unwrap() }
    };
    let allow = lets_events_in(&arn, &rig.facts.management_account);
    put(allow.clone()).await;
    rig.sim.put_event_rule("another", &arn, &[]).unwrap();
    let admin = rig.admin();
    make_group(&admin, "one").await;
    assert_eq!(names(&events(&queue).await), Vec::<&str>::new());
    rig.sim.put_event_rule("stint", &arn, &[]).unwrap();
    make_group(&admin, "two").await;
    assert_eq!(names(&events(&queue).await), ["CreateGroup"]);
    // Everybody is kept out, EventBridge too.
    let mut denied: Value = serde_json::from_str(&allow).unwrap();
    denied["Statement"] = json!([denied["Statement"], {
        "Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn,
    }]);
    put(denied.to_string()).await;
    make_group(&admin, "three").await;
    assert_eq!(names(&events(&queue).await), Vec::<&str>::new());
    let rules = rig.sim.event_rules();
    let counts: Vec<_> = rules.iter().map(|it| (it.delivered, it.refused)).collect();
    assert_eq!(counts, [(0, 3), (1, 1)]);
}

#[tokio::test]
async fn a_call_is_told_of_whoever_made_it_though_they_are_gone() {
    let rig = Rig::in_memory(small());
    let admin = rig.admin();
    let user = admin.iam.create_user().user_name("emil").send();
    let emil = user.await.unwrap().user().unwrap().arn().to_owned();
    let may = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}"#;
    rig.sim.put_user_permissions(&emil, may).unwrap();
    let made = admin.iam.create_access_key().user_name("emil").send();
    let key = made.await.unwrap().access_key().unwrap().clone();
    let (id, secret) = (key.access_key_id(), key.secret_access_key());
    let queue = heard(&rig).await;
    // Somebody who knows the key's name and not its secret is not Emil.
    let astray = rig.clients(keyed(id, "wrong", None), true);
    let refused = astray.iam.delete_user().user_name("emil").send().await;
    assert_eq!(code(refused), "SignatureDoesNotMatch");
    let own = rig.clients(keyed(id, secret, None), true);
    let gone = own.iam.delete_access_key().access_key_id(id).send();
    gone.await.unwrap();
    let told = events(&queue).await;
    assert_eq!(names(&told), ["DeleteAccessKey"]);
    assert_eq!(told[0]["detail"]["userIdentity"]["arn"], *emil);
}

#[tokio::test]
async fn what_is_changed_about_a_person_is_hidden() {
    let rig = Rig::in_memory(small());
    let queue = heard(&rig).await;
    let admin = rig.admin();
    let operation = AttributeOperation::builder()
        .attribute_path("displayName")
        .attribute_value(Document::String("Somebody Else".to_owned()))
        .build()
        .unwrap();
    let changed = admin
        .store
        .update_user()
        .identity_store_id(&rig.facts.identity_store_id)
        .user_id(rig.ana())
        .operations(operation);
    changed.send().await.unwrap();
    let told = events(&queue).await;
    assert_eq!(
        told[0]["detail"]["requestParameters"],
        json!({
            "identityStoreId": rig.facts.identity_store_id,
            "userId": rig.ana(),
            "operations": [{
                "attributePath": "displayName",
                "attributeValue": "HIDDEN_DUE_TO_SECURITY_REASONS",
            }],
        })
    );
}

#[tokio::test]
async fn organizations_speaks_from_one_region_and_identity_center_from_its_own() {
    let rig = Rig::in_memory(small());
    let queue = heard(&rig).await;
    let admin = rig.admin();
    let roots = admin.organizations.list_roots().send().await.unwrap();
    let root = roots.roots()[0].id().unwrap().to_owned();
    let unit = admin.organizations.create_organizational_unit();
    unit.parent_id(root).name("new").send().await.unwrap();
    let set = admin.sso.create_permission_set().name("new");
    let set = set.instance_arn(&rig.facts.instance_arn).send();
    set.await.unwrap();
    let told = events(&queue).await;
    let regions: Vec<_> = told
        .iter()
        .map(|it| (text(it, "source"), text(it, "region")))
        .collect();
    assert_eq!(
        regions,
        [
            ("aws.organizations", "us-east-1"),
            ("aws.sso", "eu-central-1")
        ]
    );
    assert_eq!(told[0]["detail"]["awsRegion"], "us-east-1");
}

#[tokio::test]
async fn faults_meet_every_event_and_only_where_events_are_meant() {
    let rig = Rig::in_memory(small());
    let queue = heard(&rig).await;
    let admin = rig.admin();
    let faults = rig.sim.faults();
    // Every call is no event.
    faults.add(Fault::on("*"), Effect::Twice);
    make_group(&admin, "once").await;
    assert_eq!(names(&events(&queue).await), ["CreateGroup"]);
    // What the owner does, and a call that arrives late, are events like others.
    faults.clear();
    let lost = faults.add(Fault::on("events:*").first(2), Effect::LoseBefore);
    rig.sim.disable_user(&rig.ana()).unwrap();
    let micros = 5 * SECOND;
    faults.add(Fault::on("iam:CreateGroup"), Effect::ArriveLate { micros });
    make_group(&admin, "late").await;
    rig.clock.advance(micros);
    assert_eq!(names(&events(&queue).await), Vec::<&str>::new());
    assert_eq!(rig.sim.faults().hits(lost), 2);
    assert_eq!(rig.sim.event_rules()[0].lost, 2);
}

#[tokio::test]
async fn an_event_may_be_as_late_as_it_likes() {
    let rig = Rig::in_memory(small());
    let queue = heard(&rig).await;
    let admin = rig.admin();
    let micros = i64::MAX;
    let faults = rig.sim.faults();
    faults.add(
        Fault::on("events:Deliver").nth(1),
        Effect::ArriveLate { micros },
    );
    make_group(&admin, "one").await;
    rig.sim.knobs(|knobs| knobs.event_delay_micros = i64::MAX);
    make_group(&admin, "two").await;
    assert_eq!(names(&events(&queue).await), Vec::<&str>::new());
}

#[tokio::test]
async fn what_is_provisioned_is_told_without_who_it_is_about() {
    let rig = Rig::over_tcp(small()).await;
    let queue = heard(&rig).await;
    let (token, secret) = rig.sim.create_scim_token().unwrap();
    let tenant = &rig.facts.scim_tenant_id;
    let head = |token: &str| {
        format!(
            "POST /{tenant}/scim/v2/Users HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}",
            rig.address()
        )
    };
    let body = json!({
        "userName": "emil", "displayName": "Emil", "name": { "givenName": "Emil", "familyName": "Ek" },
    });
    send(rig.address(), &head(&secret), &body.to_string()).await;
    send(rig.address(), &head("nobodys"), &body.to_string()).await;
    let told = events(&queue).await;
    assert_eq!(names(&told), ["CreateUser"]);
    assert_eq!(told[0]["source"], "aws.identitystore-scim");
    let detail = &told[0]["detail"];
    assert_eq!(detail["eventSource"], "identitystore-scim.amazonaws.com");
    assert_eq!(detail["userIdentity"]["type"], "WebIdentityUser");
    assert_eq!(detail["userIdentity"]["accessKeyId"], token.id);
    assert_eq!(detail["requestParameters"]["tenantId"], **tenant);
    let hidden = "HIDDEN_DUE_TO_SECURITY_REASONS";
    assert_eq!(
        detail["requestParameters"]["httpBody"]["name"]["givenName"],
        hidden
    );
    assert!(detail["responseElements"]["id"].is_string());
    assert!(!told[0].to_string().contains("Emil"), "{}", told[0]);
}
