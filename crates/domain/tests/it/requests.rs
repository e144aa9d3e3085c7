//! Invariant 4 under any sequence of verbs: nobody decides a request they made or benefit
//! from unless the pinned policy says so, themselves or by a delegate; needed approvals never fall;
//! who added themselves to the approvers after the submission cannot decide; a delegate and who
//! delegated count once together; a place that was handed on is decided in by who has it alone, once,
//! and by nobody who may not decide.
//!
//! The oracle keeps a diary of who did what when, in its own words, and judges by it. It
//! calls no function of the domain.

use std::collections::BTreeSet;

use proptest::prelude::*;
use stint_domain::policy::{Approvers, Ask, Deadline, People, PolicyBody, Route, Step, Then};
use stint_domain::request::{
    Answer, Decider, Delegator, Handing, Membership, Request, Source, State,
};
use stint_domain::{GroupId, Span, Time, UserId};
use uuid::Uuid;

const USERS: u8 = 6;
const GROUPS: u8 = 3;
const POLICIES: usize = 2;

#[derive(Debug, Clone)]
enum Act {
    Submit {
        who: u8,
        whom: u8,
        policy: usize,
        crowd: bool,
    },
    /// Somebody comes into the group of AWS, or leaves it.
    Crowd {
        user: u8,
        inside: bool,
    },
    WritePolicy {
        policy: usize,
        rules: Rules,
    },
    Join {
        by: u8,
        user: u8,
        group: u8,
    },
    Leave {
        user: u8,
        group: u8,
    },
    /// Somebody lets another decide for them from now on, or `by` writes it down for them; or it
    /// ends.
    Delegate {
        by: u8,
        whom: u8,
        to: Option<u8>,
    },
    Decide {
        who: u8,
        request: prop::sample::Index,
        yes: bool,
    },
    /// Somebody hands a place on; where `admin` says so as an administrator, that of somebody or of
    /// nobody.
    Hand {
        who: u8,
        to: u8,
        admin: Option<Option<u8>>,
        request: prop::sample::Index,
    },
    Cancel {
        who: u8,
        request: prop::sample::Index,
    },
    Wait {
        minutes: i64,
    },
}

/// The oracle's own idea of a policy version.
#[derive(Debug, Clone)]
struct Rules {
    steps: Vec<Stage>,
    own_allowed: bool,
}

#[derive(Debug, Clone)]
struct Stage {
    named: BTreeSet<u8>,
    groups: BTreeSet<u8>,
    needed: u32,
    /// Whether so many are needed of each group, and of those named.
    each: bool,
    /// When its time is over.
    minutes: Option<i64>,
}

impl Stage {
    /// The sets of people of which each must give so many, in the diary's words.
    fn parts(&self, diary: &Diary) -> Vec<BTreeSet<u8>> {
        if !self.each {
            let mut who = self.named.clone();
            for g in &self.groups {
                who.extend(diary.members_of(*g));
            }
            return vec![who];
        }
        let groups = self.groups.iter().map(|g| diary.members_of(*g));
        let named = (!self.named.is_empty()).then(|| self.named.clone());
        groups.chain(named).collect()
    }

    fn total(&self) -> usize {
        let named = usize::from(!self.named.is_empty());
        let parts = if self.each {
            self.groups.len() + named
        } else {
            1
        };
        parts * self.needed as usize
    }
}

#[derive(Debug, Clone)]
struct Entry {
    user: u8,
    group: u8,
    since: i64,
    by: u8,
}

/// That `to` may decide for `whom`.
#[derive(Debug, Clone)]
struct Standin {
    whom: u8,
    to: u8,
    since: i64,
    by: u8,
}

/// A place in a step that was handed on.
#[derive(Debug, Clone)]
struct Spot {
    step: usize,
    /// By whose own right it is there.
    own: Option<u8>,
    /// Who had it.
    had: BTreeSet<u8>,
    has: u8,
    giver: u8,
    /// The administrators who said who has it.
    named_by: BTreeSet<u8>,
}

