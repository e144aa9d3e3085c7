//! Membership of an IAM group: looking, adding, removing.
//!
//! IAM's calls name users and groups by names, and names come back for others (AWS reference
//! §1.1). So nothing is sent before AWS has said whose the names are: an add is refused when
//! the user's name is somebody else's today, and a removal finds out how the user is called
//! now. Both calls say success when there is nothing to do; who added a member, IAM does not
//! tell. A reading goes by ids alone.
//!
//! What it cannot do: hold AWS to what it said. Between the answer about a name and the
//! arrival of the call the name may move; whoever intends an add must not do so while one of
//! another user under the same name may be under way.

use aws_types::request_id::RequestId;
use stint_domain::Time;
use stint_domain::binding::AttemptKind;

use crate::change::{Answer, Written, refused, unsent};
use crate::clock::signing_time;
use crate::error::{AwsError, ErrorKind};
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};
use crate::pages::Pages;
use crate::pair::Reading;
use crate::read::{IamGroup, OTHER_GROUP};

pub(crate) const ADD: &str = "iam:AddUserToGroup";
const REMOVE: &str = "iam:RemoveUserFromGroup";
const USER: &str = "iam:GetUser";
const GROUP: &str = "iam:GetGroup";

/// A pair, borrowed.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) account: &'a str,
    pub(crate) group: &'a str,
    pub(crate) group_name: &'a str,
    pub(crate) user: &'a str,
    pub(crate) user_name: &'a str,
}

/// How something with this id is called now.
enum Called {
    /// As it was.
    Still,
    /// Otherwise. `taken`: the old name is another's.
    Now { name: String, taken: bool },
    /// There is none with this id any more.
    Gone { taken: bool },
}

/// What was learnt, with AWS's ids of the calls it took.
struct Learnt {
    called: Called,
    request_ids: Vec<String>,
}

impl Learnt {
    /// The present name, if it has one.
    fn name(&self, before: &str) -> Option<String> {
        match &self.called {
            Called::Still => Some(before.to_owned()),
            Called::Now { name, .. } => Some(name.clone()),
            Called::Gone { .. } => None,
        }
    }
}

impl Estate {
    /// Whether the user with this id is in the group with this id.
    pub(crate) async fn read_member(
        &self,
        m: Member<'_>,
        mut reading: Reading,
        lane: Lane,
    ) -> Result<Reading, AwsError> {
        let here = self.in_account(m.account, lane).await?;
        let group = |name: &str| IamGroup {
            id: m.group.to_owned(),
            name: name.to_owned(),
        };
        let before = group(m.group_name);
        let first = here.members_with(&before, m.user, &mut reading, lane).await;
        match first {
            Err(error) if elsewhere(&error) => {
                reading.request_ids.extend(error.request_id);
                let learnt = here.group_called(m, lane).await?;
                reading
                    .request_ids
                    .extend(learnt.request_ids.iter().cloned());
                let Some(name) = learnt.name(m.group_name) else {
                    // Nobody is in a group that no longer exists; its id never comes back.
                    reading.present = false;
                    return Ok(reading);
                };
                here.members_with(&group(&name), m.user, &mut reading, lane)
                    .await?;
                Ok(reading)
            }
            Err(error) => Err(error),
            Ok(()) => Ok(reading),
        }
    }

    async fn members_with(
        &self,
        group: &IamGroup,
        user: &str,
        reading: &mut Reading,
        lane: Lane,
    ) -> Result<(), AwsError> {
        let mut pages = self.iam_members(group, None, lane);
        while let Some(page) = pages.next().await? {
            reading.request_ids.extend(page.request_id);
            reading.present |= page.items.iter().any(|member| member.id == user);
        }
        Ok(())
    }

