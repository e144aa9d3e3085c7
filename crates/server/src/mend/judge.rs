//! Whether a permission set would let an action through, as far as its policies are known.
//!
//! Conditions cannot be asked here, since nobody knows what the next call carries: a statement with one
//! may allow, and may deny. Of AWS's own policies only those are known that never change what they are:
//! AdministratorAccess allows everything, PowerUserAccess everything but IAM, Organizations and account
//! settings, and those for readers no change (IAM user guide, "AWS managed policies for job functions").

use stint_iam_policy::{
    AccessLevel, Caller, Context, Decision, Denial, DeniedKind, Effect, Identity, Policy, Request,
    Resources, Statement, evaluate_identity, table,
};

use crate::directory::Policies;

/// That something would let an action through, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Says {
    /// Whether it does for certain.
    pub certain: bool,
    /// Why, in words.
    pub why: String,
    /// How much else it allows: the lower the narrower.
    pub breadth: u32,
}

impl Says {
    pub(super) fn unknown(why: &str) -> Self {
        Self {
            certain: false,
            why: why.to_owned(),
            breadth: UNKNOWN,
        }
    }
}

/// How broad what nobody knows is taken for.
const UNKNOWN: u32 = 40;
/// How broad AWS's policies are.
const READER: u32 = 50;
const POWER_USER: u32 = 90;
const ADMINISTRATOR: u32 = 100;

/// What one policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    No,
    Maybe,
    Yes,
}

/// Whether the one refused is an IAM user.
pub(super) fn is_user(denial: &Denial) -> bool {
    let who = denial.who.as_ref();
    who.is_some_and(|who| matches!(who.kind, DeniedKind::User { .. }))
}

/// Whether these policies of a permission set would let it through; nothing where they would not.
pub fn judge(denial: &Denial, policies: Option<&Policies>) -> Option<Says> {
    let Some(policies) = policies else {
        return Some(Says::unknown("what it allows was not read from AWS yet"));
    };
    let mut best: Option<(Answer, u32, String)> = None;
    let mut consider = |answer: Answer, breadth: u32, why: String| {
        let better = best.as_ref().is_none_or(|(had, broad, _)| {
            (answer, std::cmp::Reverse(breadth)) > (*had, std::cmp::Reverse(*broad))
        });
        if answer > Answer::No && better {
            best = Some((answer, breadth, why));
        }
    };
    let mut broadest = 0;
    for arn in &policies.managed {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        let (answer, breadth, why) = managed(name, &denial.action);
        broadest = broadest.max(breadth);
        consider(answer, breadth, why);
    }
    for path in &policies.customer {
        let why = format!("the account's own policy {path} is not known to Stint");
        broadest = broadest.max(UNKNOWN);
        consider(Answer::Maybe, UNKNOWN, why);
    }
    let mut denies = Answer::No;
    if let Some(text) = &policies.inline {
        match Policy::parse(text) {
            Ok(policy) => {
                let says = |effect| said(&policy, effect, denial);
                denies = says(Effect::Deny);
                let breadth = breadth_of(&policy);
                broadest = broadest.max(breadth);
                let why = match says(Effect::Allow) {
                    Answer::Maybe => {
                        "its inline policy allows it under a condition, or on some resources"
                    }
                    Answer::Yes | Answer::No => "its inline policy allows it",
                };
                consider(says(Effect::Allow), breadth, why.to_owned());
            }
            Err(_) => consider(
                Answer::Maybe,
                UNKNOWN,
                "its inline policy could not be read".to_owned(),
            ),
        }
    }
    let (answer, _, mut why) = best?;
    if denies == Answer::Yes {
        return None;
    }
    // Who may become a role its trust policy says as well.
    let assumes = denial
        .action
        .to_ascii_lowercase()
        .starts_with("sts:assumerole");
    let mut certain = answer == Answer::Yes && !assumes;
    if assumes {
        why.push_str(", and the role's trust policy has to let them in");
    }
    if denies == Answer::Maybe {
        certain = false;
        why.push_str(", and denies it in some cases");
    }
    if let Some(boundary) = &policies.boundary {
        certain = false;
        why.push_str(&format!(", within the permissions boundary {boundary}"));
    }
    Some(Says {
        certain,
        why,
        breadth: broadest,
    })
}