/// What the diary says of one request.
#[derive(Debug)]
struct Case {
    who: u8,
    whom: u8,
    /// Whether it is for the group of AWS.
    crowd: bool,
    asked_at: i64,
    /// As it was written when it was asked.
    rules: Rules,
    yes: BTreeSet<u8>,
    /// For whom else somebody said yes.
    yes_for: BTreeSet<u8>,
    /// In whose place somebody said yes.
    yes_in: BTreeSet<u8>,
    spots: Vec<Spot>,
    /// The step it is at, as far as the diary can tell.
    at: usize,
    over: Option<&'static str>,
    real: Request,
}

#[derive(Debug, Default)]
struct Diary {
    minute: i64,
    policies: Vec<Rules>,
    members: Vec<Entry>,
    standins: Vec<Standin>,
    /// Who is in the group of AWS now.
    crowd: BTreeSet<u8>,
    cases: Vec<Case>,
}

fn rules() -> impl Strategy<Value = Rules> {
    let stage = (
        prop::collection::btree_set(0..USERS, 0..3),
        prop::collection::btree_set(0..GROUPS, 0..3),
        1..3u32,
        prop::bool::weighted(0.3),
        prop::option::weighted(0.3, 1..6i64),
    )
        .prop_map(|(named, groups, needed, each, minutes)| Stage {
            // Each of its groups is asked only where it has some.
            each: each && !groups.is_empty(),
            named,
            groups,
            needed,
            minutes,
        });
    (
        prop::collection::vec(stage, 0..4),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(steps, own_allowed)| Rules { steps, own_allowed })
}

fn act() -> impl Strategy<Value = Act> {
    let index = any::<prop::sample::Index>;
    // Half of the time people add themselves: that is what the rule is about.
    let adder = prop::option::of(0..USERS);
    prop_oneof![
        3 => (0..USERS, 0..USERS, 0..POLICIES, prop::bool::weighted(0.3))
            .prop_map(|(who, whom, policy, crowd)| Act::Submit { who, whom, policy, crowd }),
        2 => (0..USERS, any::<bool>()).prop_map(|(user, inside)| Act::Crowd { user, inside }),
        1 => (0..POLICIES, rules()).prop_map(|(policy, rules)| Act::WritePolicy { policy, rules }),
        4 => (adder, 0..USERS, 0..GROUPS)
            .prop_map(|(by, user, group)| Act::Join { by: by.unwrap_or(user), user, group }),
        2 => (0..USERS, 0..GROUPS).prop_map(|(user, group)| Act::Leave { user, group }),
        3 => (prop::option::of(0..USERS), 0..USERS, prop::option::weighted(0.8, 0..USERS))
            .prop_map(|(by, whom, to)| Act::Delegate { by: by.unwrap_or(whom), whom, to }),
        12 => (0..USERS, index(), prop::bool::weighted(0.93))
            .prop_map(|(who, request, yes)| Act::Decide { who, request, yes }),
        5 => (0..USERS, 0..USERS, prop::option::weighted(0.3, prop::option::of(0..USERS)), index())
            .prop_map(|(who, to, admin, request)| Act::Hand { who, to, admin, request }),
        1 => (0..USERS, index()).prop_map(|(who, request)| Act::Cancel { who, request }),
        3 => (0..3i64).prop_map(|minutes| Act::Wait { minutes }),
    ]
}

fn user(n: u8) -> UserId {
    UserId(Uuid::from_u128(u128::from(n) + 1))
}

fn group(n: u8) -> GroupId {
    GroupId(Uuid::from_u128(u128::from(n) + 1001))
}

fn time(minute: i64) -> Time {
    Time::from_micros(minute * 60_000_000)
}

