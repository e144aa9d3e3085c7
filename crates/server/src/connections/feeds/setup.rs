//! What brings change events into the queue, as code: a queue with a dead-letter queue, the rule
//! that fills it, and what sends on the events of IAM and Organizations from the region where they
//! come (AWS reference §1.8).
//!
//! Names are fixed, so that the documents in both forms are the same and can be read before they are
//! made.
//!
//! What it does not do: make a trail. CloudTrail tells EventBridge of changes only where a trail
//! writes management events.

use serde_json::{Value, json};
use stint_aws::{Queue, global_region, partition_of};

/// What the queue is called unless there is one.
const NAME: &str = "stint-changes";
/// How long messages wait to be read, in seconds: as long as Stint may be away without losing any.
const KEPT: u32 = 4 * 24 * 60 * 60;
/// How long what could not be read is kept, in seconds: the longest there is.
const DEAD: u32 = 14 * 24 * 60 * 60;
/// How often a message is given before it is put aside.
const TRIES: u32 = 20;

/// What is to be made, and its documents.
#[derive(Debug, Clone, PartialEq)]
pub struct EventsSetup {
    /// The URL the queue will have.
    pub queue_url: String,
    /// Where the queue and the rule are.
    pub region: String,
    /// Where IAM and Organizations tell of changes, if elsewhere.
    pub global_region: Option<String>,
    /// Lets the rule put events into the queue.
    pub queue_policy: Value,
    /// Which events.
    pub pattern: Value,
    /// Which of them are sent on from the other region.
    pub forwarded: Option<Value>,
    names: Names,
}

#[derive(Debug, Clone, PartialEq)]
struct Names {
    queue: String,
    bus_arn: String,
    trust: Value,
    forwards: Value,
}

/// What has to be there for a connection's change events.
pub(super) fn of(region: &str, account: &str, queue: Option<&Queue>) -> EventsSetup {
    let region = region.to_owned();
    let partition = partition_of(&region);
    let name = queue.map_or(NAME, Queue::name).to_owned();
    let suffix = if partition == "aws-cn" {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    let queue_arn = format!("arn:{partition}:sqs:{region}:{account}:{name}");
    let rule = |region: &str| format!("arn:{partition}:events:{region}:{account}:rule/{name}");
    let global = Some(global_region(&region)).filter(|global| *global != region);
    let bus_arn = format!("arn:{partition}:events:{region}:{account}:event-bus/default");
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "EventBridgeSendsOn",
            "Effect": "Allow",
            "Principal": { "Service": "events.amazonaws.com" },
            "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": {
                "aws:SourceAccount": account,
                "aws:SourceArn": rule(global.unwrap_or(&region)),
            } },
        }],
    });
    let forwards = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "ToTheRegionOfIdentityCenter",
            "Effect": "Allow",
            "Action": "events:PutEvents",
            "Resource": bus_arn,
        }],
    });
    EventsSetup {
        queue_url: queue.map_or_else(
            || format!("https://sqs.{region}.{suffix}/{account}/{name}"),
            |queue| queue.url().to_owned(),
        ),
        queue_policy: json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "ChangeEvents",
                "Effect": "Allow",
                "Principal": { "Service": "events.amazonaws.com" },
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": { "ArnEquals": { "aws:SourceArn": rule(&region) } },
            }],
        }),
        pattern: pattern(&[
            "aws.sso",
            "aws.sso-directory",
            "aws.identitystore",
            "aws.identitystore-scim",
            "aws.iam",
            "aws.organizations",
        ]),
        forwarded: global.map(|_| pattern(&["aws.iam", "aws.organizations"])),
        global_region: global.map(str::to_owned),
        region,
        names: Names {
            queue: name,
            bus_arn,
            trust,
            forwards,
        },
    }
}

/// Events of these that may have changed something: calls that were refused are left out.
fn pattern(sources: &[&str]) -> Value {
    json!({ "source": sources, "detail": { "errorCode": [{ "exists": false }] } })
}

