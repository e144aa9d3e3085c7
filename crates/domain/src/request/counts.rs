//! For which parts of a step somebody's approval would count.

use std::collections::BTreeSet;

use super::{CurrentStep, Decider, Refused, Request, Source};
use crate::policy::{Approvers, Part, People, Through};
use crate::{Time, UserId};

impl Request {
    /// The parts for which somebody is an approver.
    pub(super) fn counts_for(
        &self,
        current: &CurrentStep<'_>,
        parts: &[Part],
        decider: &Decider,
        delegate: Option<&Decider>,
        people: &People,
        now: Time,
    ) -> Result<BTreeSet<usize>, Refused> {
        // What the delegate did for who delegated counts as little as what those did themselves.
        let by_hand = |by: Option<UserId>| {
            by.is_some_and(|by| by == decider.user || delegate.is_some_and(|it| by == it.user))
        };
        let by_delegate = delegate.and_then(|it| it.changed_others);
        let changed_own = decider.changed_own.max(by_delegate);
        let changed_others = decider.changed_others.max(by_delegate);
        let step = current.step;
        let mut own = None;
        let mut through = |approvers: &Approvers| {
            let who = approvers
                .who
                .as_ref()
                .and_then(|who| people.matching.get(who));
            let mut through = Through {
                named: approvers.users.contains(&decider.user),
                condition: who.is_some_and(|all| all.contains(&decider.user)),
                ..Through::default()
            };
            if let Some(at) = changed_own
                && through.condition
                && at >= self.question.submitted_at
            {
                own = own.or(Some((Source::Condition, at)));
                through.condition = false;
            }
            for it in &decider.memberships {
                let named = match it.of {
                    Source::Group(id) => approvers.groups.contains(&id),
                    Source::Role(role) => approvers.roles.contains(&role),
                    Source::Condition | Source::Fallback => false,
                };
                if !named {
                    continue;
                }
                if by_hand(it.added_by) && it.since >= self.question.submitted_at {
                    own = own.or(Some((it.of, it.since)));
                    continue;
                }
                match it.of {
                    Source::Group(id) => through.groups.push(id),
                    Source::Role(role) => through.roles.push(role),
                    Source::Condition | Source::Fallback => {}
                }
            }
            through
        };
        let (first, mut fallback) = (through(&step.approvers), through(&step.fallback));
        let any = |through: &Through| *through != Through::default();
        // Who may have left the step without its approvers does not stand in for them.
        if let Some(at) = changed_others
            && any(&fallback)
            && at >= self.question.submitted_at
            && !current.is_late(now)
            && parts.iter().any(|part| part.fallback)
        {
            own = own.or(Some((Source::Fallback, at)));
            fallback = Through::default();
        }
        let counts: BTreeSet<usize> = (parts.iter().enumerate())
            .filter(|(_, part)| part.of.counts(&first) || (part.fallback && any(&fallback)))
            .map(|(at, _)| at)
            .collect();
        let places = self.places_at(current.index);
        let held = self.held_by(&places, decider.user, delegate.map(|it| it.user));
        let out = self.is_out(&places, decider.user, people);
        let own_right = counts.into_iter().filter(|_| !out);
        let counts: BTreeSet<usize> = own_right
            .chain(held)
            .filter(|at| *at < parts.len())
            .collect();
        if !counts.is_empty() {
            return Ok(counts);
        }
        Err(match own {
            _ if out => Refused::HandedOn {
                step: self.question.place_of(current.index),
                name: step.name.clone(),
            },
            Some((of, since)) => Refused::BecameApproverAfterSubmission { of, since },
            None if any(&fallback) => Refused::NotYetFallback {
                step: self.question.place_of(current.index),
                name: step.name.clone(),
            },
            None => Refused::NotAnApprover {
                step: self.question.place_of(current.index),
                name: step.name.clone(),
            },
        })
    }
}
