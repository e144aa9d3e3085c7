//! Queues, their policies, and the events of what is changed.

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::{Value, json};
use stint_aws_sim::{Effect, Fault, Keys, SimClock};
use tower::ServiceExt;

use crate::rig::{MINUTE, Rig, SECOND, small};
use crate::signing::signature;

/// Status, the older protocol's code, and the body of an answer.
type Answered = (u16, String, Value);

/// One signed call, as any client of SQS sends it.
async fn call(rig: &Rig, keys: &Keys, operation: &str, input: Value) -> Result<Value, Answered> {
    let body = input.to_string();
    let virtual_time = keys.arn != rig.facts.admin.arn;
    let at = if virtual_time {
        rig.clock.now_micros()
    } else {
        SimClock::wall_plus_offset().now_micros()
    };
    let at = jiff::Timestamp::from_microsecond(at).unwrap();
    let date = at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let scope = format!("{}/eu-central-1/sqs/aws4_request", &date[..8]);
    let target = format!("AmazonSQS.{operation}");
    let signed = [
        "host:aws.sim".to_owned(),
        format!("x-amz-date:{date}"),
        format!("x-amz-target:{target}"),
    ];
    let lines: Vec<&str> = signed.iter().map(String::as_str).collect();
    let signature = signature(
        &keys.secret_access_key,
        &date,
        &scope,
        &lines,
        body.as_bytes(),
    );
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host;x-amz-date;x-amz-target, Signature={signature}",
        keys.access_key_id
    );
    let request = Request::post("/")
        .header(header::HOST, "aws.sim")
        .header("x-amz-date", date)
        .header("x-amz-target", target)
        .header(header::CONTENT_TYPE, "application/x-amz-json-1.0")
        .header(header::AUTHORIZATION, authorization)
        .body(Body::from(body))
        .unwrap();
    let answer = rig.sim.router().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    assert_eq!(parts.headers["content-type"], "application/x-amz-json-1.0");
    if parts.status == 200 {
        return Ok(body);
    }
    let code = parts.headers["x-amzn-query-error"].to_str().unwrap();
    let (code, fault) = code.split_once(';').unwrap();
    assert_eq!(fault, "Sender");
    Err((parts.status.as_u16(), code.to_owned(), body))
}

/// The administrator's queues.
pub(crate) struct Owner<'a> {
    pub(crate) rig: &'a Rig,
    url: String,
}