impl Rules {
    fn body(&self) -> PolicyBody {
        let last = self.steps.len().saturating_sub(1);
        let step = |(at, stage): (usize, &Stage)| {
            let approvers = Approvers {
                users: stage.named.iter().map(|n| user(*n)).collect(),
                groups: stage.groups.iter().map(|n| group(*n)).collect(),
                ..Approvers::default()
            };
            Step {
                each_group: stage.each,
                deadline: stage.minutes.map(|minutes| Deadline {
                    after: Span::minutes(minutes),
                    then: if at == last {
                        Then::Deny
                    } else {
                        Then::NextStep
                    },
                }),
                ..Step::new("step", approvers, stage.needed)
            }
        };
        let route = if self.steps.is_empty() {
            Route::AutoApprove
        } else {
            Route::Steps(self.steps.iter().enumerate().map(step).collect())
        };
        PolicyBody {
            allow_self_approval: self.own_allowed,
            ..PolicyBody::new(route, Span::hours(4))
        }
    }
}

impl Diary {
    fn members_of(&self, of: u8) -> BTreeSet<u8> {
        let entries = self.members.iter().filter(|e| e.group == of);
        entries.map(|e| e.user).collect()
    }

    /// Whether different people can be found for every place of every step, by trying.
    fn can_be_filled(&self, case: (u8, u8), crowd: bool, rules: &Rules) -> bool {
        let mut places = Vec::new();
        for stage in &rules.steps {
            for mut who in stage.parts(self) {
                if !rules.own_allowed {
                    who.retain(|n| *n != case.0 && *n != case.1);
                    who.retain(|n| !crowd || !self.crowd.contains(n));
                    let near = self.delegates_of(&self.whose(case, crowd));
                    who.retain(|n| !near.contains(n));
                }
                places.extend((0..stage.needed).map(|_| who.clone()));
            }
        }
        fn place(left: &[BTreeSet<u8>], used: &mut BTreeSet<u8>) -> bool {
            let Some((first, rest)) = left.split_first() else {
                return true;
            };
            first.iter().any(|n| {
                let fresh = used.insert(*n);
                let fits = fresh && place(rest, used);
                if fresh && !fits {
                    used.remove(n);
                }
                fits
            })
        }
        place(&places, &mut BTreeSet::new())
    }

    /// Who may decide for one of these now.
    fn delegates_of(&self, whom: &[u8]) -> BTreeSet<u8> {
        let all = self.standins.iter().filter(|it| whom.contains(&it.whom));
        all.map(|it| it.to).collect()
    }

    /// Whether the step asks this person, whoever acts for them: what `hands` wrote about them
    /// since the request was made makes them nothing.
    fn is_asked(&self, case: &Case, who: u8, hands: &[u8]) -> bool {
        if case.holds(who, hands) {
            return true;
        }
        let stage = case.rules.steps.get(case.at);
        !case.is_out(who)
            && stage.is_some_and(|stage| {
                stage.named.contains(&who)
                    || self.members.iter().any(|e| {
                        e.user == who
                            && stage.groups.contains(&e.group)
                            && (!hands.contains(&e.by) || e.since < case.asked_at)
                    })
            })
    }

    /// Who may decide for somebody to whom this request belongs.
    fn near(&self, case: &Case) -> BTreeSet<u8> {
        self.delegates_of(&self.whose((case.who, case.whom), case.crowd))
    }

    /// To whom a request belongs: who asks, who would hold it, and the group it is for.
    fn whose(&self, case: (u8, u8), crowd: bool) -> Vec<u8> {
        let mut whose = vec![case.0, case.1];
        whose.extend(self.crowd.iter().filter(|_| crowd));
        whose
    }

    /// Whether the diary lets this person say yes or no to that request now.
    fn legitimate(&self, case: &Case, who: u8, yes: bool) -> bool {
        case.over.is_none()
            && !self.hindered(case, who, yes)
            && !case.counted(who)
            && (0..USERS).any(|whose| self.stands_for(case, who, whose, yes))
    }

    /// Whether it is theirs, or they decide for whose it is, and nobody may then.
    fn hindered(&self, case: &Case, who: u8, yes: bool) -> bool {
        let inside = case.crowd && self.crowd.contains(&who);
        let own = who == case.who || who == case.whom || inside;
        let near = yes && self.near(case).contains(&who);
        (own || near) && !case.rules.own_allowed
    }

