//! The queue that change events come by: SQS, read by long polls.
//!
//! A message is taken out of the queue only when it is told to be ([`Estate::take_out`]): until
//! then SQS brings it again. Calls pass the governor as every call does, with a budget of their
//! own; they do not count as calls of a sync.

use std::fmt;
use std::time::Duration;

use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, QueueAttributeName};
use aws_types::request_id::RequestId;

use crate::error::{AwsError, ErrorKind};
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};

const RECEIVE: &str = "sqs:ReceiveMessage";
const DELETE: &str = "sqs:DeleteMessage";
const ATTRIBUTES: &str = "sqs:GetQueueAttributes";

/// No message was given with this receipt.
const NO_RECEIPT: &str = "stint-asks-about-nothing";

/// How long AWS may keep an empty poll waiting, in seconds: the longest there is (AWS reference
/// §1.8).
const WAIT: i32 = 20;
/// How many messages a poll gives at most, and a batch takes out: the most there are.
const BATCH: usize = 10;
/// How long a message stays hidden after it was given, in seconds: writing hints down takes far
/// less.
const HIDDEN: i32 = 120;
/// How long a poll may take in all: the wait, and the way.
pub(crate) const POLL_TIMEOUT: Duration = Duration::from_secs(35);

/// A queue of SQS, by its URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Queue {
    url: String,
    region: String,
    account: String,
    name: String,
}

/// What is wrong with the URL of a queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{given}` is not the URL of a standard SQS queue: {problem}. The form is \
     https://sqs.<region>.amazonaws.com/<12-digit account id>/<queue name>; the queue's page in the SQS \
     console shows it"
)]
pub struct QueueUrlError {
    /// What was typed.
    pub given: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl Queue {
    /// Reads the URL of a standard queue at AWS. Makes no call.
    pub fn parse(url: &str) -> Result<Self, QueueUrlError> {
        Self::read(url, None)
    }

    /// The same, with `http://127.0.0.1:…/<account>/<name>` in `region` besides: queues of the
    /// simulated AWS have no region in their URL.
    pub fn parse_simulated(url: &str, region: &str) -> Result<Self, QueueUrlError> {
        Self::read(url, Some(region))
    }

    fn read(url: &str, simulated: Option<&str>) -> Result<Self, QueueUrlError> {
        let url = url.trim();
        let wrong = |problem| QueueUrlError {
            given: url.chars().take(200).collect(),
            problem,
        };
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| wrong("it does not begin with https://"))?;
        let mut parts = rest.split('/');
        let (host, account, name) = (parts.next(), parts.next(), parts.next());
        let (Some(host), Some(account), Some(name), None) = (host, account, name, parts.next())
        else {
            return Err(wrong(
                "it does not have an account and a name after the host",
            ));
        };
        let host_name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let region = match (scheme, simulated) {
            ("https", _) if region_of(host).is_some() => region_of(host).unwrap_or_default(),
            ("http" | "https", Some(region))
                if host_name == "127.0.0.1"
                    || host_name == "localhost"
                    || host_name == "[::1]"
                    || host_name == "aws.sim" =>
            {
                region
            }
            ("https", _) => return Err(wrong("its host is none of SQS's")),
            _ => return Err(wrong("it does not begin with https://")),
        };
        if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong("the account id is not 12 digits"));
        }
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if name.ends_with(".fifo") {
            return Err(wrong(
                "EventBridge's events go to a standard queue, not to a FIFO one",
            ));
        }
        if !(1..=80).contains(&name.len()) || !name.bytes().all(fits) {
            return Err(wrong(
                "the queue name is not 1 to 80 of letters, digits, - and _",
            ));
        }
        Ok(Self {
            url: url.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Its URL, as it was given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The region it is in.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The account it is in.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        let Self {
            region,
            account,
            name,
            ..
        } = self;
        format!("arn:{}:sqs:{region}:{account}:{name}", partition_of(region))
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// The partition of a region, by its name.
pub fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.starts_with("cn-") => "aws-cn",
        _ => "aws",
    }
}