impl<'a> Owner<'a> {
    pub(crate) async fn new(rig: &'a Rig, name: &str, attributes: Value) -> Owner<'a> {
        let input = json!({ "QueueName": name, "Attributes": attributes });
        let made = call(rig, &rig.facts.admin, "CreateQueue", input)
            .await
            .unwrap();
        Owner {
            rig,
            url: made["QueueUrl"].as_str().unwrap().to_owned(),
        }
    }

    pub(crate) async fn asks(&self, operation: &str, mut input: Value) -> Result<Value, Answered> {
        input["QueueUrl"] = json!(self.url);
        call(self.rig, &self.rig.facts.admin, operation, input).await
    }

    async fn send(&self, body: &str) -> String {
        let sent = self
            .asks("SendMessage", json!({ "MessageBody": body }))
            .await
            .unwrap();
        sent["MessageId"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn receive(&self, input: Value) -> Vec<Value> {
        let told = self.asks("ReceiveMessage", input).await.unwrap();
        told["Messages"].as_array().cloned().unwrap_or_default()
    }

    pub(crate) async fn attribute(&self, name: &str) -> String {
        let told = self
            .asks("GetQueueAttributes", json!({ "AttributeNames": [name] }))
            .await
            .unwrap();
        told["Attributes"][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name} in {value}"))
}

#[tokio::test]
async fn a_queue_is_made_found_and_gone_for_a_minute() {
    let rig = Rig::in_memory(small());
    let account = rig.facts.management_account.clone();
    let queue = Owner::new(&rig, "changes", json!({ "VisibilityTimeout": "5" })).await;
    assert_eq!(queue.url, format!("http://aws.sim/{account}/changes"));
    let arn = format!("arn:aws:sqs:eu-central-1:{account}:changes");
    assert_eq!(queue.attribute("QueueArn").await, arn);
    assert_eq!(queue.attribute("VisibilityTimeout").await, "5");
    assert_eq!(queue.attribute("MessageRetentionPeriod").await, "345600");
    let admin = &rig.facts.admin;
    // The same again is the same; with another attribute it is not.
    let same = json!({ "QueueName": "changes", "Attributes": { "VisibilityTimeout": "5" } });
    call(&rig, admin, "CreateQueue", same).await.unwrap();
    let other = json!({ "QueueName": "changes", "Attributes": { "VisibilityTimeout": "6" } });
    let (status, code, body) = call(&rig, admin, "CreateQueue", other).await.unwrap_err();
    assert_eq!((status, code.as_str()), (400, "QueueAlreadyExists"));
    assert_eq!(body["__type"], "com.amazonaws.sqs#QueueNameExists");
    for (input, expected) in [
        (json!({}), "MissingParameter"),
        (json!({ "QueueName": "no.dots" }), "InvalidParameterValue"),
        (
            json!({ "QueueName": "x", "Attributes": { "Nonsense": "1" } }),
            "InvalidAttributeName",
        ),
        (
            json!({ "QueueName": "x", "Attributes": { "VisibilityTimeout": "43201" } }),
            "InvalidAttributeValue",
        ),
        (
            json!({ "QueueName": "x", "Attributes": { "Policy": "{" } }),
            "InvalidAttributeValue",
        ),
    ] {
        let (status, code, _) = call(&rig, admin, "CreateQueue", input).await.unwrap_err();
        assert_eq!((status, code.as_str()), (400, expected));
    }
    let found = call(
        &rig,
        admin,
        "GetQueueUrl",
        json!({ "QueueName": "changes" }),
    )
    .await
    .unwrap();
    assert_eq!(found["QueueUrl"], queue.url);
    Owner::new(&rig, "changes-dead", json!({})).await;
    Owner::new(&rig, "other", json!({})).await;
    let page = json!({ "QueueNamePrefix": "changes", "MaxResults": 1 });
    let first = call(&rig, admin, "ListQueues", page).await.unwrap();
    assert_eq!(first["QueueUrls"], json!([queue.url]));
    let page =
        json!({ "QueueNamePrefix": "changes", "MaxResults": 1, "NextToken": first["NextToken"] });
    let second = call(&rig, admin, "ListQueues", page).await.unwrap();
    assert_eq!(
        second,
        json!({ "QueueUrls": [format!("{}-dead", queue.url)] })
    );
    queue.asks("DeleteQueue", json!({})).await.unwrap();
    let (status, code, body) = queue.asks("ReceiveMessage", json!({})).await.unwrap_err();
    assert_eq!(
        (status, code.as_str()),
        (400, "AWS.SimpleQueueService.NonExistentQueue")
    );
    assert_eq!(
        text(&body, "message"),
        "The specified queue does not exist."
    );
    let again = json!({ "QueueName": "changes" });
    let (_, code, _) = call(&rig, admin, "CreateQueue", again.clone())
        .await
        .unwrap_err();
    assert_eq!(code, "AWS.SimpleQueueService.QueueDeletedRecently");
    rig.clock.advance(60 * SECOND);
    call(&rig, admin, "CreateQueue", again).await.unwrap();
}

#[tokio::test]
async fn a_message_is_hidden_while_somebody_has_it() {
    let rig = Rig::in_memory(small());
    let queue = Owner::new(&rig, "changes", json!({})).await;
    let id = queue.send("one").await;
    queue.send("two").await;
    let got = queue
        .receive(json!({ "MessageSystemAttributeNames": ["All"] }))
        .await;
    assert_eq!(got.len(), 1, "one unless asked for more");
    assert_eq!(text(&got[0], "MessageId"), id);
    assert_eq!(
        text(&got[0], "MD5OfBody"),
        "f97c5d29941bfb1b2fdab0874906ab82"
    );
    assert_eq!(got[0]["Attributes"]["ApproximateReceiveCount"], "1");
    let old = text(&got[0], "ReceiptHandle").to_owned();
    let rest = queue.receive(json!({ "MaxNumberOfMessages": 10 })).await;
    assert_eq!(rest.len(), 1);
    assert_eq!(queue.receive(json!({})).await, Vec::<Value>::new());
    assert_eq!(
        queue
            .attribute("ApproximateNumberOfMessagesNotVisible")
            .await,
        "2"
    );
    // Thirty seconds by the clock, then again, under another handle.
    rig.clock.advance(29 * SECOND);
    assert!(queue.receive(json!({})).await.is_empty());
    rig.clock.advance(SECOND);
    let again = queue
        .receive(json!({ "AttributeNames": ["ApproximateReceiveCount"] }))
        .await;
    assert_eq!(text(&again[0], "MessageId"), id);
    assert_eq!(
        again[0]["Attributes"],
        json!({ "ApproximateReceiveCount": "2" })
    );
    // An older handle deletes nothing and says so to nobody.
    queue
        .asks("DeleteMessage", json!({ "ReceiptHandle": old }))
        .await
        .unwrap();
    rig.clock.advance(30 * SECOND);
    let got = queue.receive(json!({ "MaxNumberOfMessages": 10 })).await;
    assert_eq!(got.len(), 2);
    let handle = |body: &str| {
        let found = got.iter().find(|message| message["Body"] == body).unwrap();
        text(found, "ReceiptHandle").to_owned()
    };
    queue
        .asks("DeleteMessage", json!({ "ReceiptHandle": handle("one") }))
        .await
        .unwrap();
    let (_, code, _) = queue
        .asks("DeleteMessage", json!({ "ReceiptHandle": "x" }))
        .await
        .unwrap_err();
    assert_eq!(code, "ReceiptHandleIsInvalid");
    // Given back at once, then taken for two minutes.
    let give = json!({ "ReceiptHandle": handle("two"), "VisibilityTimeout": 0 });
    queue
        .asks("ChangeMessageVisibility", give.clone())
        .await
        .unwrap();
    let (_, code, _) = queue
        .asks("ChangeMessageVisibility", give)
        .await
        .unwrap_err();
    assert_eq!(code, "AWS.SimpleQueueService.MessageNotInflight");
    let got = queue.receive(json!({ "VisibilityTimeout": 120 })).await;
    assert_eq!(text(&got[0], "Body"), "two");
    rig.clock.advance(119 * SECOND);
    assert!(queue.receive(json!({})).await.is_empty());
    rig.clock.advance(SECOND);
    assert_eq!(queue.receive(json!({})).await.len(), 1);
    // After four days it is gone.
    rig.clock.advance(4 * 24 * 60 * MINUTE);
    assert!(queue.receive(json!({})).await.is_empty());
    assert_eq!(queue.attribute("ApproximateNumberOfMessages").await, "0");
    for input in [
        json!({ "MaxNumberOfMessages": 11 }),
        json!({ "WaitTimeSeconds": 21 }),
        json!({ "WaitTimeSeconds": i64::MAX }),
        json!({ "VisibilityTimeout": -1 }),
    ] {
        let (status, code, body) = queue.asks("ReceiveMessage", input).await.unwrap_err();
        assert_eq!((status, code.as_str()), (400, "InvalidParameterValue"));
        assert!(text(&body, "message").contains("Must be between"), "{body}");
    }
}

#[tokio::test]
async fn batches_say_what_became_of_each_entry() {
    let rig = Rig::in_memory(small());
    let queue = Owner::new(&rig, "changes", json!({ "MaximumMessageSize": "1024" })).await;
    let entry = |id: &str, body: &str| json!({ "Id": id, "MessageBody": body });
    let long = "x".repeat(1_025);
    let input = json!({ "Entries": [entry("a", "one"), entry("b", &long), entry("c", "two")] });
    let done = queue.asks("SendMessageBatch", input).await.unwrap();
    let ids: Vec<&str> = done["Successful"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| text(it, "Id"))
        .collect();
    assert_eq!(ids, ["a", "c"]);
    assert_eq!(done["Failed"][0]["Code"], "InvalidParameterValue");
    assert_eq!(done["Failed"][0]["SenderFault"], true);
    for (entries, expected) in [
        (json!([]), "EmptyBatchRequest"),
        (
            json!([entry("a", "x"), entry("a", "y")]),
            "BatchEntryIdsNotDistinct",
        ),
        (json!([entry("a b", "x")]), "InvalidBatchEntryId"),
        (
            (0..11).map(|n| entry(&n.to_string(), "x")).collect(),
            "TooManyEntriesInBatchRequest",
        ),
    ] {
        let wrong = queue
            .asks("SendMessageBatch", json!({ "Entries": entries }))
            .await
            .unwrap_err();
        assert_eq!(wrong.1, format!("AWS.SimpleQueueService.{expected}"));
    }
    let got = queue.receive(json!({ "MaxNumberOfMessages": 10 })).await;
    let handles: Vec<Value> = got
        .iter()
        .zip(["a", "b"])
        .map(|(message, id)| json!({ "Id": id, "ReceiptHandle": message["ReceiptHandle"] }))
        .chain([json!({ "Id": "c", "ReceiptHandle": "x" })])
        .collect();
    let done = queue
        .asks("DeleteMessageBatch", json!({ "Entries": handles }))
        .await
        .unwrap();
    assert_eq!(done["Successful"], json!([{ "Id": "a" }, { "Id": "b" }]));
    assert_eq!(done["Failed"][0]["Code"], "ReceiptHandleIsInvalid");
    rig.clock.advance(MINUTE);
    assert!(queue.receive(json!({})).await.is_empty());
    queue.send("left").await;
    queue.asks("PurgeQueue", json!({})).await.unwrap();
    assert!(queue.receive(json!({})).await.is_empty());
    let wrong = queue.asks("PurgeQueue", json!({})).await.unwrap_err();
    assert_eq!(wrong.1, "AWS.SimpleQueueService.PurgeQueueInProgress");
}

#[tokio::test]
async fn what_is_received_too_often_goes_to_the_dead_letters() {
    let rig = Rig::in_memory(small());
    let dead = Owner::new(&rig, "dead", json!({})).await;
    let target = dead.attribute("QueueArn").await;
    let redrive =
        |arn: &str| json!({ "deadLetterTargetArn": arn, "maxReceiveCount": 2 }).to_string();
    let queue = Owner::new(
        &rig,
        "changes",
        json!({ "RedrivePolicy": redrive(&target) }),
    )
    .await;
    let wrong = json!({ "Attributes": { "RedrivePolicy": redrive("arn:aws:sqs:eu-central-1:000000000000:no") } });
    assert_eq!(
        queue.asks("SetQueueAttributes", wrong).await.unwrap_err().1,
        "InvalidAttributeValue"
    );
    let id = queue.send("poison").await;
    for _ in 0..2 {
        assert_eq!(queue.receive(json!({})).await.len(), 1);
        rig.clock.advance(30 * SECOND);
    }
    assert!(queue.receive(json!({})).await.is_empty());
    let moved = dead
        .receive(json!({ "MessageSystemAttributeNames": ["DeadLetterQueueSourceArn"] }))
        .await;
    assert_eq!(text(&moved[0], "MessageId"), id);
    let from = &moved[0]["Attributes"]["DeadLetterQueueSourceArn"];
    assert_eq!(*from, queue.attribute("QueueArn").await);
    // Where there are no dead letters any more, what is received too often stays.
    dead.asks("DeleteQueue", json!({})).await.unwrap();
    let id = queue.send("poison").await;
    for _ in 0..4 {
        let got = queue.receive(json!({})).await;
        assert_eq!(text(&got[0], "MessageId"), id);
        rig.clock.advance(30 * SECOND);
    }
}

#[tokio::test]
async fn what_is_sent_can_be_held_back() {
    let rig = Rig::in_memory(small());
    let queue = Owner::new(&rig, "changes", json!({ "DelaySeconds": "60" })).await;
    let at_once = json!({ "MessageBody": "at once", "DelaySeconds": 0 });
    queue.asks("SendMessage", at_once).await.unwrap();
    queue.send("in a minute").await;
    let in_two = json!({ "MessageBody": "in two", "DelaySeconds": 120 });
    queue.asks("SendMessage", in_two).await.unwrap();
    let held = "ApproximateNumberOfMessagesDelayed";
    assert_eq!(queue.attribute(held).await, "2");
    let all = || async {
        let got = queue.receive(json!({ "MaxNumberOfMessages": 10, "VisibilityTimeout": 600 }));
        let got = got.await;
        let bodies = got.iter().map(|it| text(it, "Body").to_owned());
        bodies.collect::<Vec<_>>()
    };
    assert_eq!(all().await, ["at once"]);
    rig.clock.advance(59 * SECOND);
    assert_eq!(all().await, Vec::<String>::new());
    rig.clock.advance(SECOND);
    assert_eq!(all().await, ["in a minute"]);
    rig.clock.advance(MINUTE);
    assert_eq!(all().await, ["in two"]);
    let wrong = json!({ "MessageBody": "x", "DelaySeconds": 901 });
    let (_, code, _) = queue.asks("SendMessage", wrong).await.unwrap_err();
    assert_eq!(code, "InvalidParameterValue");
}

#[tokio::test]
async fn a_mebibyte_is_the_limit_alone_and_together() {
    let rig = Rig::in_memory(small());
    let queue = Owner::new(&rig, "changes", json!({})).await;
    let longest = "x".repeat(1 << 20);
    queue.send(&longest).await;
    let longer = json!({ "MessageBody": format!("{longest}x") });
    let (status, code, _) = queue.asks("SendMessage", longer).await.unwrap_err();
    assert_eq!((status, code.as_str()), (400, "InvalidParameterValue"));
    let half = &longest[..1 << 19];
    let batch = |second: &str| {
        json!({ "Entries": [
            { "Id": "a", "MessageBody": half },
            { "Id": "b", "MessageBody": second },
        ] })
    };
    let done = queue.asks("SendMessageBatch", batch(half)).await.unwrap();
    assert_eq!(done["Failed"], json!([]));
    let more = batch(&format!("{half}x"));
    let (status, code, _) = queue.asks("SendMessageBatch", more).await.unwrap_err();
    assert_eq!(
        (status, code.as_str()),
        (400, "AWS.SimpleQueueService.BatchRequestTooLong")
    );
}

#[tokio::test]
async fn handles_are_known_for_as_long_as_messages_last() {
    let rig = Rig::in_memory(small());
    let queue = Owner::new(&rig, "changes", json!({ "MessageRetentionPeriod": "60" })).await;
    queue.send("one").await;
    let got = queue.receive(json!({})).await;
    let gone = json!({ "ReceiptHandle": text(&got[0], "ReceiptHandle") });
    for _ in 0..2 {
        queue.asks("DeleteMessage", gone.clone()).await.unwrap();
    }
    rig.clock.advance(MINUTE);
    let (_, code, _) = queue.asks("DeleteMessage", gone).await.unwrap_err();
    assert_eq!(code, "ReceiptHandleIsInvalid");
}

#[tokio::test]
async fn a_queue_is_its_accounts_whatever_its_policy_gives_away() {
    let rig = Rig::in_memory(small());
    let queue = Owner::new(&rig, "changes", json!({})).await;
    let arn = queue.attribute("QueueArn").await;
    let (host, own) = (&rig.facts.host, &rig.facts.connector_user);
    let everything = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "AWS": [host.arn, own.arn] }, "Action": "sqs:*", "Resource": arn,
    }});
    let policy = json!({ "Attributes": { "Policy": everything.to_string() } });
    queue.asks("SetQueueAttributes", policy).await.unwrap();
    let may = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "sqs:*", "Resource": "*",
    }});
    rig.sim
        .put_user_permissions(&host.arn, &may.to_string())
        .unwrap();
    let sent = json!({ "QueueUrl": queue.url, "MessageBody": "x" });
    call(&rig, host, "SendMessage", sent).await.unwrap();
    let brief = json!({ "QueueUrl": queue.url, "Attributes": { "MessageRetentionPeriod": "60" } });
    let gone = json!({ "QueueUrl": queue.url });
    for (operation, input) in [("SetQueueAttributes", &brief), ("DeleteQueue", &gone)] {
        let refused = call(&rig, host, operation, input.clone()).await;
        let (status, code, _) = refused.unwrap_err();
        assert_eq!(
            (status, code.as_str()),
            (403, "AccessDenied"),
            "{operation}"
        );
    }
    // A refusal from a script reads like one of AWS's.
    let fault = Fault::on("sqs:DeleteQueue");
    let refuse = Effect::refuse("AccessDeniedException");
    let scripted = rig.sim.faults().add(fault, refuse);
    let refused = call(&rig, own, "DeleteQueue", gone.clone()).await;
    let (status, code, _) = refused.unwrap_err();
    assert_eq!((status, code.as_str()), (403, "AccessDenied"));
    rig.sim.faults().remove(scripted);
    // Its own account's user may both, by the queue's policy alone.
    call(&rig, own, "SetQueueAttributes", brief).await.unwrap();
    call(&rig, own, "DeleteQueue", gone).await.unwrap();
}

