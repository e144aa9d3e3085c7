//! What a run came to of each kind of object: when reading all of it began, or why not all of it was
//! read. Noted on its plan as it goes, so that whoever takes it over knows, too.

use std::collections::HashMap;

use stint_domain::Time;

use super::super::super::Error;
use super::super::super::classes::Class;
use super::super::super::store::{iam, runs, scopes};
use super::{Lists, Walk};

/// When each part of IAM was read whole in this run, by account.
struct Parts(HashMap<(String, String), Time>);

impl Parts {
    /// When the reading began, of all of these accounts, that read this part whole; or how many lack
    /// it.
    fn of<'a>(
        &self,
        part: &str,
        accounts: impl Iterator<Item = &'a str>,
    ) -> Result<Option<Time>, u64> {
        let (mut first, mut lacking) = (None::<Time>, 0_u64);
        for account in accounts {
            match self.0.get(&(part.to_owned(), account.to_owned())) {
                Some(began) => first = Some(first.map_or(*began, |first| first.min(*began))),
                None => lacking += 1,
            }
        }
        match lacking {
            0 => Ok(first),
            more => Err(more),
        }
    }
}

impl Walk<'_> {
    /// Notes what this run came to of a kind of object.
    pub(super) async fn came(&self, class: Class, came: Result<Time, String>) -> Result<(), Error> {
        let mut sink = self.sink.lock().await;
        sink.run.plan.came(class, came);
        let mut tx = super::super::begin(self.cx, sink.run.connection).await?;
        runs::planned(&mut tx, &sink.run).await?;
        sink.moved(&mut tx, self.cx, &self.estate).await?;
        Ok(tx.commit().await?)
    }

    /// Notes that who holds what was read whole, from one side or the other: since when is the first
    /// reading of any of it.
    pub(super) async fn held_whole(&self, class: Class, lists: &Lists) -> Result<(), Error> {
        let first = self.sink.lock().await.first_held();
        let listed = lists
            .accounts
            .min(lists.sets)
            .min(lists.users)
            .min(lists.groups);
        self.came(class, Ok(first.unwrap_or(listed))).await
    }

    /// Notes what was read of IAM: of the connection's own account, and of the others in the list of
    /// accounts begun at `accounts`, all of them or not.
    pub(super) async fn iam_came(&self, accounts: Time, own: &str) -> Result<(), Error> {
        let run = self.run().await;
        let connection = run.connection;
        let mut q = self.cx.read().await?;
        let read = scopes::iam(&mut q, run.id).await?.into_iter();
        let parts = Parts(
            read.map(|(part, account, began)| ((part, account), began))
                .collect(),
        );
        let since = self.cx.app.clock.now() - super::iam::DENIED_FOR;
        let denied = iam::denied(&mut q, connection, own, since).await?;
        let listed = iam::accounts(&mut q, connection, accounts).await?;
        let refusal = iam::refusal(&mut q, connection, accounts).await?;
        drop(q);
        let refused = |actions: &[&str], or: &str| {
            let found = actions.iter().find(|action| denied.contains(**action));
            found.map_or_else(|| or.to_owned(), |action| format!("AWS refused {action}."))
        };
        let own_parts: [(Class, &str, &[&str], &str); 3] = [
            (
                Class::Iam,
                iam::WHOLE,
                &[],
                "Users or groups came, went or were renamed while they were read.",
            ),
            (
                Class::Roles,
                iam::ROLE_LIST,
                &["iam:ListRoles"],
                "AWS did not let the roles be listed.",
            ),
            (
                Class::Report,
                iam::REPORT,
                &["iam:GetCredentialReport", "iam:GenerateCredentialReport"],
                "AWS made no credential report in time.",
            ),
        ];
        for (class, part, actions, or) in own_parts {
            let came = match parts.of(part, std::iter::once(own)) {
                Ok(Some(began)) => Ok(began),
                _ => Err(refused(actions, or)),
            };
            self.came(class, came).await?;
        }
        if !self.member_accounts {
            return Ok(());
        }
        let others: Vec<&str> = (listed.iter())
            .map(|(account, _)| account.as_str())
            .filter(|account| *account != own)
            .collect();
        for (class, part, what) in [
            (Class::MemberIam, iam::WHOLE, "IAM users and groups"),
            (Class::MemberRoles, iam::ROLE_LIST, "IAM roles"),
            (Class::MemberReports, iam::REPORT, "credential report"),
        ] {
            let came = match parts.of(part, others.iter().copied()) {
                Ok(began) => Ok(began.unwrap_or(accounts)),
                Err(lacking) => {
                    let of = others.len();
                    let told = format!(
                        "The {what} of {lacking} of {of} member accounts could not be read whole."
                    );
                    Err(match &refusal {
                        Some((account, why)) => format!("{told} {account}: {why}"),
                        None => told,
                    })
                }
            };
            self.came(class, came).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_that_lacks_a_part_spoils_the_moment_of_all() {
        let at = Time::from_micros;
        let of =
            |part: &str, account: &str, began| ((part.to_owned(), account.to_owned()), at(began));
        let parts = Parts([of("a", "1", 5), of("a", "2", 3), of("b", "1", 7)].into());
        let all = || ["1", "2"].into_iter();
        assert_eq!(
            parts.of("a", all()),
            Ok(Some(at(3))),
            "the one read longest ago"
        );
        assert_eq!(parts.of("b", all()), Err(1));
        assert_eq!(parts.of("c", all()), Err(2));
        assert_eq!(parts.of("c", std::iter::empty()), Ok(None));
    }
}