/// Where the partition's IAM and Organizations tell of changes, whatever the region of Identity
/// Center (AWS reference §1.8 [D]; outside of `aws` [K]).
pub fn global_region(region: &str) -> &'static str {
    match partition_of(region) {
        "aws-us-gov" => "us-gov-west-1",
        "aws-cn" => "cn-north-1",
        _ => "us-east-1",
    }
}

/// `eu-west-1` of `sqs.eu-west-1.amazonaws.com`; also of the older form, of FIPS and of China.
fn region_of(host: &str) -> Option<&str> {
    let host = (host.strip_suffix(".amazonaws.com.cn"))
        .or_else(|| host.strip_suffix(".amazonaws.com"))
        .or_else(|| host.strip_suffix(".api.aws"))?;
    let region = (host.strip_prefix("sqs."))
        .or_else(|| host.strip_prefix("sqs-fips."))
        .or_else(|| host.strip_suffix(".queue"))?;
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    ((5..=32).contains(&region.len()) && region.bytes().all(fits) && region.contains('-'))
        .then_some(region)
}

/// A message that was given, and is hidden for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What was sent.
    pub body: String,
    /// By what it is taken out.
    pub receipt: String,
}

/// How a queue is doing, about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueState {
    /// Messages that can be given.
    pub waiting: i64,
    /// Messages given, and neither taken out nor shown again.
    pub hidden: i64,
    /// Whether what cannot be handled goes to a dead-letter queue.
    pub dead_letters: bool,
}

impl Estate {
    /// The next messages, ten at most; waits up to 20 seconds for the first. Dropping the future is
    /// harmless: what was given comes again.
    pub async fn receive(&self, queue: &Queue) -> Result<Vec<Message>, AwsError> {
        let send = |s: &Session| {
            let receive = s.sqs(queue.region()).receive_message();
            receive
                .queue_url(queue.url())
                .max_number_of_messages(10)
                .wait_time_seconds(WAIT)
                .visibility_timeout(HIDDEN)
                .send()
        };
        let answer = self.look(Lane::Sync, Service::Sqs, RECEIVE, send).await?;
        let messages = answer.messages().iter();
        // Without a receipt there is no taking it out: it comes again.
        let messages = messages.filter_map(|message| {
            Some(Message {
                body: message.body().unwrap_or_default().to_owned(),
                receipt: message.receipt_handle()?.to_owned(),
            })
        });
        Ok(messages.collect())
    }

    /// Takes messages out of the queue, ten a call. What SQS does not take out comes again; that there
    /// is such is an error, after all of them were tried.
    pub async fn take_out(&self, queue: &Queue, receipts: &[String]) -> Result<(), AwsError> {
        let mut left: Option<AwsError> = None;
        for batch in receipts.chunks(BATCH) {
            let mut entries = Vec::with_capacity(batch.len());
            for (n, receipt) in batch.iter().enumerate() {
                let entry = DeleteMessageBatchRequestEntry::builder()
                    .id(n.to_string())
                    .receipt_handle(receipt);
                let entry = entry.build().map_err(|error| {
                    AwsError::ours(ErrorKind::Unsent, DELETE, "unsent", error.to_string())
                })?;
                entries.push(entry);
            }
            let send = |s: &Session| {
                let delete = s.sqs(queue.region()).delete_message_batch();
                delete
                    .queue_url(queue.url())
                    .set_entries(Some(entries.clone()))
                    .send()
            };
            // It may be made again: who takes out what is gone already is told yes.
            let answer = self.look(Lane::Sync, Service::Sqs, DELETE, send).await?;
            // SQS says yes to the call, and no to some of it.
            if let Some(failed) = answer.failed().first() {
                let why = format!(
                    "{} of {} messages stay in the queue: {}",
                    answer.failed().len(),
                    batch.len(),
                    failed.message().unwrap_or_else(|| failed.code())
                );
                let mut error = AwsError::ours(ErrorKind::Other, DELETE, failed.code(), why);
                error.request_id = answer.request_id().map(str::to_owned);
                left.get_or_insert(error);
            }
        }
        left.map_or(Ok(()), Err)
    }