#[tokio::test]
async fn the_queues_own_policy_lets_in_and_keeps_out() {
    let rig = Rig::in_memory(small());
    let queue = Owner::new(&rig, "changes", json!({})).await;
    let arn = queue.attribute("QueueArn").await;
    let host = &rig.facts.host;
    let theirs = json!({ "QueueUrl": queue.url, "MessageBody": "x" });
    // From another account: both must allow it.
    let (status, code, body) = call(&rig, host, "SendMessage", theirs.clone())
        .await
        .unwrap_err();
    assert_eq!((status, code.as_str()), (403, "AccessDenied"));
    assert_eq!(
        body["__type"],
        "com.amazon.coral.service#AccessDeniedException"
    );
    let words = text(&body, "message");
    let expected = format!(
        "User: {} is not authorized to perform: sqs:sendmessage on resource: {arn} ",
        host.arn
    );
    assert!(words.starts_with(&expected), "{words}");
    let allow = |who: &str| {
        json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": { "AWS": who }, "Action": "sqs:SendMessage", "Resource": arn,
        }})
        .to_string()
    };
    let put = |policy: String| {
        queue.asks(
            "SetQueueAttributes",
            json!({ "Attributes": { "Policy": policy } }),
        )
    };
    put(allow(&host.arn)).await.unwrap();
    let denied = call(&rig, host, "SendMessage", theirs.clone()).await;
    assert_eq!(denied.unwrap_err().1, "AccessDenied");
    let may = |action: &str, arn: &str| {
        json!({"Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": action, "Resource": arn }}).to_string()
    };
    rig.sim
        .put_user_permissions(&host.arn, &may("sqs:SendMessage", &arn))
        .unwrap();
    call(&rig, host, "SendMessage", theirs.clone())
        .await
        .unwrap();
    let read = json!({ "QueueUrl": queue.url });
    let denied = call(&rig, host, "ReceiveMessage", read.clone()).await;
    assert_eq!(denied.unwrap_err().1, "AccessDenied");
    // In its own account one of both is enough: the queue's, for a user whom nothing else allows it.
    let own = &rig.facts.connector_user;
    let denied = call(&rig, own, "SendMessage", theirs.clone()).await;
    assert_eq!(denied.unwrap_err().1, "AccessDenied");
    put(allow(&own.arn)).await.unwrap();
    call(&rig, own, "SendMessage", theirs.clone())
        .await
        .unwrap();
    // A deny counts against everybody, the administrator too.
    let deny = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn,
    }});
    put(deny.to_string()).await.unwrap();
    let (_, code, body) = queue
        .asks("SendMessage", json!({ "MessageBody": "x" }))
        .await
        .unwrap_err();
    assert_eq!(code, "AccessDenied");
    assert!(
        text(&body, "message").contains("with an explicit deny in a resource-based policy"),
        "{body}"
    );
    put(String::new()).await.unwrap();
    queue.send("x").await;
    assert_eq!(queue.attribute("Policy").await, "");
    // Resources of identity policies are looked at.
    rig.sim
        .put_user_permissions(&own.arn, &may("sqs:*", "arn:aws:sqs:*:*:other"))
        .unwrap();
    let denied = call(&rig, own, "ReceiveMessage", read.clone()).await;
    assert_eq!(denied.unwrap_err().1, "AccessDenied");
    rig.sim
        .put_user_permissions(&own.arn, &may("sqs:*", "arn:aws:sqs:*:*:chang*"))
        .unwrap();
    call(&rig, own, "ReceiveMessage", read).await.unwrap();
    // Keys are looked at as elsewhere, with the codes of the older protocol.
    let mut wrong = rig.facts.admin.clone();
    wrong.secret_access_key.push('x');
    let (status, code, _) = call(&rig, &wrong, "ListQueues", json!({}))
        .await
        .unwrap_err();
    assert_eq!((status, code.as_str()), (403, "SignatureDoesNotMatch"));
    wrong.access_key_id.push('X');
    let (status, code, _) = call(&rig, &wrong, "ListQueues", json!({}))
        .await
        .unwrap_err();
    assert_eq!((status, code.as_str()), (403, "InvalidClientTokenId"));
}