    /// Whether somebody, who may decide at all, is asked themselves, or for another.
    fn stands_for(&self, case: &Case, who: u8, whose: u8, yes: bool) -> bool {
        if who == whose {
            return self.is_asked(case, who, &[who]);
        }
        self.standins.iter().any(|it| {
            (it.to, it.whom) == (who, whose)
                && !case.counted(whose)
                && !self.hindered(case, whose, yes)
                && (it.by != who || it.since < case.asked_at)
                && self.is_asked(case, whose, &[whose, who])
        })
    }

    fn people(&self, whose: &[u8]) -> People {
        People {
            groups: (0..GROUPS)
                .map(|g| {
                    let members = self.members_of(g);
                    (group(g), members.into_iter().map(user).collect())
                })
                .collect(),
            able: (0..USERS).map(user).collect(),
            delegates: self.delegates_of(whose).into_iter().map(user).collect(),
            ..People::default()
        }
    }

    /// Somebody hands a place on.
    fn hand(
        &mut self,
        at: usize,
        who: u8,
        to: u8,
        admin: Option<Option<u8>>,
    ) -> Result<(), TestCaseError> {
        let case = &self.cases[at];
        let (by, target) = match admin {
            None => (self.decider(case, who), self.alone(case, to)),
            Some(_) => (self.alone(case, who), self.alone(case, to)),
        };
        let from = admin.flatten().map(|from| self.alone(case, from));
        let handing = match admin {
            None => Handing::Place(&by),
            Some(_) => Handing::Administrator {
                by: &by,
                from: from.as_ref(),
            },
        };
        let people = self.people(&self.whose((case.who, case.whom), case.crowd));
        let now = time(self.minute);
        let answer = (case.real.clone()).reassign(handing, &target, "away", &people, now);
        let may = match admin {
            None => self.legitimate(case, who, true),
            Some(from) => {
                case.over.is_none()
                    && !self.hindered(case, who, true)
                    && from.is_none_or(|from| {
                        !self.hindered(case, from, true)
                            && !case.counted(from)
                            && self.is_asked(case, from, &[from])
                    })
            }
        };
        let could_take = |from: Option<u8>| {
            let moved = case.spot_of(from);
            let elsewhere = |it: &Spot| it.own == Some(to) && it.has != to;
            let here = case.spots.iter().filter(|it| it.step == case.at);
            to != who
                && from != Some(to)
                && moved.is_none_or(|it| !case.spots[it].named_by.contains(&to))
                && !self.hindered(case, to, true)
                && !case.counted(to)
                && !self.is_asked(case, to, &[to])
                && (moved.is_some_and(|it| elsewhere(&case.spots[it]))
                    || !here.clone().any(elsewhere))
        };
        let (real, handover) = match answer {
            Ok(done) => done,
            Err(why) => {
                // What counting tells is judged by counting.
                let counts = [
                    "approval_not_needed",
                    "target_needed_later",
                    "handed_on_too_often",
                ];
                let each = (case.rules.steps.get(case.at)).is_some_and(|stage| stage.each);
                let full = why.code() == "from_not_asked" && (each || case.was_named());
                if counts.contains(&why.code()) || full {
                    return Ok(());
                }
                let from: Vec<Option<u8>> = match admin {
                    None => (0..USERS)
                        .filter(|whose| self.stands_for(case, who, *whose, true))
                        .map(Some)
                        .collect(),
                    Some(from) => vec![from],
                };
                // Of several whose place it may be, one that cannot be taken is enough.
                let fits = may && from.iter().all(|from| could_take(*from));
                prop_assert!(!fits, "{who} to {to}, {admin:?}, refused ({why}): {case:?}");
                return Ok(());
            }
        };
        let from = (0..USERS).find(|n| Some(user(*n)) == handover.from);
        prop_assert!(may, "{who} handed on to {to}, {admin:?}: {case:?}");
        prop_assert!(could_take(from), "{to} got a place, {admin:?}: {case:?}");
        match admin {
            None => prop_assert!(
                from.is_some_and(|from| self.stands_for(case, who, from, true)),
                "{who} handed on what is not theirs: {case:?}"
            ),
            Some(asked) => prop_assert_eq!(from, asked),
        }
        let case = &mut self.cases[at];
        case.real = real;
        let step = case.at;
        let at = case.spot_of(from).unwrap_or_else(|| {
            case.spots.push(Spot {
                step,
                own: from,
                had: BTreeSet::new(),
                has: from.unwrap_or(to),
                giver: who,
                named_by: BTreeSet::new(),
            });
            case.spots.len() - 1
        });
        let spot = &mut case.spots[at];
        spot.had.extend(from);
        spot.has = to;
        spot.giver = who;
        spot.named_by.extend(admin.map(|_| who));
        Ok(())
    }

