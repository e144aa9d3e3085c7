//! A policy as the text it was written as: what it is for, what it must not have there, and
//! where everything stands.

use crate::json::{Node, Position};
use crate::model::{Effect, Policy, Statement, Version};
use crate::parse::{ParseError, policy_of, tree_of};
use crate::place::Path;
use crate::principal::PrincipalEntry;

/// What a document is for; decides what a statement must and must not have, and how long it may
/// be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The trust policy of a role: principals, no resources, actions of STS.
    Trust,
    /// An inline policy of a user, group or role: resources, no principals.
    Identity,
    /// A managed policy, also one that is a permissions boundary.
    Managed,
    /// The inline policy of a permission set.
    PermissionSet,
    /// A session policy: what AssumeRole and GetFederationToken take.
    Session,
    /// The policy of a resource, such as a queue.
    Resource,
    /// A service control policy.
    ServiceControl,
    /// A resource control policy.
    ResourceControl,
}

/// How long a document may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// At most so many characters.
    pub characters: usize,
    /// Whether white space between the elements counts.
    pub with_space: bool,
}

impl Kind {
    /// AWS's limit, where it has one for all. Session and service control policies: AWS
    /// reference §4 and §2 [D]; the others are quotas of the IAM user guide [K]. For an inline
    /// policy it is the role's, the largest; AWS adds up all inline policies of one principal.
    pub fn size(self) -> Option<Size> {
        let size = |characters, with_space| {
            Some(Size {
                characters,
                with_space,
            })
        };
        match self {
            Kind::Trust => size(4_096, false),
            Kind::Identity => size(10_240, false),
            Kind::Managed => size(6_144, false),
            Kind::PermissionSet => size(32_768, true),
            Kind::Session => size(2_048, true),
            Kind::ServiceControl | Kind::ResourceControl => size(5_120, true),
            Kind::Resource => None,
        }
    }
}

/// A document that was read, with its places.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    policy: Policy,
    tree: Node,
    size: Size,
}

impl Document {
    /// Reads a text, whatever it is for.
    pub fn parse(text: &str) -> Result<Document, ParseError> {
        let tree = tree_of(text)?;
        let policy = policy_of(&tree)?;
        Ok(Document {
            policy,
            size: measured(text),
            tree,
        })
    }

    /// Reads a text and sees that it suits its purpose and is not too long.
    pub fn read(text: &str, kind: Kind) -> Result<Document, ParseError> {
        // Before anything is made of it: nobody pastes a megabyte by mistake.
        if let Some(limit) = kind.size()
            && limit.with_space
            && text.chars().count() > limit.characters
        {
            return Err(too_long(text.chars().count(), limit));
        }
        let document = Document::parse(text)?;
        if let Some(limit) = kind.size()
            && document.size.characters > limit.characters
            && !limit.with_space
        {
            return Err(too_long(document.size.characters, limit));
        }
        document.check(kind)?;
        Ok(document)
    }

    /// What it says.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The policy without its text.
    pub fn into_policy(self) -> Policy {
        self.policy
    }

    /// Where a statement begins and where it ends.
    pub fn span(&self, statement: usize) -> (Position, Position) {
        let (node, _) = Path::statement(statement).find(&self.tree);
        (node.from, node.to)
    }

    /// Whether every statement has what this kind of policy needs and nothing it must not have.
    pub fn check(&self, kind: Kind) -> Result<(), ParseError> {
        match self.policy.unsuitable(kind) {
            None => Ok(()),
            Some((path, problem)) => Err(ParseError {
                position: Some(self.at(&path)),
                place: path.to_string(),
                problem,
            }),
        }
    }

    pub(crate) fn at(&self, path: &Path) -> (usize, usize) {
        let (_, at) = path.find(&self.tree);
        (at.line, at.column)
    }
}

/// How long a text is without the white space outside its quotes.
fn measured(text: &str) -> Size {
    let (mut quoted, mut escaped, mut characters) = (false, false, 0);
    for c in text.chars() {
        if quoted || !c.is_whitespace() {
            characters += 1;
        }
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
    }
    Size {
        characters,
        with_space: false,
    }
}

fn too_long(found: usize, limit: Size) -> ParseError {
    let counted = if limit.with_space {
        ""
    } else {
        " without white space"
    };
    ParseError {
        place: String::new(),
        position: None,
        problem: format!(
            "is too long: {found} characters{counted}, {} are the most",
            limit.characters
        ),
    }
}

impl Policy {
    /// Whether every statement has what this kind of policy needs and nothing it must not
    /// have. [`Document::check`] also knows where.
    pub fn check(&self, kind: Kind) -> Result<(), ParseError> {
        match self.unsuitable(kind) {
            None => Ok(()),
            Some((path, problem)) => Err(ParseError {
                place: path.to_string(),
                position: None,
                problem,
            }),
        }
    }