/// What EventBridge needs to send to this queue.
pub(crate) fn lets_events_in(arn: &str, account: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" },
        "Action": "sqs:SendMessage", "Resource": arn,
        "Condition": { "ArnEquals": { "aws:SourceArn": format!("arn:aws:events:eu-central-1:{account}:rule/stint") } },
    }})
    .to_string()
}

#[tokio::test]
async fn changes_arrive_as_events_where_the_queue_lets_them_in() {
    let rig = Rig::in_memory(small());
    let account = rig.facts.management_account.clone();
    let queue = Owner::new(&rig, "changes", json!({})).await;
    let arn = queue.attribute("QueueArn").await;
    rig.sim
        .put_event_rule("stint", &arn, &["aws.iam", "aws.sso-directory"])
        .unwrap();
    let admin = rig.admin();
    let make = |name: &'static str| admin.iam.create_user().user_name(name).send();
    make("refused").await.unwrap();
    rig.clock.advance(MINUTE);
    assert!(queue.receive(json!({})).await.is_empty());
    assert_eq!(rig.sim.event_rules()[0].refused, 1);
    let policy = json!({ "Attributes": { "Policy": lets_events_in(&arn, &account) } });
    queue.asks("SetQueueAttributes", policy).await.unwrap();
    make("emil").await.unwrap();
    make("emil").await.unwrap_err();
    admin
        .iam
        .tag_user()
        .user_name("emil")
        .tags(tag("team", "a"))
        .send()
        .await
        .unwrap();
    admin.iam.list_users().send().await.unwrap();
    admin.sso.list_instances().send().await.unwrap();
    // Another source is another rule's.
    let set = admin
        .sso
        .create_permission_set()
        .name("x")
        .instance_arn(&rig.facts.instance_arn);
    set.send().await.unwrap();
    rig.sim.disable_user(&rig.ana()).unwrap();
    rig.clock.advance(59 * SECOND);
    assert!(queue.receive(json!({})).await.is_empty(), "not yet");
    rig.clock.advance(SECOND);
    let got = queue.receive(json!({ "MaxNumberOfMessages": 10 })).await;
    let events: Vec<Value> = got
        .iter()
        .map(|it| serde_json::from_str(text(it, "Body")).unwrap())
        .collect();
    let names: Vec<&str> = events
        .iter()
        .map(|it| text(&it["detail"], "eventName"))
        .collect();
    assert_eq!(
        names,
        ["CreateUser", "CreateUser", "TagUser", "DisableUser"]
    );
    let first = &events[0];
    assert_eq!(first["source"], "aws.iam");
    assert_eq!(first["detail-type"], "AWS API Call via CloudTrail");
    assert_eq!(first["region"], "us-east-1");
    assert_eq!(first["account"], *account);
    assert_eq!(first["time"], "2026-01-02T03:05:05Z");
    let detail = &first["detail"];
    assert_eq!(detail["eventSource"], "iam.amazonaws.com");
    assert_eq!(detail["requestParameters"], json!({ "userName": "emil" }));
    assert_eq!(detail["userIdentity"]["arn"], rig.facts.admin.arn);
    assert_eq!(detail.get("errorCode"), None);
    assert_eq!(events[1]["detail"]["errorCode"], "EntityAlreadyExists");
    assert_ne!(events[1]["detail"]["eventID"], detail["eventID"]);
    let tagged = &events[2]["detail"]["requestParameters"];
    assert_eq!(tagged["tags"], json!([{ "key": "team", "value": "a" }]));
    assert_eq!(events[3]["source"], "aws.sso-directory");
    assert_eq!(
        events[3]["detail"]["requestParameters"]["userId"],
        *rig.ana()
    );
}