/// What one of AWS's own policies says to an action.
fn managed(name: &str, action: &str) -> (Answer, u32, String) {
    let service = action
        .split(':')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    match name {
        "AdministratorAccess" => (
            Answer::Yes,
            ADMINISTRATOR,
            "AdministratorAccess allows everything".to_owned(),
        ),
        "PowerUserAccess" => match service.as_str() {
            // It allows a few of these.
            "iam" | "organizations" | "account" => (
                Answer::Maybe,
                POWER_USER,
                format!("PowerUserAccess allows little of {service}"),
            ),
            _ => (
                Answer::Yes,
                POWER_USER,
                "PowerUserAccess allows everything but IAM, Organizations and account settings"
                    .to_owned(),
            ),
        },
        "ReadOnlyAccess" | "ViewOnlyAccess" | "SecurityAudit" if !reads(action) => {
            (Answer::No, READER, String::new())
        }
        _ => (
            Answer::Maybe,
            if name.ends_with("FullAccess") {
                UNKNOWN + 10
            } else {
                UNKNOWN
            },
            format!("what AWS's policy {name} says is not known to Stint"),
        ),
    }
}

/// Whether an action changes nothing, as far as is known; what is not known goes by its name.
fn reads(action: &str) -> bool {
    match table().action(action) {
        Some(known) => matches!(known.level, AccessLevel::List | AccessLevel::Read),
        None => {
            let name = action.split(':').nth(1).unwrap_or_default();
            let changes = [
                "Put",
                "Create",
                "Delete",
                "Update",
                "Run",
                "Start",
                "Stop",
                "Terminate",
                "Modify",
                "Attach",
                "Detach",
                "Add",
                "Remove",
                "Set",
                "Write",
                "Tag",
                "Untag",
                "Reboot",
                "Register",
                "Deregister",
                "Publish",
                "Send",
                "Invoke",
                "Enable",
                "Disable",
            ];
            // What is pasted may be written in any case.
            let begins = |word: &&str| {
                let start = name.get(..word.len());
                start.is_some_and(|start| start.eq_ignore_ascii_case(word))
            };
            !changes.iter().any(begins)
        }
    }
}

/// What the statements of one effect say.
fn said(policy: &Policy, effect: Effect, denial: &Denial) -> Answer {
    let all = policy.statements.iter().filter(|it| it.effect == effect);
    all.map(|it| spoken(policy, it, denial))
        .max()
        .unwrap_or(Answer::No)
}

/// Whether one statement speaks of it.
fn spoken(policy: &Policy, statement: &Statement, denial: &Denial) -> Answer {
    let open = Resources {
        negated: false,
        patterns: vec!["*".to_owned()],
    };
    let speaks = |resources: Resources, resource: &str| {
        let bare = Policy {
            statements: vec![Statement {
                conditions: Vec::new(),
                resources: Some(resources),
                ..statement.clone()
            }],
            ..policy.clone()
        };
        let caller = Caller {
            account: denial.account().unwrap_or("000000000000").to_owned(),
            identity: Identity::Root,
        };
        let context = Context::new();
        let request = Request {
            caller: &caller,
            action: &denial.action,
            resource,
            context: &context,
        };
        evaluate_identity(&bare, &request) != Decision::NotAllowed
    };
    let resource = denial.resource.as_deref();
    if !speaks(open, resource.unwrap_or("*")) {
        return Answer::No;
    }
    let Some(resources) = &statement.resources else {
        return Answer::No;
    };
    let unconditional = match statement.conditions.is_empty() {
        true => Answer::Yes,
        false => Answer::Maybe,
    };
    let everything = !resources.negated && resources.patterns.iter().any(|it| it == "*");
    if everything {
        return unconditional;
    }
    let variable = resources.patterns.iter().any(|it| it.contains("${"));
    match resource {
        None | Some("*") => Answer::Maybe,
        Some(_) if variable => Answer::Maybe,
        Some(arn) if speaks(resources.clone(), arn) => unconditional,
        Some(_) => Answer::No,
    }
}

/// How much a policy allows, roughly: by the wildcards of what it allows and how many statements it has.
fn breadth_of(policy: &Policy) -> u32 {
    let allows = policy
        .statements
        .iter()
        .filter(|it| it.effect == Effect::Allow);
    let widest = allows.map(|it| {
        let actions = match it.actions.negated {
            true => 80,
            false => it
                .actions
                .patterns
                .iter()
                .map(|pattern| width(pattern))
                .max()
                .unwrap_or(0),
        };
        let resources = it
            .resources
            .as_ref()
            .is_some_and(|it| it.negated || it.patterns.iter().any(|pattern| pattern == "*"));
        actions + if resources { 5 } else { 0 }
    });
    let count = u32::try_from(policy.statements.len().min(10)).unwrap_or(10);
    widest.max().unwrap_or(0) + count
}

