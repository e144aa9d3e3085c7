//! What AWS says when it refuses: who, which action, on what, and why as far as it tells.
//!
//! The forms are those of the IAM user guide, "Troubleshoot access denied error messages", and of AWS
//! reference §2 (IAM and STS): `User: <arn> is not authorized to perform: <action> on resource: <arn>`
//! and then `because no … policy allows the … action`, or `with an explicit deny in a … policy`. SDKs and
//! the command line put words around it. Services may leave out the resource and the reason, and some
//! encode all of it; what is encoded only its account's own IAM can read.

/// The longest text that is read, in bytes.
pub const LONGEST_DENIAL: usize = 16_384;

/// A refusal, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Who was refused; none where the message does not say.
    pub who: Option<Denied>,
    /// `service:Name`, as the message writes it.
    pub action: String,
    /// The ARN of what it was about, or `*`; none where the message does not say.
    pub resource: Option<String>,
    /// Why.
    pub because: Refused,
}

/// Somebody who was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// As the message writes it.
    pub arn: String,
    /// Twelve digits; none where the message hides some of them.
    pub account: Option<String>,
    /// What they are.
    pub kind: DeniedKind,
}

/// What somebody who was refused is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeniedKind {
    /// A session of the role of a permission set.
    PermissionSet {
        /// The permission set's name.
        name: String,
        /// What the session is called.
        session: String,
    },
    /// A session of another role.
    Session {
        /// The role's name.
        role: String,
        /// What the session is called.
        session: String,
    },
    /// An IAM user.
    User {
        /// Its name, without its path.
        name: String,
    },
    /// An account's root user, a federated user, somebody anonymous.
    Other,
}

/// Why somebody was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No policy of theirs allows it: more access mends that.
    NotAllowed,
    /// The message gives no reason.
    Unsaid,
    /// What they act on, or the role they want to become, lets others in, and not them.
    ByResource,
    /// A policy of theirs denies it, whatever else allows it.
    DeniedByTheirs,
    /// The organization keeps its accounts from it: a service or resource control policy.
    ByOrganization,
    /// A permissions boundary keeps them from it.
    ByBoundary,
    /// The session was narrowed when it was opened.
    BySession,
    /// The way they came, a VPC endpoint, does not let it through.
    ByEndpoint,
}

impl Refused {
    /// Whether other access could mend it.
    pub const fn is_mended_by_access(self) -> bool {
        matches!(self, Self::NotAllowed | Self::Unsaid | Self::ByResource)
    }
}

/// Why a text could not be read as a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// There is nothing in it.
    #[error("there is nothing to read")]
    Empty,
    /// It is endless.
    #[error("it has more than {LONGEST_DENIAL} bytes")]
    TooLong,
    /// AWS encoded it.
    #[error("AWS encoded what it says")]
    Encoded,
    /// It names no action.
    #[error("it names no action of AWS")]
    NoAction,
}

impl Denial {
    /// Reads what AWS, an SDK, the command line or the console said.
    ///
    /// Also an action alone, or with the ARN of a resource: `s3:GetObject arn:aws:s3:::reports/2026`.
    pub fn parse(text: &str) -> Result<Self, NotRead> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NotRead::Empty);
        }
        if text.len() > LONGEST_DENIAL {
            return Err(NotRead::TooLong);
        }
        // As one line: pasted from a terminal it may be broken anywhere between words. ASCII only, so
        // that places in it are those in the text.
        let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let low = line.to_ascii_lowercase();
        if let Some((who, action, resource, rest)) = sentence(&line, &low) {
            return Ok(Self {
                who: who.map(denied),
                because: reason(rest),
                resource: resource.filter(|it| it == "*" || it.starts_with("arn:")),
                action,
            });
        }
        if low.contains("encoded authorization failure message") {
            return Err(NotRead::Encoded);
        }
        let mut words = line.split(' ').map(bare);
        let action = words.clone().find(|word| is_action(word));
        let action = action.ok_or(NotRead::NoAction)?.to_owned();
        let resource = words.find(|word| word.starts_with("arn:") && *word != action);
        Ok(Self {
            who: None,
            because: reason(&low),
            resource: resource.map(str::to_owned),
            action,
        })
    }

    /// The account in which access is missing: where no policy of theirs allows it, that of who was
    /// refused, whoever owns the resource; else that of the resource. The other where one is not said.
    pub fn account(&self) -> Option<&str> {
        let of = self.resource.as_deref().and_then(account_of);
        let theirs = self.who.as_ref().and_then(|who| who.account.as_deref());
        match self.because {
            Refused::NotAllowed => theirs.or(of),
            _ => of.or(theirs),
        }
    }
}