    fn decider(&self, case: &Case, who: u8) -> Decider {
        let delegators = self.standins.iter().filter(|it| it.to == who);
        let delegators = delegators.map(|it| Delegator {
            who: self.alone(case, it.whom),
            since: time(it.since),
            made_by: Some(user(it.by)),
        });
        Decider {
            delegators: delegators.collect(),
            ..self.alone(case, who)
        }
    }

    /// Somebody without those for whom they may decide.
    fn alone(&self, case: &Case, who: u8) -> Decider {
        Decider {
            user: user(who),
            benefits: case.crowd && self.crowd.contains(&who),
            of_theirs: self.near(case).contains(&who),
            changed_own: None,
            changed_others: None,
            delegators: Vec::new(),
            memberships: (self.members.iter())
                .filter(|e| e.user == who)
                .map(|e| Membership {
                    of: Source::Group(group(e.group)),
                    since: time(e.since),
                    added_by: Some(user(e.by)),
                })
                .collect(),
        }
    }

    fn submit(
        &mut self,
        (who, whom): (u8, u8),
        policy: usize,
        crowd: bool,
    ) -> Result<(), TestCaseError> {
        let rules = self.policies[policy].clone();
        let people = self.people(&self.whose((who, whom), crowd));
        let ask = Ask {
            requester: user(who),
            beneficiary: user(whom),
            members: (self.crowd.iter().filter(|_| crowd))
                .map(|n| user(*n))
                .collect(),
            duration: Span::hours(1),
            until_revoked: false,
            start: None,
            reason: String::new(),
            ticket: None,
            entitlement_max: None,
            entitlement_until_revoked: false,
        };
        let answer = Request::submit(rules.body(), None, &ask, &people, time(self.minute));
        prop_assert_eq!(
            answer.is_ok(),
            self.can_be_filled((who, whom), crowd, &rules)
        );
        if let Ok((real, _)) = answer {
            self.cases.push(Case {
                who,
                whom,
                crowd,
                asked_at: self.minute,
                over: rules.steps.is_empty().then_some("approved"),
                yes: BTreeSet::new(),
                yes_for: BTreeSet::new(),
                yes_in: BTreeSet::new(),
                spots: Vec::new(),
                at: 0,
                rules,
                real,
            });
        }
        Ok(())
    }