fn tag(key: &str, value: &str) -> aws_sdk_iam::types::Tag {
    aws_sdk_iam::types::Tag::builder()
        .key(key)
        .value(value)
        .build()
        .unwrap()
}

#[tokio::test]
async fn events_come_twice_late_or_not_at_all() {
    let rig = Rig::in_memory(small());
    let account = rig.facts.management_account.clone();
    let queue = Owner::new(&rig, "changes", json!({})).await;
    let arn = queue.attribute("QueueArn").await;
    let policy = json!({ "Attributes": { "Policy": lets_events_in(&arn, &account) } });
    queue.asks("SetQueueAttributes", policy).await.unwrap();
    rig.sim.put_event_rule("stint", &arn, &[]).unwrap();
    let named = |name: &'static str| {
        Fault::on("events:Deliver")
            .when(move |seen| seen.input["detail"]["requestParameters"]["groupName"] == name)
    };
    let faults = rig.sim.faults();
    faults.add(named("lost"), Effect::LoseBefore);
    faults.add(
        named("late"),
        Effect::ArriveLate {
            micros: 10 * MINUTE,
        },
    );
    faults.add(named("twice"), Effect::Twice);
    let admin = rig.admin();
    for name in ["late", "lost", "twice", "last"] {
        admin
            .iam
            .create_group()
            .group_name(name)
            .send()
            .await
            .unwrap();
    }
    let store = &rig.facts.identity_store_id;
    let person = admin
        .store
        .create_user()
        .identity_store_id(store)
        .user_name("new.comer")
        .display_name("New Comer");
    let name = aws_sdk_identitystore::types::Name::builder()
        .given_name("New")
        .family_name("Comer")
        .build();
    person.name(name).send().await.unwrap();
    let read = |got: Vec<Value>| -> Vec<Value> {
        got.iter()
            .map(|it| serde_json::from_str(text(it, "Body")).unwrap())
            .collect()
    };
    rig.clock.advance(MINUTE);
    let events = read(queue.receive(json!({ "MaxNumberOfMessages": 10 })).await);
    let names: Vec<&Value> = events
        .iter()
        .map(|it| &it["detail"]["requestParameters"]["groupName"])
        .collect();
    assert_eq!(
        names,
        [
            &json!("twice"),
            &json!("twice"),
            &json!("last"),
            &Value::Null
        ]
    );
    assert_eq!(
        events[0]["detail"]["eventID"],
        events[1]["detail"]["eventID"]
    );
    // What identifies a person stays, what describes them is hidden.
    let person = &events[3]["detail"]["requestParameters"];
    assert_eq!(person["identityStoreId"], *store);
    assert_eq!(person["userName"], "HIDDEN_DUE_TO_SECURITY_REASONS");
    rig.clock.advance(10 * MINUTE);
    let events = read(queue.receive(json!({ "MaxNumberOfMessages": 10 })).await);
    assert!(
        events
            .iter()
            .any(|it| it["detail"]["requestParameters"]["groupName"] == "late")
    );
    let rule = &rig.sim.event_rules()[0];
    assert_eq!((rule.delivered, rule.lost, rule.refused), (5, 1, 0));
}