    fn unsuitable(&self, kind: Kind) -> Option<(Path, String)> {
        let newest = matches!(kind, Kind::ServiceControl | Kind::ResourceControl);
        if newest && self.version != Version::V2012 {
            let problem = "the policies of an organization are written in edition 2012-10-17";
            return Some((Path::default().member("Version"), problem.to_owned()));
        }
        self.statements
            .iter()
            .enumerate()
            .find_map(|(n, statement)| {
                let (element, problem) = statement.unsuitable(kind)?;
                let path = Path::statement(n);
                let path = match element {
                    Some(element) => path.member(element),
                    None => path,
                };
                Some((path, problem))
            })
    }
}

impl Statement {
    /// The element that is wrong, and what is wrong with it.
    fn unsuitable(&self, kind: Kind) -> Option<(Option<&'static str>, String)> {
        let say =
            |element: Option<&'static str>, problem: &str| Some((element, problem.to_owned()));
        let principal = self.principals.as_ref().map(|who| {
            if who.negated {
                "NotPrincipal"
            } else {
                "Principal"
            }
        });
        let resource = self.resources.as_ref().map(|on| {
            if on.negated {
                "NotResource"
            } else {
                "Resource"
            }
        });
        let action = if self.actions.negated {
            "NotAction"
        } else {
            "Action"
        };
        // IAM refuses other letters; Identity Center and STS hand the document on to it. The
        // policies of resources are each service's own affair [K].
        if !matches!(kind, Kind::Resource)
            && let Some(sid) = &self.sid
            && !sid.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            let problem = format!("`{sid}`: a Sid is made of letters and digits only");
            return Some((Some("Sid"), problem));
        }
        match kind {
            Kind::Trust => {
                if principal.is_none() {
                    return say(None, "a trust policy says who: Principal is missing");
                }
                if resource.is_some() {
                    return say(
                        resource,
                        "a trust policy has no Resource: it is the role's own",
                    );
                }
                let foreign = self
                    .actions
                    .patterns
                    .iter()
                    .find(|pattern| !may_be_of_sts(pattern));
                if let Some(foreign) = foreign {
                    let problem =
                        format!("`{foreign}`: a trust policy allows or denies actions of sts only");
                    return Some((Some(action), problem));
                }
                self.lets_in_everybody_else()
            }
            Kind::Resource => {
                if principal.is_none() {
                    return say(
                        None,
                        "the policy of a resource says who: Principal is missing",
                    );
                }
                self.lets_in_everybody_else()
            }
            Kind::Identity | Kind::Managed | Kind::PermissionSet | Kind::Session => {
                if principal.is_some() {
                    return say(
                        principal,
                        "Principal belongs into trust and resource policies only",
                    );
                }
                if resource.is_none() {
                    return say(None, "Resource is missing");
                }
                None
            }
            Kind::ServiceControl => {
                if principal.is_some() {
                    return say(
                        principal,
                        "a service control policy names no Principal: it is about everybody in the accounts it is attached to",
                    );
                }
                if resource.is_none() {
                    return say(None, "Resource is missing");
                }
                None
            }
            Kind::ResourceControl => self.unsuitable_for_resource_control(principal, resource),
        }
    }

    /// Organizations user guide, *RCP syntax* [D].
    fn unsuitable_for_resource_control(
        &self,
        principal: Option<&'static str>,
        resource: Option<&'static str>,
    ) -> Option<(Option<&'static str>, String)> {
        let say =
            |element: Option<&'static str>, problem: &str| Some((element, problem.to_owned()));
        if self.effect == Effect::Allow {
            return say(
                Some("Effect"),
                "a resource control policy only denies: RCPFullAWSAccess, which AWS attaches, is the one that allows",
            );
        }
        let everybody = self
            .principals
            .as_ref()
            .is_some_and(|who| !who.negated && who.entries == [PrincipalEntry::Anyone]);
        if !everybody {
            return say(
                principal,
                "a resource control policy is about everybody: write \"Principal\": \"*\" and narrow it with conditions",
            );
        }
        if self.actions.negated {
            return say(
                Some("NotAction"),
                "a resource control policy has no NotAction",
            );
        }
        if self.actions.patterns.iter().any(|pattern| pattern == "*") {
            return say(
                Some("Action"),
                "a resource control policy names the service of each action: * alone is refused",
            );
        }
        if resource.is_none() {
            return say(None, "Resource is missing");
        }
        None
    }

    fn lets_in_everybody_else(&self) -> Option<(Option<&'static str>, String)> {
        let open =
            self.effect == Effect::Allow && self.principals.as_ref().is_some_and(|who| who.negated);
        open.then(|| {
            (
                Some("NotPrincipal"),
                "NotPrincipal with Allow would let in everybody else".to_owned(),
            )
        })
    }
}

fn may_be_of_sts(pattern: &str) -> bool {
    match pattern.split_once(':') {
        Some((service, _)) => service.eq_ignore_ascii_case("sts") || service == "*",
        None => pattern == "*",
    }
}
