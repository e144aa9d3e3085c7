"""boto3, on queues, their policies, and the events of what is changed."""

import json
import time

from checks_boto3 import admin, client, refused
from estate import equal

CLIENT = "boto3"
CHECKS = []


def check(name):
    def add(function):
        CHECKS.append((name, function))
        return function

    return add


def attribute(api, url, name):
    return api.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]


@check("a queue from making to deleting, and what is sent to it")
def life(estate):
    api = admin(estate, "sqs")
    url = api.create_queue(QueueName="life", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    equal(api.get_queue_url(QueueName="life")["QueueUrl"], url)
    equal(api.list_queues(QueueNamePrefix="li")["QueueUrls"], [url])
    listed = api.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 1})
    equal([one for page in listed for one in page["QueueUrls"]], [url])
    sent = api.send_message(
        QueueUrl=url,
        MessageBody="one",
        MessageAttributes={"k": {"DataType": "String", "StringValue": "v"}},
    )
    equal(sent["MD5OfMessageBody"], "f97c5d29941bfb1b2fdab0874906ab82")
    batch = api.send_message_batch(
        QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(3)]
    )
    equal([row["Id"] for row in batch["Successful"]], ["0", "1", "2"])
    got = api.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    )["Messages"]
    equal([row["Body"] for row in got], ["one", "0", "1", "2"])
    equal(got[0]["MessageAttributes"]["k"]["StringValue"], "v")
    equal(got[0]["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"])
    equal("Messages" in api.receive_message(QueueUrl=url), False)
    api.change_message_visibility(
        QueueUrl=url, ReceiptHandle=got[0]["ReceiptHandle"], VisibilityTimeout=0
    )
    again = api.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    equal([row["MessageId"] for row in again], [sent["MessageId"]])
    api.delete_message(QueueUrl=url, ReceiptHandle=again[0]["ReceiptHandle"])
    gone = api.delete_message_batch(
        QueueUrl=url,
        Entries=[{"Id": row["Body"], "ReceiptHandle": row["ReceiptHandle"]} for row in got[1:]],
    )
    equal(len(gone["Successful"]), 3)
    api.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "5"})
    equal(attribute(api, url, "VisibilityTimeout"), "5")
    api.purge_queue(QueueUrl=url)
    refused(lambda: api.purge_queue(QueueUrl=url), "AWS.SimpleQueueService.PurgeQueueInProgress", 400)
    api.delete_queue(QueueUrl=url)
    told = refused(
        lambda: api.receive_message(QueueUrl=url),
        "AWS.SimpleQueueService.NonExistentQueue",
        400,
    )
    equal(told["Error"]["Message"], "The specified queue does not exist.")
    try:
        api.receive_message(QueueUrl=url)
    except api.exceptions.QueueDoesNotExist:
        pass


@check("receiving waits, and no longer than it was told")
def waiting(estate):
    api = admin(estate, "sqs")
    url = api.create_queue(QueueName="waiting")["QueueUrl"]
    begin = time.monotonic()
    equal("Messages" in api.receive_message(QueueUrl=url, WaitTimeSeconds=1), False)
    took = time.monotonic() - begin
    equal(0.9 < took < 10, True)
    api.delete_queue(QueueUrl=url)


@check("a queue's own policy is enforced")
def policy(estate):
    api = admin(estate, "sqs")
    url = api.create_queue(QueueName="policy")["QueueUrl"]
    arn = attribute(api, url, "QueueArn")
    other = client(estate, "sqs", estate.facts["connector_user"])
    told = refused(
        lambda: other.send_message(QueueUrl=url, MessageBody="x"), "AccessDenied", 403
    )
    equal("sqs:sendmessage" in told["Error"]["Message"], True)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": estate.facts["connector_user"]["arn"]},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    api.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})
    other.send_message(QueueUrl=url, MessageBody="x")
    # What neither the queue's policy nor its own has: reading of queues it may.
    refused(lambda: other.delete_queue(QueueUrl=url), "AccessDenied", 403)
    refused(
        lambda: api.set_queue_attributes(QueueUrl=url, Attributes={"Policy": "{"}),
        "InvalidAttributeValue",
        400,
    )
    api.delete_queue(QueueUrl=url)


@check("what is changed arrives as an event")
def events(estate):
    api = admin(estate, "sqs")
    url = api.create_queue(QueueName="events")["QueueUrl"]
    arn = attribute(api, url, "QueueArn")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    api.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})
    rule = {"name": "checks", "queue_arn": arn, "sources": ["aws.identitystore"]}
    estate.control("POST", "/_sim/event-rules", rule)
    store = {"IdentityStoreId": estate.facts["identity_store_id"]}
    directory = admin(estate, "identitystore")
    group = directory.create_group(DisplayName="announced", **store)["GroupId"]
    pair = {"GroupId": group, "MemberId": {"UserId": estate.facts["ana"]["user_id"]}}
    made = directory.create_group_membership(**pair, **store)
    directory.delete_group_membership(MembershipId=made["MembershipId"], **store)
    directory.delete_group(GroupId=group, **store)
    estate.advance(60)
    try:
        got = api.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)
    finally:
        estate.advance(-60)
    found = [json.loads(row["Body"]) for row in got["Messages"]]
    equal(
        [event["detail"]["eventName"] for event in found],
        ["CreateGroup", "CreateGroupMembership", "DeleteGroupMembership", "DeleteGroup"],
    )
    equal(found[1]["detail"]["requestParameters"]["groupId"], group)
    api.delete_queue(QueueUrl=url)