/// As Terraform takes it (HCL), for the provider `hashicorp/aws`.
pub fn events_terraform(of: &EventsSetup) -> String {
    let Names {
        queue,
        bus_arn,
        trust,
        forwards,
        ..
    } = &of.names;
    let mut text = format!(
        "# What brings change events to Stint. CloudTrail needs a trail with write management events here.\n\n\
         provider \"aws\" {{\n  alias  = \"stint_home\"\n  region = \"{region}\"\n}}\n\n\
         resource \"aws_sqs_queue\" \"stint_changes_dead\" {{\n  provider                  = aws.stint_home\n  name                      = \"{queue}-dead\"\n  message_retention_seconds = {DEAD}\n  sqs_managed_sse_enabled   = true\n}}\n\n\
         resource \"aws_sqs_queue\" \"stint_changes\" {{\n  provider                  = aws.stint_home\n  name                      = \"{queue}\"\n  message_retention_seconds = {KEPT}\n  sqs_managed_sse_enabled   = true\n  redrive_policy = jsonencode({{\n    deadLetterTargetArn = aws_sqs_queue.stint_changes_dead.arn\n    maxReceiveCount     = {TRIES}\n  }})\n}}\n\n\
         resource \"aws_sqs_queue_policy\" \"stint_changes\" {{\n  provider  = aws.stint_home\n  queue_url = aws_sqs_queue.stint_changes.id\n  policy    = {policy}}}\n\n\
         resource \"aws_cloudwatch_event_rule\" \"stint_changes\" {{\n  provider      = aws.stint_home\n  name          = \"{queue}\"\n  event_pattern = {pattern}}}\n\n\
         resource \"aws_cloudwatch_event_target\" \"stint_changes\" {{\n  provider = aws.stint_home\n  rule     = aws_cloudwatch_event_rule.stint_changes.name\n  arn      = aws_sqs_queue.stint_changes.arn\n}}\n",
        region = of.region,
        policy = heredoc(&of.queue_policy),
        pattern = heredoc(&of.pattern),
    );
    if let (Some(global), Some(forwarded)) = (&of.global_region, &of.forwarded) {
        text.push_str(&format!(
            "\n# IAM and Organizations tell of changes in {global} only: from there they are sent on.\n\
             provider \"aws\" {{\n  alias  = \"stint_global\"\n  region = \"{global}\"\n}}\n\n\
             resource \"aws_iam_role\" \"stint_changes_forward\" {{\n  provider           = aws.stint_global\n  name               = \"{queue}-forward\"\n  assume_role_policy = {trust}}}\n\n\
             resource \"aws_iam_role_policy\" \"stint_changes_forward\" {{\n  provider = aws.stint_global\n  name     = \"{queue}-forward\"\n  role     = aws_iam_role.stint_changes_forward.name\n  policy   = {forwards}}}\n\n\
             resource \"aws_cloudwatch_event_rule\" \"stint_changes_forward\" {{\n  provider      = aws.stint_global\n  name          = \"{queue}\"\n  event_pattern = {forwarded}}}\n\n\
             resource \"aws_cloudwatch_event_target\" \"stint_changes_forward\" {{\n  provider = aws.stint_global\n  rule     = aws_cloudwatch_event_rule.stint_changes_forward.name\n  arn      = \"{bus_arn}\"\n  role_arn = aws_iam_role.stint_changes_forward.arn\n}}\n",
            trust = heredoc(trust),
            forwards = heredoc(forwards),
            forwarded = heredoc(forwarded),
        ));
    }
    text.push_str(
        "\noutput \"queue_url\" {\n  description = \"The queue URL of the connection.\"\n  value       = aws_sqs_queue.stint_changes.url\n}\n",
    );
    text
}

/// A document as it is, to the end of its own line.
fn heredoc(document: &Value) -> String {
    let json = serde_json::to_string_pretty(document).unwrap_or_default();
    format!("<<JSON\n{json}\nJSON\n")
}