/// Who, what, on what, and the rest in small letters, of the sentence most services say.
fn sentence<'a>(
    line: &'a str,
    low: &'a str,
) -> Option<(Option<&'a str>, String, Option<String>, &'a str)> {
    const SAYS: &str = "is not authorized to perform";
    let mut from = 0;
    // The first that is followed by an action: what stands before may say it without one.
    loop {
        let at = from + low.get(from..)?.find(SAYS)?;
        from = at + SAYS.len();
        let after = line.get(from..)?;
        let after = after.trim_start_matches([':', ' ']);
        let word = bare(after.split(' ').next()?);
        // Some services write it in capitals (`SNS:Publish`) or without (`sqs:sendmessage`).
        if !is_action_of_any_case(word) {
            continue;
        }
        let before = low.get(..at)?;
        let who = before.rfind("user:").and_then(|place| {
            let named = line.get(place + "user:".len()..at)?.trim();
            named
                .split(' ')
                .next()
                .map(bare)
                .filter(|it| !it.is_empty())
        });
        // What another message in the same text says is another's.
        let rest = low.get(from..)?;
        let rest = rest.split(SAYS).next().unwrap_or(rest);
        let end = match rest.rfind("user:") {
            Some(next)
                if low
                    .get(from + rest.len()..)
                    .is_some_and(|it| it.starts_with(SAYS)) =>
            {
                next
            }
            _ => rest.len(),
        };
        let rest = rest.get(..end)?;
        let resource = rest.find("on resource").and_then(|place| {
            let named = line.get(from + place + "on resource".len()..from + end)?;
            let named = named.trim_start_matches([':', ' ', '(', 's', ')']);
            named
                .split(' ')
                .next()
                .map(bare)
                .filter(|it| !it.is_empty())
        });
        return Some((who, word.to_owned(), resource.map(str::to_owned), rest));
    }
}

/// Without what is put around a word: quotes, escaped ones, full stops and brackets.
fn bare(word: &str) -> &str {
    let word = word
        .split(['"', '\'', '<', '>', '`', '\\'])
        .find(|part| !part.is_empty());
    let word = word.unwrap_or_default();
    let word = word.trim_matches(['.', ',', ';', '(', ')', '[', ']', '{', '}']);
    // The colon at the end of an ARN is its own: `…:log-stream:`.
    match word.starts_with("arn:") {
        true => word,
        false => word.trim_matches(':'),
    }
}

/// `service:Name`.
fn is_action(word: &str) -> bool {
    let Some((service, name)) = word.split_once(':') else {
        return false;
    };
    let of_service = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !service.is_empty()
        && service.chars().all(of_service)
        && service.starts_with(|c: char| c.is_ascii_lowercase())
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
}