fn width(pattern: &str) -> u32 {
    match pattern.split_once(':') {
        _ if pattern == "*" => 80,
        Some((_, "*")) => 30,
        Some((_, name)) if name.contains('*') => 15,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(text: &str) -> Denial {
        Denial::parse(text).expect("a refusal")
    }

    fn inline(text: &str) -> Policies {
        Policies {
            inline: Some(text.to_owned()),
            ..Policies::default()
        }
    }

    fn managed(names: &[&str]) -> Policies {
        Policies {
            managed: (names.iter())
                .map(|it| format!("arn:aws:iam::aws:policy/{it}"))
                .collect(),
            ..Policies::default()
        }
    }

    fn statement(effect: &str, action: &str, resource: &str, more: &str) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}"{more}}}]}}"#
        )
    }

    const GET: &str = "s3:GetObject arn:aws:s3:::reports/2026.csv";

    fn certain(policies: &Policies) -> Option<bool> {
        judge(&denial(GET), Some(policies)).map(|it| it.certain)
    }

    #[test]
    fn an_inline_policy_allows_what_it_says() {
        let of = |action: &str, resource: &str| {
            certain(&inline(&statement("Allow", action, resource, "")))
        };
        assert_eq!(of("s3:Get*", "arn:aws:s3:::reports/*"), Some(true));
        assert_eq!(of("s3:Get*", "*"), Some(true));
        assert_eq!(of("s3:Put*", "*"), None);
        assert_eq!(of("s3:Get*", "arn:aws:s3:::others/*"), None);
        assert_eq!(
            of("s3:Get*", "arn:aws:s3:::${aws:PrincipalTag/team}/*"),
            Some(false)
        );
        let asked = r#","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#;
        let conditional = inline(&statement("Allow", "s3:*", "*", asked));
        assert_eq!(certain(&conditional), Some(false));
        assert_eq!(certain(&inline("{")), Some(false));
    }

    #[test]
    fn what_denies_is_no_help_whatever_allows_it() {
        let both = |more: &str| {
            let denies = statement("Deny", "s3:GetObject", "arn:aws:s3:::reports/*", more);
            Policies {
                managed: vec!["arn:aws:iam::aws:policy/AdministratorAccess".to_owned()],
                ..inline(&denies)
            }
        };
        assert_eq!(certain(&both("")), None);
        let some = r#","Condition":{"StringNotEquals":{"aws:RequestedRegion":"eu-central-1"}}"#;
        assert_eq!(certain(&both(some)), Some(false));
    }

    #[test]
    fn awss_own_policies_are_known_where_they_never_change() {
        assert_eq!(certain(&managed(&["AdministratorAccess"])), Some(true));
        assert_eq!(certain(&managed(&["PowerUserAccess"])), Some(true));
        assert_eq!(certain(&managed(&["ReadOnlyAccess"])), Some(false));
        let put = denial("s3:PutObject arn:aws:s3:::reports/2026.csv");
        assert_eq!(judge(&put, Some(&managed(&["ReadOnlyAccess"]))), None);
        let create = denial("iam:CreateRole");
        let power = judge(&create, Some(&managed(&["PowerUserAccess"])));
        assert!(!power.expect("perhaps").certain);
        // Nothing in it allows nothing, and what was not read is not known.
        assert_eq!(certain(&Policies::default()), None);
        assert_eq!(judge(&denial(GET), None).map(|it| it.certain), Some(false));
        let bounded = Policies {
            boundary: Some("arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()),
            ..managed(&["AdministratorAccess"])
        };
        assert_eq!(certain(&bounded), Some(false));
    }

    #[test]
    fn the_narrower_is_the_smaller() {
        let breadth = |policies: &Policies| {
            judge(&denial(GET), Some(policies))
                .expect("lets it")
                .breadth
        };
        let narrow = inline(&statement(
            "Allow",
            "s3:GetObject",
            "arn:aws:s3:::reports/*",
            "",
        ));
        let wide = inline(&statement("Allow", "s3:*", "*", ""));
        let all = inline(&statement("Allow", "*", "*", ""));
        let order = [&narrow, &wide, &all, &managed(&["AdministratorAccess"])].map(breadth);
        assert!(order.is_sorted() && order[0] < order[1], "{order:?}");
    }
}