/// As CloudFormation takes it: one template, for a stack in each of the two regions where they
/// differ; each makes what belongs there.
pub fn events_cloudformation(of: &EventsSetup) -> String {
    let Names {
        queue,
        bus_arn,
        trust,
        forwards,
    } = &of.names;
    let mut resources = json!({
        "DeadLetters": { "Type": "AWS::SQS::Queue", "Properties": {
            "QueueName": format!("{queue}-dead"), "MessageRetentionPeriod": DEAD, "SqsManagedSseEnabled": true,
        } },
        "Changes": { "Type": "AWS::SQS::Queue", "Properties": {
            "QueueName": queue, "MessageRetentionPeriod": KEPT, "SqsManagedSseEnabled": true,
            "RedrivePolicy": { "deadLetterTargetArn": { "Fn::GetAtt": ["DeadLetters", "Arn"] }, "maxReceiveCount": TRIES },
        } },
        "ChangesPolicy": { "Type": "AWS::SQS::QueuePolicy", "Properties": {
            "Queues": [{ "Ref": "Changes" }], "PolicyDocument": of.queue_policy,
        } },
        "Rule": { "Type": "AWS::Events::Rule", "Properties": {
            "Name": queue, "EventPattern": of.pattern, "State": "ENABLED",
            "Targets": [{ "Id": "queue", "Arn": { "Fn::GetAtt": ["Changes", "Arn"] } }],
        } },
    });
    let mut template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "What brings change events to Stint. CloudTrail needs a trail with write management events.",
    });
    let mut outputs = json!({
        "QueueUrl": { "Description": "The queue URL of the connection.", "Value": { "Ref": "Changes" } },
    });
    if let (Some(global), Some(forwarded)) = (&of.global_region, &of.forwarded) {
        let home = |parts: &mut Value| {
            for part in parts
                .as_object_mut()
                .into_iter()
                .flat_map(|all| all.values_mut())
            {
                if let Some(part) = part.as_object_mut() {
                    part.insert("Condition".to_owned(), json!("InHomeRegion"));
                }
            }
        };
        home(&mut resources);
        home(&mut outputs);
        let more = json!({
            "ForwardRole": { "Type": "AWS::IAM::Role", "Condition": "InGlobalRegion", "Properties": {
                "RoleName": format!("{queue}-forward"), "AssumeRolePolicyDocument": trust,
                "Policies": [{ "PolicyName": format!("{queue}-forward"), "PolicyDocument": forwards }],
            } },
            "ForwardRule": { "Type": "AWS::Events::Rule", "Condition": "InGlobalRegion", "Properties": {
                "Name": queue, "EventPattern": forwarded, "State": "ENABLED",
                "Targets": [{ "Id": "home", "Arn": bus_arn, "RoleArn": { "Fn::GetAtt": ["ForwardRole", "Arn"] } }],
            } },
        });
        if let (Some(all), Value::Object(more)) = (resources.as_object_mut(), more) {
            all.extend(more);
        }
        let is = |region: &str| json!({ "Fn::Equals": [{ "Ref": "AWS::Region" }, region] });
        if let Some(parts) = template.as_object_mut() {
            let about = format!(
                "What brings change events to Stint: make a stack of it in {} and one in {global}. CloudTrail needs a trail with write management events in both. A name is fixed: acknowledge CAPABILITY_NAMED_IAM.",
                of.region
            );
            parts.insert("Description".to_owned(), json!(about));
            let conditions =
                json!({ "InHomeRegion": is(&of.region), "InGlobalRegion": is(global) });
            parts.insert("Conditions".to_owned(), conditions);
        }
    }
    if let Some(parts) = template.as_object_mut() {
        parts.insert("Resources".to_owned(), resources);
        parts.insert("Outputs".to_owned(), outputs);
    }
    serde_json::to_string_pretty(&template).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The setup of an account in a region, without a database.
    fn at(region: &str) -> EventsSetup {
        let queue = format!("https://sqs.{region}.amazonaws.com/111122223333/stint-changes");
        let queue = Queue::parse(&queue).expect("a queue");
        of(region, "111122223333", Some(&queue))
    }

    fn heredocs(text: &str) -> Vec<Value> {
        text.split("<<JSON\n")
            .skip(1)
            .filter_map(|rest| rest.split("\nJSON\n").next())
            .map(|json| serde_json::from_str(json).expect("JSON"))
            .collect()
    }

    /// Every document in the template, however deep.
    fn documents(value: &Value, found: &mut Vec<Value>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| documents(item, found)),
            Value::Object(fields) => {
                for (key, value) in fields {
                    match key.as_str() {
                        "AssumeRolePolicyDocument" | "PolicyDocument" | "EventPattern" => {
                            found.push(value.clone())
                        }
                        _ => documents(value, found),
                    }
                }
            }
            _ => {}
        }
    }

    fn sorted(mut all: Vec<Value>) -> Vec<String> {
        all.sort_by_key(Value::to_string);
        all.into_iter().map(|it| it.to_string()).collect()
    }

    #[test]
    fn both_forms_hold_the_same_documents() {
        for region in ["eu-central-1", "us-east-1"] {
            let setup = at(region);
            let hcl = events_terraform(&setup);
            assert!(!hcl.contains("${") && !hcl.contains("%{"), "{hcl}");
            let template: Value =
                serde_json::from_str(&events_cloudformation(&setup)).expect("JSON");
            let mut found = Vec::new();
            documents(&template, &mut found);
            assert_eq!(sorted(heredocs(&hcl)), sorted(found), "{region}");
        }
    }

    #[test]
    fn iam_is_sent_on_only_where_it_tells_of_changes_elsewhere() {
        let there = at("us-east-1");
        assert_eq!(there.global_region, None);
        assert!(!events_terraform(&there).contains("stint_global"));
        assert!(!events_cloudformation(&there).contains("InHomeRegion"));
        let away = at("eu-central-1");
        assert_eq!(away.global_region.as_deref(), Some("us-east-1"));
        assert!(events_terraform(&away).contains("region = \"us-east-1\""));
    }

    #[test]
    fn only_the_rule_may_send() {
        let policy = at("eu-central-1").queue_policy;
        let statement = &policy["Statement"][0];
        assert_eq!(statement["Principal"]["Service"], "events.amazonaws.com");
        assert_eq!(
            statement["Condition"]["ArnEquals"]["aws:SourceArn"],
            "arn:aws:events:eu-central-1:111122223333:rule/stint-changes"
        );
        assert_eq!(
            statement["Resource"],
            "arn:aws:sqs:eu-central-1:111122223333:stint-changes"
        );
    }
}