    /// Whether messages may be taken out, by a call that takes none out: that a receipt is none AWS says
    /// only to who may ask [K]. Gives AWS's id of the call; fails where AWS refuses it, or does not answer.
    pub async fn may_take_out(&self, queue: &Queue) -> Result<Option<String>, AwsError> {
        let send = |s: &Session| {
            let delete = s.sqs(queue.region()).delete_message();
            delete
                .queue_url(queue.url())
                .receipt_handle(NO_RECEIPT)
                .send()
        };
        match self
            .look(Lane::Interactive, Service::Sqs, DELETE, send)
            .await
        {
            Ok(answer) => Ok(answer.request_id().map(str::to_owned)),
            Err(error) if error.kind == ErrorKind::Invalid => Ok(error.request_id),
            Err(error) => Err(error),
        }
    }

    /// How the queue is doing, with AWS's id of the call.
    pub async fn queue_state(
        &self,
        queue: &Queue,
    ) -> Result<(QueueState, Option<String>), AwsError> {
        const WAITING: QueueAttributeName = QueueAttributeName::ApproximateNumberOfMessages;
        const HIDDEN: QueueAttributeName =
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        const REDRIVE: QueueAttributeName = QueueAttributeName::RedrivePolicy;
        let send = |s: &Session| {
            let get = s
                .sqs(queue.region())
                .get_queue_attributes()
                .queue_url(queue.url());
            let get = get.attribute_names(WAITING).attribute_names(HIDDEN);
            get.attribute_names(REDRIVE).send()
        };
        let answer = self
            .look(Lane::Interactive, Service::Sqs, ATTRIBUTES, send)
            .await?;
        let number = |name: QueueAttributeName| {
            let value = answer.attributes().and_then(|all| all.get(&name));
            value.and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        let state = QueueState {
            waiting: number(WAITING),
            hidden: number(HIDDEN),
            dead_letters: (answer.attributes()).is_some_and(|all| all.contains_key(&REDRIVE)),
        };
        Ok((state, answer.request_id().map(str::to_owned)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_known_by_its_url() {
        for (url, region, arn) in [
            (
                "https://sqs.eu-west-1.amazonaws.com/111122223333/stint-changes",
                "eu-west-1",
                "arn:aws:sqs:eu-west-1:111122223333:stint-changes",
            ),
            (
                " https://us-east-1.queue.amazonaws.com/111122223333/q ",
                "us-east-1",
                "arn:aws:sqs:us-east-1:111122223333:q",
            ),
            (
                "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/q",
                "cn-north-1",
                "arn:aws-cn:sqs:cn-north-1:111122223333:q",
            ),
            (
                "https://sqs-fips.us-gov-west-1.amazonaws.com/111122223333/q",
                "us-gov-west-1",
                "arn:aws-us-gov:sqs:us-gov-west-1:111122223333:q",
            ),
        ] {
            let queue = Queue::parse(url).expect("a queue");
            assert_eq!(queue.region(), region);
            assert_eq!(queue.arn(), arn);
            assert_eq!(queue.url(), url.trim());
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_form() {
        for bad in [
            "",
            "stint-changes",
            "arn:aws:sqs:eu-west-1:111122223333:q",
            "http://sqs.eu-west-1.amazonaws.com/111122223333/q",
            "https://sqs.eu-west-1.amazonaws.com.evil.example/111122223333/q",
            "https://evil.example/111122223333/q",
            "https://user@sqs.eu-west-1.amazonaws.com@evil/111122223333/q",
            "https://sqs.eu-west-1.amazonaws.com/1111/q",
            "https://sqs.eu-west-1.amazonaws.com/111122223333/q.fifo",
            "https://sqs.eu-west-1.amazonaws.com/111122223333/a b",
            "https://sqs.eu-west-1.amazonaws.com/111122223333/q?x",
            "https://sqs.eu-west-1.amazonaws.com/111122223333/q/more",
            "http://127.0.0.1:8481/111122223333/q",
        ] {
            let said = Queue::parse(bad).expect_err(bad).to_string();
            assert!(said.contains("https://sqs.<region>"), "{said}");
        }
        let simulated = Queue::parse_simulated("http://127.0.0.1:8481/111122223333/q", "eu-west-1");
        assert_eq!(simulated.expect("of the simulator").region(), "eu-west-1");
        let evil =
            Queue::parse_simulated("http://127.0.0.1.evil.example/111122223333/q", "eu-west-1");
        evil.expect_err("not loopback");
    }
}