    fn decide(&mut self, at: usize, who: u8, yes: bool) -> Result<(), TestCaseError> {
        let legitimate = self.legitimate(&self.cases[at], who, yes);
        let decider = self.decider(&self.cases[at], who);
        let now = time(self.minute);
        let case = &mut self.cases[at];
        let answer = if yes {
            Answer::Approve
        } else {
            Answer::Deny {
                reason: "no".into(),
            }
        };
        let people = People {
            able: (0..USERS).map(user).collect(),
            ..People::default()
        };
        match case.real.clone().decide(&decider, &people, answer, now) {
            Ok((real, _)) => {
                prop_assert!(legitimate, "{who} decided on {case:?}");
                case.real = real;
            }
            // Of a step that asks each of its groups a place may be taken already.
            Err(why) if why.code() == "approval_not_needed" => {
                prop_assert!(legitimate && yes, "{who} was refused ({why}) on {case:?}");
                let each = case
                    .rules
                    .steps
                    .get(case.at)
                    .is_some_and(|stage| stage.each);
                prop_assert!(
                    each || case.was_named(),
                    "{who} was refused ({why}) on {case:?}"
                );
                return Ok(());
            }
            Err(why) => {
                prop_assert!(!legitimate, "{who} was refused ({why}) on {case:?}");
                return Ok(());
            }
        }
        if !yes {
            case.over = Some("denied");
            return Ok(());
        }
        case.yes.insert(who);
        let last = case.real.state.approvals().last();
        let whose = last.and_then(|it| it.on_behalf_of);
        case.yes_for
            .extend((0..USERS).filter(|n| Some(user(*n)) == whose));
        let whose = (0..USERS).find(|n| Some(user(*n)) == whose).unwrap_or(who);
        let held = case
            .spots
            .iter()
            .find(|it| it.step == case.at && it.has == whose);
        let own = held.and_then(|it| it.own).filter(|own| *own != whose);
        case.yes_in.extend(own);
        match &case.real.state {
            State::Pending { step, .. } => case.at = *step,
            State::Approved { .. } => case.over = Some("approved"),
            other => prop_assert!(false, "approved and {other:?}"),
        }
        Ok(())
    }

    /// The clock does what it has to, to every request.
    fn pass(&mut self) -> Result<(), TestCaseError> {
        let now = time(self.minute);
        for case in &mut self.cases {
            while let (real, Some(_)) = case.real.clone().pass(now) {
                let stage = &case.rules.steps[case.at];
                prop_assert!(stage.minutes.is_some(), "nothing was due: {case:?}");
                match &real.state {
                    State::Pending { step, .. } => {
                        prop_assert_eq!(*step, case.at + 1);
                        case.at = *step;
                    }
                    State::Denied { by: None, .. } => case.over = Some("denied"),
                    other => prop_assert!(false, "the clock made it {other:?}"),
                }
                case.real = real;
            }
        }
        Ok(())
    }

    fn cancel(&mut self, at: usize, who: u8) -> Result<(), TestCaseError> {
        let now = time(self.minute);
        let case = &mut self.cases[at];
        let answer = case.real.clone().cancel(user(who), now);
        prop_assert_eq!(answer.is_ok(), case.over.is_none());
        if let Ok(real) = answer {
            case.real = real;
            case.over = Some("cancelled");
        }
        Ok(())
    }

    fn step(&mut self, act: Act) -> Result<(), TestCaseError> {
        match act {
            Act::Wait { minutes } => {
                self.minute += minutes;
                self.pass()?;
            }
            Act::WritePolicy { policy, rules } => self.policies[policy] = rules,
            Act::Leave { user, group } => {
                (self.members).retain(|e| (e.user, e.group) != (user, group));
            }
            Act::Delegate { by, whom, to } => {
                self.standins.retain(|it| it.whom != whom);
                let since = self.minute;
                (self.standins).extend(to.filter(|to| *to != whom).map(|to| Standin {
                    whom,
                    to,
                    since,
                    by,
                }));
            }
            Act::Join { by, user, group } => {
                if !self.members_of(group).contains(&user) {
                    self.members.push(Entry {
                        user,
                        group,
                        since: self.minute,
                        by,
                    });
                }
            }
            Act::Submit {
                who,
                whom,
                policy,
                crowd,
            } => self.submit((who, whom), policy, crowd)?,
            Act::Crowd { user, inside } => {
                if inside {
                    self.crowd.insert(user);
                } else {
                    self.crowd.remove(&user);
                }
            }
            Act::Decide { who, request, yes } if !self.cases.is_empty() => {
                self.decide(request.index(self.cases.len()), who, yes)?;
            }
            Act::Hand {
                who,
                to,
                admin,
                request,
            } if !self.cases.is_empty() => {
                self.hand(request.index(self.cases.len()), who, to, admin)?;
            }
            Act::Cancel { who, request } if !self.cases.is_empty() => {
                self.cancel(request.index(self.cases.len()), who)?;
            }
            Act::Decide { .. } | Act::Hand { .. } | Act::Cancel { .. } => {}
        }
        self.cases.iter().try_for_each(Case::judge)
    }
}