/// What it gives within so much real time, which is less than anybody would wait for.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    let limit = std::time::Duration::from_secs(10);
    tokio::time::timeout(limit, what).await.expect("at once")
}

/// With a clock that goes on by itself.
fn running() -> Rig {
    let clock = SimClock::wall_plus_offset();
    let options = stint_aws_sim::SimOptions::new(small(), clock.clone());
    Rig::of(stint_aws_sim::Sim::new(options).unwrap(), clock)
}

#[tokio::test]
async fn receiving_waits_for_what_comes_while_time_goes_on() {
    let rig = running();
    let queue = Owner::new(&rig, "changes", json!({})).await;
    let waiting = queue.receive(json!({ "WaitTimeSeconds": 20 }));
    let sending = async {
        // After the other has looked: it yields while it waits.
        tokio::task::yield_now().await;
        queue.send("at last").await;
    };
    let (got, ()) = tokio::join!(waiting, sending);
    assert_eq!(text(&got[0], "Body"), "at last");
    // And no longer than it was told, by the simulator's clock.
    let waiting = queue.receive(json!({ "WaitTimeSeconds": 20 }));
    let moving = async { rig.clock.advance(21 * SECOND) };
    let (got, ()) = soon(async { tokio::join!(waiting, moving) }).await;
    assert!(got.is_empty());
    assert_eq!(
        rig.calls_of("sqs:ReceiveMessage"),
        2,
        "one line for each, however long it took"
    );
    // Not at all unless it is told so, by the call or by the queue.
    assert!(soon(queue.receive(json!({}))).await.is_empty());
    let patient = json!({ "Attributes": { "ReceiveMessageWaitTimeSeconds": "20" } });
    queue.asks("SetQueueAttributes", patient).await.unwrap();
    let waiting = queue.receive(json!({}));
    let sending = async {
        tokio::task::yield_now().await;
        queue.send("by itself").await;
    };
    let (got, ()) = tokio::join!(waiting, sending);
    assert_eq!(text(&got[0], "Body"), "by itself");
}