/// The same behind the words that AWS writes an action after.
fn is_action_of_any_case(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    word.split_once(':').is_some_and(|(service, name)| {
        service.starts_with(|c: char| c.is_ascii_alphabetic())
            && service.chars().all(plain)
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

/// The account of an ARN, where it has one.
fn account_of(arn: &str) -> Option<&str> {
    let account = arn.split(':').nth(4)?;
    let whole = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    whole.then_some(account)
}

fn denied(arn: &str) -> Denied {
    let last = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let kind = match last.split_once('/') {
        Some(("user", path)) => DeniedKind::User {
            name: path.rsplit('/').next().unwrap_or(path).to_owned(),
        },
        Some(("assumed-role", rest)) => {
            let (role, session) = rest.split_once('/').unwrap_or((rest, ""));
            match permission_set(role) {
                Some(name) => DeniedKind::PermissionSet {
                    name: name.to_owned(),
                    session: session.to_owned(),
                },
                None => DeniedKind::Session {
                    role: role.to_owned(),
                    session: session.to_owned(),
                },
            }
        }
        _ => DeniedKind::Other,
    };
    Denied {
        account: account_of(arn).map(str::to_owned),
        arn: arn.to_owned(),
        kind,
    }
}

/// The permission set of a role that Identity Center made: `AWSReservedSSO_<name>_<16 hex digits>`.
fn permission_set(role: &str) -> Option<&str> {
    let (name, suffix) = role.strip_prefix("AWSReservedSSO_")?.rsplit_once('_')?;
    let hex = suffix.len() == 16 && suffix.bytes().all(|b| b.is_ascii_hexdigit());
    (hex && !name.is_empty()).then_some(name)
}

/// What the end of the sentence says, in small letters.
fn reason(rest: &str) -> Refused {
    let denies = rest.contains("explicit deny");
    let says = |what: &str| {
        let implicit = format!("no {what}");
        let explicit = format!("explicit deny in a {what}");
        let other = format!("explicit deny in an {what}");
        rest.contains(&implicit) || rest.contains(&explicit) || rest.contains(&other)
    };
    if says("service control policy") || says("resource control policy") {
        Refused::ByOrganization
    } else if says("permissions boundary") {
        Refused::ByBoundary
    } else if says("session policy") {
        Refused::BySession
    } else if says("vpc endpoint policy") {
        Refused::ByEndpoint
    } else if says("resource-based policy")
        || says("resource-based policies")
        || says("role trust policy")
    {
        match denies {
            true => Refused::DeniedByTheirs,
            false => Refused::ByResource,
        }
    } else if denies {
        Refused::DeniedByTheirs
    } else if says("identity-based policy") {
        Refused::NotAllowed
    } else {
        Refused::Unsaid
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SSO: &str = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_ReadOnlyAccess_0123456789abcdef/ana@example.com";

    fn read(text: &str) -> Denial {
        Denial::parse(text).unwrap_or_else(|why| panic!("{why}: {text}"))
    }

    #[test]
    fn what_the_command_line_says_is_read() {
        let it = read(&format!(
            "An error occurred (AccessDenied) when calling the PutObject operation: User: {SSO} is not authorized to perform: s3:PutObject on resource: \"arn:aws:s3:::reports/2026.csv\" because no identity-based policy allows the s3:PutObject action"
        ));
        assert_eq!(it.action, "s3:PutObject");
        assert_eq!(
            it.resource.as_deref(),
            Some("arn:aws:s3:::reports/2026.csv")
        );
        assert_eq!(it.because, Refused::NotAllowed);
        // A bucket's ARN says no account: the caller's counts.
        assert_eq!(it.account(), Some("111122223333"));
        let who = it.who.expect("somebody");
        let kind = DeniedKind::PermissionSet {
            name: "ReadOnlyAccess".to_owned(),
            session: "ana@example.com".to_owned(),
        };
        assert_eq!(who.kind, kind);
    }

    #[test]
    fn services_that_write_actions_their_own_way_are_read() {
        for action in ["SNS:Publish", "sqs:sendmessage"] {
            let it = read(&format!(
                "User: {SSO} is not authorized to perform: {action} on resource: arn:aws:sqs:eu-central-1:444455556666:jobs because no identity-based policy allows the {action} action"
            ));
            assert_eq!(it.action, action);
            assert_eq!(it.because, Refused::NotAllowed);
        }
        assert_eq!(Denial::parse("see note:this"), Err(NotRead::NoAction));
    }

    #[test]
    fn of_several_messages_the_first_is_read_by_itself() {
        let it = read(&format!(
            "Error: User: {SSO} is not authorized to perform: s3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets action Error: User: {SSO} is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:eu-central-1:111122223333:instance/* with an explicit deny in a service control policy"
        ));
        assert_eq!(
            (it.action.as_str(), it.resource),
            ("s3:ListAllMyBuckets", None)
        );
        assert_eq!(it.because, Refused::NotAllowed);
    }

    #[test]
    fn what_is_missing_is_missing_where_the_caller_is() {
        let of = |because: &str| {
            let text = format!(
                "User: {SSO} is not authorized to perform: lambda:GetLayerVersion on resource: arn:aws:lambda:eu-central-1:444455556666:layer:x:1 {because}"
            );
            read(&text).account().map(str::to_owned)
        };
        let theirs =
            of("because no identity-based policy allows the lambda:GetLayerVersion action");
        assert_eq!(theirs.as_deref(), Some("111122223333"));
        let others =
            of("because no resource-based policy allows the lambda:GetLayerVersion action");
        assert_eq!(others.as_deref(), Some("444455556666"));
    }

    #[test]
    fn each_reason_is_told_apart() {
        let user = "User: arn:aws:iam::777788889999:user/eng/JohnDoe is not authorized to perform: codecommit:ListRepositories";
        for (rest, because) in [
            (
                "because no service control policy allows the codecommit:ListRepositories action",
                Refused::ByOrganization,
            ),
            (
                "with an explicit deny in a service control policy",
                Refused::ByOrganization,
            ),
            (
                "with an explicit deny in a resource control policy",
                Refused::ByOrganization,
            ),
            (
                "because no VPC endpoint policy allows the codecommit:ListRepositories action",
                Refused::ByEndpoint,
            ),
            (
                "with an explicit deny in a VPC endpoint policy",
                Refused::ByEndpoint,
            ),
            (
                "because no permissions boundary allows the codecommit:ListRepositories action",
                Refused::ByBoundary,
            ),
            (
                "with an explicit deny in a permissions boundary",
                Refused::ByBoundary,
            ),
            (
                "because no session policy allows the codecommit:ListRepositories action",
                Refused::BySession,
            ),
            (
                "because no resource-based policy allows the codecommit:ListRepositories action",
                Refused::ByResource,
            ),
            (
                "with an explicit deny in a resource-based policy",
                Refused::DeniedByTheirs,
            ),
            (
                "because no role trust policy allows the sts:AssumeRole action",
                Refused::ByResource,
            ),
            (
                "because no identity-based policy allows the codecommit:ListRepositories action",
                Refused::NotAllowed,
            ),
            (
                "with an explicit deny in an identity-based policy: arn:aws:iam::777788889999:policy/Deny.",
                Refused::DeniedByTheirs,
            ),
            ("with an explicit deny", Refused::DeniedByTheirs),
            ("", Refused::Unsaid),
        ] {
            let it = read(&format!("{user} {rest}"));
            assert_eq!(it.because, because, "{rest}");
            assert_eq!(
                (it.action.as_str(), it.resource),
                ("codecommit:ListRepositories", None)
            );
            let name = "JohnDoe".to_owned();
            assert_eq!(it.who.expect("somebody").kind, DeniedKind::User { name });
        }
    }

    #[test]
    fn what_others_put_around_it_is_left() {
        // The SDK for Java.
        let it = read(
            "software.amazon.awssdk.services.iam.model.IamException: User: arn:aws:sts::111122223333:assumed-role/build/i-0abc is not authorized to perform: iam:GetRole on resource: role deploy because no identity-based policy allows the iam:GetRole action (Service: Iam, Status Code: 403, Request ID: 8f4c)",
        );
        assert_eq!((it.action.as_str(), it.resource), ("iam:GetRole", None));
        // JSON, as services answer it; broken over lines by a terminal.
        let it = read(
            "{\"Message\":\"User: arn:aws:sts::111122223333:assumed-role/build/i-0abc is not\n  authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:eu-central-1:444455556666:function:pay because no resource-based policy allows the lambda:InvokeFunction action\"}",
        );
        assert_eq!(it.account(), Some("444455556666"));
        assert_eq!(it.because, Refused::ByResource);
        // EC2 says it twice, the second time encoded.
        let it = read(&format!(
            "An error occurred (UnauthorizedOperation) when calling the RunInstances operation: You are not authorized to perform this operation. User: {SSO} is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:eu-central-1:111122223333:instance/* because no identity-based policy allows the ec2:RunInstances action. Encoded authorization failure message: gk3Vl8"
        ));
        assert_eq!(
            it.resource.as_deref(),
            Some("arn:aws:ec2:eu-central-1:111122223333:instance/*")
        );
        // A gateway hides most of the account.
        let it = read(
            "User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********9012:abc/prod/GET/",
        );
        assert_eq!(it.account(), None);
        // An action alone, or with what it is about.
        let it = read("s3:GetObject arn:aws:s3:::reports/2026.csv");
        assert_eq!((it.action.as_str(), it.who), ("s3:GetObject", None));
        assert_eq!(
            it.resource.as_deref(),
            Some("arn:aws:s3:::reports/2026.csv")
        );
    }

    #[test]
    fn what_cannot_be_read_is_said_to_be_so() {
        let encoded = "An error occurred (UnauthorizedOperation) when calling the RunInstances operation: You are not authorized to perform this operation. Encoded authorization failure message: gk3Vl8";
        assert_eq!(Denial::parse(encoded), Err(NotRead::Encoded));
        let plain =
            "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied";
        assert_eq!(Denial::parse(plain), Err(NotRead::NoAction));
        assert_eq!(Denial::parse(" \n"), Err(NotRead::Empty));
        assert_eq!(
            Denial::parse(&"x".repeat(LONGEST_DENIAL + 1)),
            Err(NotRead::TooLong)
        );
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,200}") {
            let _ = Denial::parse(&text);
        }

        #[test]
        fn nor_does_one_that_is_nearly_a_refusal(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("User: ".to_owned()), Just("is not authorized to perform".to_owned()),
                    Just(": ".to_owned()), Just("s3:GetObject".to_owned()), Just(" on resource: ".to_owned()),
                    Just("arn:aws:s3:::é/ß".to_owned()), Just(" with an explicit deny".to_owned()),
                    "\\PC{0,6}",
                ],
                0..12,
            ),
        ) {
            let _ = Denial::parse(&parts.concat());
        }
    }
}