impl Case {
    /// Whether somebody has said yes, by themselves or by another.
    fn counted(&self, who: u8) -> bool {
        [&self.yes, &self.yes_for, &self.yes_in]
            .iter()
            .any(|all| all.contains(&who))
    }

    /// Which spot somebody hands on: the one they have, or theirs by right.
    fn spot_of(&self, from: Option<u8>) -> Option<usize> {
        let from = from?;
        let here = |it: &Spot| it.step == self.at;
        let has = self.spots.iter().position(|it| here(it) && it.has == from);
        has.or_else(|| (self.spots.iter()).position(|it| here(it) && it.own == Some(from)))
    }

    /// Whether their own right was handed on.
    fn is_out(&self, who: u8) -> bool {
        let mut here = self.spots.iter().filter(|it| it.step == self.at);
        here.any(|it| it.had.contains(&who) && it.has != who)
    }

    /// Whether a spot is theirs, whoever acts for them: not who handed it on, or made it.
    fn holds(&self, who: u8, hands: &[u8]) -> bool {
        let other = |it: &Spot| {
            let mut others = hands.iter().filter(|hand| **hand != who);
            others.any(|hand| *hand == it.giver || it.named_by.contains(hand))
        };
        let mut here = self.spots.iter().filter(|it| it.step == self.at);
        here.any(|it| it.has == who && !other(it))
    }

    /// Whether an administrator has named somebody at the step it is at.
    fn was_named(&self) -> bool {
        let mut here = self.spots.iter().filter(|it| it.step == self.at);
        here.any(|it| !it.named_by.is_empty())
    }

    /// The request as it stands must be what the diary allows.
    fn judge(&self) -> Result<(), TestCaseError> {
        let (word, yes) = match &self.real.state {
            State::Pending { approvals, .. } => (None, approvals),
            State::Approved { approvals, .. } => (Some("approved"), approvals),
            State::Denied { approvals, .. } => (Some("denied"), approvals),
            State::Cancelled { approvals, .. } => (Some("cancelled"), approvals),
        };
        prop_assert_eq!(word, self.over);
        let people: BTreeSet<_> = yes.iter().map(|a| a.by).collect();
        prop_assert_eq!(people.len(), yes.len(), "somebody counts twice");
        let whose: BTreeSet<_> = yes
            .iter()
            .map(stint_domain::request::Approval::whose)
            .collect();
        prop_assert_eq!(
            whose.len(),
            yes.len(),
            "somebody counts by themselves and by another"
        );
        let own = [user(self.who), user(self.whom)];
        prop_assert!(
            self.rules.own_allowed
                || own
                    .iter()
                    .all(|o| !people.contains(o) && !whose.contains(o)),
            "somebody approved what is theirs"
        );
        // However the answer comes about, the number of approvals it needs never falls.
        let total: usize = self.rules.steps.iter().map(Stage::total).sum();
        let now = time(self.asked_at);
        let still = match &self.real.state {
            State::Pending { .. } => {
                let waiting = self.real.waiting(&[], &People::default(), now);
                let later = self.rules.steps.iter().skip(self.at + 1).map(Stage::total);
                waiting.map_or(0, |it| it.still as usize) + later.sum::<usize>()
            }
            _ => 0,
        };
        if word.is_none() || word == Some("approved") {
            prop_assert_eq!(yes.len() + still, total, "{:?}", self);
        }
        Ok(())
    }
}

fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(2_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_the_right_people_decide_whatever_happens(
        policies in prop::collection::vec(rules(), POLICIES),
        acts in prop::collection::vec(act(), 1..60),
    ) {
        let mut diary = Diary { policies, ..Diary::default() };
        for act in acts {
            diary.step(act)?;
        }
    }
}