    /// Puts the user into the group, if both still bear the names the call goes by.
    pub(crate) async fn add_member(&self, m: Member<'_>, sign_at: Time, lane: Lane) -> Written {
        let learnt = async {
            let here = self.in_account(m.account, lane).await?;
            if let Some(outside) = here.outside_limits(m, lane).await? {
                return Ok(Err(outside));
            }
            let user = here.user_called(m, lane).await?;
            let group = here.group_called(m, lane).await?;
            Ok::<_, AwsError>(Ok((here, user, group)))
        };
        let (here, user, group) = match learnt.await {
            Ok(Ok(learnt)) => learnt,
            Ok(Err(outside)) => return outside,
            Err(error) => return unsent(error),
        };
        for (kind, name, learnt) in [("user", m.user_name, user), ("group", m.group_name, group)] {
            if let Some(answer) = no_longer(kind, name, &learnt.called) {
                return Written {
                    answer,
                    aws_request_id: learnt.request_ids.into_iter().next_back(),
                };
            }
        }
        let send = |s: &Session| {
            let add = s.iam.add_user_to_group().group_name(m.group_name);
            add.user_name(m.user_name)
                .customize()
                .config_override(signed(sign_at))
                .send()
        };
        match here.send(lane, Service::Iam, ADD, send).await {
            Ok((answer, _)) => done(answer.request_id()),
            Err(error) if error.kind == ErrorKind::NotFound => Written {
                // AWS just said that both exist: one was renamed or deleted meanwhile, or a
                // part of IAM does not know it yet. The next try finds out.
                aws_request_id: error.request_id.clone(),
                answer: passing(&error),
            },
            Err(error) if error.kind == ErrorKind::Quota => Written {
                aws_request_id: error.request_id.clone(),
                answer: Answer::Refused {
                    code: error.code.clone(),
                    message: format!(
                        "{} (an IAM user can be in 10 groups, and no more: take {} out of a group it \
                         does not need, and ask again)",
                        error.message, m.user_name
                    ),
                    permanent: true,
                },
            },
            Err(error) => refused(AttemptKind::Create, error),
        }
    }

    /// Takes the user out of the group, by the names both bear now. Where either is gone
    /// nothing is sent, and the answer is `NotFound` with the look-up's request id.
    pub(crate) async fn remove_member(&self, m: Member<'_>, sign_at: Time, lane: Lane) -> Written {
        let here = match self.in_account(m.account, lane).await {
            Ok(here) => here,
            Err(error) => return unsent(error),
        };
        let (group, user) = match here.names(m, lane).await {
            Ok(Ok(names)) => names,
            Ok(Err(gone)) => return gone,
            Err(error) => return unsent(error),
        };
        let send = |s: &Session| {
            let remove = s.iam.remove_user_from_group().group_name(&group);
            remove
                .user_name(&user)
                .customize()
                .config_override(signed(sign_at))
                .send()
        };
        let error = match here.send(lane, Service::Iam, REMOVE, send).await {
            Ok((answer, _)) => return done(answer.request_id()),
            Err(error) if error.kind == ErrorKind::NotFound => error,
            Err(error) => return refused(AttemptKind::Delete, error),
        };
        // The user is gone, the group is gone, or it is no member: the code is the same for
        // all three, and for a name that moved meanwhile.
        match here.names(m, lane).await {
            Ok(Err(gone)) => gone,
            Ok(Ok((now_group, now_user))) if now_group == group && now_user == user => Written {
                answer: Answer::NotFound,
                aws_request_id: error.request_id,
            },
            Ok(Ok(_)) | Err(_) => Written {
                aws_request_id: error.request_id.clone(),
                answer: passing(&error),
            },
        }
    }

    /// How group and user are called now; where one of them is gone, the answer to a removal.
    async fn names(
        &self,
        m: Member<'_>,
        lane: Lane,
    ) -> Result<Result<(String, String), Written>, AwsError> {
        let gone = |learnt: Learnt| Written {
            answer: Answer::NotFound,
            aws_request_id: learnt.request_ids.into_iter().next_back(),
        };
        let learnt = self.group_called(m, lane).await?;
        let Some(group) = learnt.name(m.group_name) else {
            return Ok(Err(gone(learnt)));
        };
        let learnt = self.user_called(m, lane).await?;
        let Some(user) = learnt.name(m.user_name) else {
            return Ok(Err(gone(learnt)));
        };
        Ok(Ok((group, user)))
    }