#[tokio::test]
async fn nobody_waits_for_a_clock_that_stands_still_or_is_set_back() {
    let rig = Rig::in_memory(small());
    let queue = Owner::new(&rig, "changes", json!({})).await;
    let patient = || json!({ "WaitTimeSeconds": 20 });
    assert!(soon(queue.receive(patient())).await.is_empty());
    let rig = running();
    let queue = Owner::new(&rig, "changes", json!({})).await;
    let waiting = queue.receive(patient());
    let moving = async { rig.clock.advance(-24 * 60 * MINUTE) };
    let (got, ()) = soon(async { tokio::join!(waiting, moving) }).await;
    assert!(got.is_empty());
}

#[tokio::test]
async fn who_waits_was_known_when_they_came() {
    let rig = running();
    let queue = Owner::new(&rig, "changes", json!({})).await;
    let own = &rig.facts.connector_user;
    let may = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "sqs:*", "Resource": "*",
    }});
    rig.sim
        .put_user_permissions(&own.arn, &may.to_string())
        .unwrap();
    let input = json!({ "QueueUrl": queue.url, "WaitTimeSeconds": 20 });
    let waiting = call(&rig, own, "ReceiveMessage", input);
    // By now the signature would be too old.
    let moving = async { rig.clock.advance(16 * MINUTE) };
    let (got, ()) = soon(async { tokio::join!(waiting, moving) }).await;
    assert_eq!(got.unwrap(), json!({}));
}