    /// Where the names mean something: in one account only, the estate's own or a member of its
    /// organization. A role that leads elsewhere today would find nobody there, and take them for
    /// gone.
    pub(crate) async fn in_account(&self, account: &str, lane: Lane) -> Result<Estate, AwsError> {
        let own = self.account(lane).await?;
        if own == account {
            return Ok(self.clone());
        }
        if let Some(member) = self.member(account) {
            return Ok(member);
        }
        let message = format!(
            "it is in account {account}, but this connection now speaks for account {own}: \
             give it credentials of {account} again, or switch on the IAM of member accounts"
        );
        Err(AwsError::ours(
            ErrorKind::Other,
            "iam:GetGroup",
            "other_account",
            message,
        ))
    }

    /// The refusal, where this user or group is none of the connection's business. IAM cannot
    /// limit who is put into a group (AWS reference §6.4), so Stint does; who was put in before a
    /// limit was set is still taken out.
    async fn outside_limits(&self, m: Member<'_>, lane: Lane) -> Result<Option<Written>, AwsError> {
        let Some(scope) = &self.spec().features.iam else {
            return Ok(None);
        };
        let refused = |request_id: Option<String>, what: &str| Written {
            aws_request_id: request_id,
            answer: Answer::Refused {
                code: "outside_limits".to_owned(),
                message: format!(
                    "{what} is outside the limits in the settings of this connection; widen them there, or ask \
                     for something else"
                ),
                permanent: true,
            },
        };
        if scope.user_path != "/" || !scope.user_prefix.is_empty() {
            if !m.user_name.starts_with(&scope.user_prefix) {
                return Ok(Some(refused(
                    None,
                    &format!("the IAM user {}", m.user_name),
                )));
            }
            let get = |s: &Session| s.iam.get_user().user_name(m.user_name).send();
            match self.look(lane, Service::Iam, USER, get).await {
                Ok(answer) => {
                    let user = answer.user();
                    let inside = user.is_some_and(|it| scope.has_user(it.path(), it.user_name()));
                    if !inside {
                        let id = answer.request_id().map(str::to_owned);
                        return Ok(Some(refused(id, &format!("the IAM user {}", m.user_name))));
                    }
                }
                // Where one user may not be looked at, the list of all tells as much. Whether it was
                // renamed or is gone, the next look says.
                Err(error) if error.kind == ErrorKind::Denied => {
                    let mut all = self.iam_users(None, lane);
                    while let Some(page) = all.next().await? {
                        let found = page.items.iter().find(|it| it.name == m.user_name);
                        let Some(user) = found else { continue };
                        if !scope.has_user(&user.path, &user.name) {
                            let what = format!("the IAM user {}", m.user_name);
                            return Ok(Some(refused(page.request_id, &what)));
                        }
                        break;
                    }
                }
                Err(error) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        if !scope.groups.is_empty() {
            let get = |s: &Session| {
                let get = s.iam.get_group().group_name(m.group_name);
                get.max_items(1).send()
            };
            match self.look(lane, Service::Iam, GROUP, get).await {
                Ok(answer) => {
                    let group = answer.group();
                    if !group.is_some_and(|it| scope.has_group(it.arn())) {
                        let id = answer.request_id().map(str::to_owned);
                        return Ok(Some(refused(
                            id,
                            &format!("the IAM group {}", m.group_name),
                        )));
                    }
                }
                Err(error) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn user_called(&self, m: Member<'_>, lane: Lane) -> Result<Learnt, AwsError> {
        let send = |s: &Session| s.iam.get_user().user_name(m.user_name).send();
        let asked = self.look(lane, Service::Iam, USER, send).await;
        let bearer = asked.and_then(|answer| {
            let found = answer.user().map(|user| user.user_id().to_owned());
            let id = found.ok_or_else(|| AwsError::unreadable(USER, "User"))?;
            Ok((id, answer.request_id().map(str::to_owned)))
        });
        let all = self.iam_users(None, lane);
        let denied = |error: &AwsError| error.kind == ErrorKind::Denied;
        let listed = bearer.as_ref().is_err_and(denied);
        // Where one user may not be looked at, the list of all tells as much.
        let bearer = bearer.or_else(|error| {
            if denied(&error) {
                return Ok((String::new(), error.request_id));
            }
            Err(error)
        });
        let mut learnt = called(m.user, bearer, all, |user| (user.id, user.name)).await?;
        if listed {
            learnt.called = match learnt.called {
                Called::Now { name, .. } if name == m.user_name => Called::Still,
                Called::Gone { .. } => Called::Gone { taken: false },
                other => other,
            };
        }
        Ok(learnt)
    }

    async fn group_called(&self, m: Member<'_>, lane: Lane) -> Result<Learnt, AwsError> {
        let send = |s: &Session| {
            let get = s.iam.get_group().group_name(m.group_name);
            get.max_items(1).send()
        };
        let asked = self.look(lane, Service::Iam, GROUP, send).await;
        let bearer = asked.and_then(|answer| {
            let found = answer.group().map(|group| group.group_id().to_owned());
            let id = found.ok_or_else(|| AwsError::unreadable(GROUP, "Group"))?;
            Ok((id, answer.request_id().map(str::to_owned)))
        });
        let all = self.iam_groups(None, lane);
        called(m.group, bearer, all, |group| (group.id, group.name)).await
    }
}

/// How the one with this id is called now: `bearer` is who bears the old name today, with
/// AWS's id of the call; only where that is not them, `all` is looked through.
async fn called<T: Send + 'static>(
    id: &str,
    bearer: Result<(String, Option<String>), AwsError>,
    mut all: Pages<T>,
    named: impl Fn(T) -> (String, String),
) -> Result<Learnt, AwsError> {
    let mut request_ids = Vec::new();
    let taken = match bearer {
        Ok((found, request_id)) => {
            request_ids.extend(request_id);
            if found == id {
                return Ok(Learnt {
                    called: Called::Still,
                    request_ids,
                });
            }
            true
        }
        Err(error) if error.kind == ErrorKind::NotFound => {
            request_ids.extend(error.request_id);
            false
        }
        Err(error) => return Err(error),
    };
    while let Some(page) = all.next().await? {
        request_ids.extend(page.request_id);
        let found = page.items.into_iter().map(&named).find(|it| it.0 == id);
        if let Some((_, name)) = found {
            return Ok(Learnt {
                called: Called::Now { name, taken },
                request_ids,
            });
        }
    }
    Ok(Learnt {
        called: Called::Gone { taken },
        request_ids,
    })
}

fn signed(at: Time) -> aws_sdk_iam::config::Builder {
    aws_sdk_iam::config::Builder::new().time_source(signing_time(at))
}

/// Success, of which IAM tells nothing: neither who added, nor whether there was anything to do.
fn done(request_id: Option<&str>) -> Written {
    Written {
        answer: Answer::Succeeded {
            membership_id: None,
        },
        aws_request_id: request_id.map(str::to_owned),
    }
}

fn passing(error: &AwsError) -> Answer {
    Answer::Refused {
        code: error.code.clone(),
        message: error.message.clone(),
        permanent: false,
    }
}

/// Why nobody is added under a name that is no longer the one's that was meant.
fn no_longer(kind: &str, name: &str, called: &Called) -> Option<Answer> {
    let (code, message) = match called {
        Called::Still => return None,
        Called::Now { name: now, taken } => {
            let taken = if *taken {
                ", and the name is another's today"
            } else {
                ""
            };
            (
                "renamed",
                format!(
                    "the IAM {kind} {name} is called {now} now{taken}: sync the connection and ask again"
                ),
            )
        }
        Called::Gone { taken: true } => (
            "name_reused",
            format!(
                "the IAM {kind} {name} that was asked for no longer exists, and the name is another's \
                 today: sync the connection, and ask for the one that is meant"
            ),
        ),
        Called::Gone { taken: false } => (
            "NoSuchEntity",
            format!("the IAM {kind} {name} no longer exists: sync the connection"),
        ),
    };
    Some(Answer::Refused {
        code: code.to_owned(),
        message,
        permanent: true,
    })
}

/// Whether the group is perhaps elsewhere: its name is unknown, or another's.
fn elsewhere(error: &AwsError) -> bool {
    error.kind == ErrorKind::NotFound || error.code == OTHER_GROUP
}
