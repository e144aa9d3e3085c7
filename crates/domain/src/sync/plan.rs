//! Which of several listings that answer the same question costs the fewest calls.
//!
//! AWS can be asked who holds what from more than one side (AWS reference §3.2, §3.3). The
//! number of calls differs by an order of magnitude from estate to estate, and not every
//! credential may make every call. [`Known`] is what is known of an estate when a question
//! comes up, [`Denied`] what AWS is known to refuse; a [`Choice`] names the cheapest listing
//! that is left, what the others would cost, and so what a missing permission costs.
//!
//! What it does not do: make a call, or know what a listing leaves out. Whoever reads by
//! principal asks for what that cannot show (see [`Listing::HoldersByPrincipal`]).

use std::collections::BTreeSet;

/// Rows on one page of Identity Center's and the identity store's listings (AWS reference
/// §1.2, §1.3).
pub const PAGE: u64 = 100;

/// Calls for a listing of so many rows: an empty one costs a call, too.
#[must_use]
pub const fn pages(rows: u64) -> u64 {
    let full = rows.div_ceil(PAGE);
    if full == 0 { 1 } else { full }
}

/// A question that can be asked from more than one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// Which permission sets are provisioned on which accounts.
    Pairs,
    /// Who holds which of them.
    Holders,
    /// Who is in which Identity Center group.
    Members,
    /// Which tags accounts have.
    Tags,
    /// Who is in which IAM group of the connection's own account, with its users and roles.
    Iam,
    /// The same of the organization's other accounts, all together.
    MemberIam,
    /// What IAM users of the connection's own account sign in and call with.
    Report,
}

impl Question {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Pairs,
        Self::Holders,
        Self::Members,
        Self::Tags,
        Self::Iam,
        Self::MemberIam,
        Self::Report,
    ];

    /// Whether it is told only once it was read, by which listing that was: IAM is asked account by
    /// account, each for itself (see [`iam`](super::iam)).
    #[must_use]
    pub const fn is_told_afterwards(self) -> bool {
        matches!(self, Self::Iam | Self::MemberIam | Self::Report)
    }

    /// The stable word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pairs => "pairs",
            Self::Holders => "holders",
            Self::Members => "members",
            Self::Tags => "tags",
            Self::Iam => "iam",
            Self::MemberIam => "member_iam",
            Self::Report => "credential_report",
        }
    }

    /// The question, as people read it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Pairs => "which permission set is on which account",
            Self::Holders => "who holds them",
            Self::Members => "who is in which group",
            Self::Tags => "which tags accounts have",
            Self::Iam => "IAM users, groups and roles",
            Self::MemberIam => "IAM users, groups and roles of member accounts",
            Self::Report => "passwords, MFA and access keys of IAM users",
        }
    }

    /// The listings that answer it.
    #[must_use]
    pub const fn listings(self) -> &'static [Listing] {
        match self {
            Self::Pairs => &[Listing::SetsByAccount, Listing::AccountsBySet],
            Self::Holders => &[Listing::HoldersByPair, Listing::HoldersByPrincipal],
            Self::Members => &[Listing::MembersByGroup, Listing::GroupsByMember],
            Self::Tags => &[Listing::TagsByAccount],
            Self::Iam => &[Listing::IamByGroup, Listing::IamByUser, Listing::IamDetails],
            Self::MemberIam => &[
                Listing::MemberIamByGroup,
                Listing::MemberIamByUser,
                Listing::MemberIamDetails,
            ],
            Self::Report => &[Listing::CredentialReport],
        }
    }
}

/// A way to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listing {
    /// Each account for its permission sets.
    SetsByAccount,
    /// Each permission set for its accounts.
    AccountsBySet,
    /// Each permission set on each account for its holders.
    HoldersByPair,
    /// Each group and user for what it holds. Shows nothing of users and groups that are
    /// deleted, whose assignments AWS keeps (AWS reference §1.2 [R]): a pair that nobody seems to
    /// hold, and one where such a principal was seen, is asked by pair as well.
    HoldersByPrincipal,
    /// Each group for its members.
    MembersByGroup,
    /// Each user for the groups it is in.
    GroupsByMember,
    /// Each account for its tags: Organizations has no listing of many at once (AWS reference §6.3
    /// [S], botocore's model [M]).
    TagsByAccount,
    /// Each IAM group for its members.
    IamByGroup,
    /// Each IAM user for the groups it is in.
    IamByUser,
    /// Everything of IAM, page by page.
    IamDetails,
    /// The three in member accounts: groups for their members.
    MemberIamByGroup,
    /// Users for the groups they are in.
    MemberIamByUser,
    /// Everything.
    MemberIamDetails,
    /// What AWS writes down of all users of an account.
    CredentialReport,
}

impl Listing {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::SetsByAccount,
        Self::AccountsBySet,
        Self::HoldersByPair,
        Self::HoldersByPrincipal,
        Self::MembersByGroup,
        Self::GroupsByMember,
        Self::TagsByAccount,
        Self::IamByGroup,
        Self::IamByUser,
        Self::IamDetails,
        Self::MemberIamByGroup,
        Self::MemberIamByUser,
        Self::MemberIamDetails,
        Self::CredentialReport,
    ];

    /// The action it needs, as IAM policies name it.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::SetsByAccount => "sso:ListPermissionSetsProvisionedToAccount",
            Self::AccountsBySet => "sso:ListAccountsForProvisionedPermissionSet",
            Self::HoldersByPair => "sso:ListAccountAssignments",
            Self::HoldersByPrincipal => "sso:ListAccountAssignmentsForPrincipal",
            Self::MembersByGroup => "identitystore:ListGroupMemberships",
            Self::GroupsByMember => "identitystore:ListGroupMembershipsForMember",
            Self::TagsByAccount => "organizations:ListTagsForResource",
            Self::IamByGroup | Self::MemberIamByGroup => "iam:GetGroup",
            Self::IamByUser | Self::MemberIamByUser => "iam:ListGroupsForUser",
            Self::IamDetails | Self::MemberIamDetails => "iam:GetAccountAuthorizationDetails",
            Self::CredentialReport => "iam:GetCredentialReport",
        }
    }

    /// The stable word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SetsByAccount => "sets_by_account",
            Self::AccountsBySet => "accounts_by_set",
            Self::HoldersByPair => "holders_by_pair",
            Self::HoldersByPrincipal => "holders_by_principal",
            Self::MembersByGroup => "members_by_group",
            Self::GroupsByMember => "groups_by_member",
            Self::TagsByAccount => "tags_by_account",
            Self::IamByGroup => "iam_by_group",
            Self::IamByUser => "iam_by_user",
            Self::IamDetails => "iam_details",
            Self::MemberIamByGroup => "member_iam_by_group",
            Self::MemberIamByUser => "member_iam_by_user",
            Self::MemberIamDetails => "member_iam_details",
            Self::CredentialReport => "credential_report",
        }
    }

    /// How it asks, as people read it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::SetsByAccount => "account by account",
            Self::AccountsBySet => "permission set by permission set",
            Self::HoldersByPair => "each permission set on each account",
            Self::HoldersByPrincipal => "user by user and group by group",
            Self::MembersByGroup => "group by group",
            Self::GroupsByMember => "user by user",
            Self::TagsByAccount => "account by account",
            Self::IamByGroup | Self::MemberIamByGroup => "group by group",
            Self::IamByUser | Self::MemberIamByUser => "user by user",
            Self::IamDetails | Self::MemberIamDetails => "all of it, page by page",
            Self::CredentialReport => "by the credential report",
        }
    }
}

/// What is known of an estate. Counts that nobody has yet are absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// Accounts that can be used.
    pub accounts: u64,
    /// Permission sets.
    pub sets: u64,
    /// Identity Center users.
    pub users: u64,
    /// Identity Center groups.
    pub groups: u64,
    /// Permission sets on accounts: provisioned pairs.
    pub pairs: Option<u64>,
    /// Calls to list every pair's holders.
    pub by_pair: Option<u64>,
    /// Calls to list what every group and user holds. AWS lists what a user's groups hold with the
    /// user (AWS reference §3.3 [R]), so that this may be much more than a call each.
    pub by_principal: Option<u64>,
    /// Memberships of groups.
    pub memberships: Option<u64>,
    /// Accounts whose tags are to be read now (see [`tags`](super::tags)).
    pub tags: u64,
    /// Calls to read the IAM of an account group by group, user by user, and page by page (see
    /// [`iam`](super::iam)).
    pub iam: [u64; 3],
    /// Calls for the credential report.
    pub report: u64,
}

impl Known {
    /// Calls a listing takes, as far as that can be told.
    #[must_use]
    pub fn calls(&self, listing: Listing) -> u64 {
        match listing {
            Listing::SetsByAccount => spread(self.accounts, self.pairs.unwrap_or(0)),
            Listing::AccountsBySet => {
                // Nothing is known: every permission set may be on half of all accounts.
                let guess = self.sets.saturating_mul(self.accounts) / 2;
                spread(self.sets, self.pairs.unwrap_or(guess))
            }
            Listing::HoldersByPair => {
                let guess = self.pairs.unwrap_or(self.accounts.max(self.sets));
                self.by_pair.unwrap_or(guess).max(guess)
            }
            Listing::HoldersByPrincipal => {
                let least = self.users.saturating_add(self.groups);
                self.by_principal.unwrap_or(least).max(least)
            }
            Listing::MembersByGroup => spread(self.groups, self.memberships.unwrap_or(0)),
            // Each is in few groups: one page.
            Listing::GroupsByMember => self.users,
            // Fifty tags at most: a page or two, mostly one.
            Listing::TagsByAccount => self.tags,
            Listing::IamByGroup | Listing::MemberIamByGroup => self.iam[0],
            Listing::IamByUser | Listing::MemberIamByUser => self.iam[1],
            Listing::IamDetails | Listing::MemberIamDetails => self.iam[2],
            Listing::CredentialReport => self.report,
        }
    }
}

/// Calls of `lists` listings of `rows` rows in all, spread evenly.
fn spread(lists: u64, rows: u64) -> u64 {
    match rows.checked_div(lists) {
        Some(each) => lists.saturating_mul(pages(each)),
        None => 0,
    }
}

/// What AWS is known to refuse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Denied(BTreeSet<Listing>);

impl Denied {
    /// Notes that a listing's action was refused.
    pub fn add(&mut self, listing: Listing) {
        self.0.insert(listing);
    }

    /// Whether a listing's action was refused.
    #[must_use]
    pub fn has(&self, listing: Listing) -> bool {
        self.0.contains(&listing)
    }

    /// What was refused.
    pub fn all(&self) -> impl Iterator<Item = Listing> {
        self.0.iter().copied()
    }
}

/// A listing with its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Costed {
    /// How it asks.
    pub listing: Listing,
    /// Calls it takes, as far as that can be told.
    pub calls: u64,
    /// Whether AWS refuses it.
    pub denied: bool,
}

/// Which listing answers a question, and what the others would cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is asked.
    pub question: Question,
    /// The cheapest that is allowed; none where AWS refuses all.
    pub chosen: Option<Costed>,
    /// Every one there is, cheapest first.
    pub options: Vec<Costed>,
}

impl Choice {
    /// Picks the cheapest listing that AWS does not refuse; of two at one price the first named.
    #[must_use]
    pub fn of(question: Question, known: &Known, denied: &Denied) -> Self {
        let price = |listing: &Listing| Costed {
            listing: *listing,
            calls: known.calls(*listing),
            denied: denied.has(*listing),
        };
        let mut options: Vec<Costed> = question.listings().iter().map(price).collect();
        options.sort_by_key(|it| it.calls);
        Self {
            question,
            chosen: options.iter().copied().find(|it| !it.denied),
            options,
        }
    }

    /// This choice about one account and another about others, together: what the listings cost in all,
    /// and what was chosen in each. A listing that any refuses counts as refused; that more was spent
    /// than it would cost everywhere is what allowing it would save.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        for it in &mut self.options {
            let same = other.options.iter().find(|of| of.listing == it.listing);
            if let Some(of) = same {
                it.calls = it.calls.saturating_add(of.calls);
                it.denied |= of.denied;
            }
        }
        self.options.sort_by_key(|it| it.calls);
        self.chosen = match (self.chosen, other.chosen) {
            (Some(one), Some(two)) => Some(Costed {
                listing: if two.calls > one.calls {
                    two.listing
                } else {
                    one.listing
                },
                calls: one.calls.saturating_add(two.calls),
                denied: false,
            }),
            (one, two) => one.or(two),
        };
        self
    }

    /// The cheaper listing that AWS refuses, with the calls that allowing it would save.
    #[must_use]
    pub fn missing(&self) -> Option<(Costed, u64)> {
        let cheapest = self.options.first().filter(|it| it.denied)?;
        let saved = self.chosen?.calls.saturating_sub(cheapest.calls);
        (saved > 0).then_some((*cheapest, saved))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(accounts: u64, sets: u64, users: u64, groups: u64, pairs: u64) -> Known {
        Known {
            accounts,
            sets,
            users,
            groups,
            pairs: Some(pairs),
            ..Known::default()
        }
    }

    /// The two examples of the AWS reference, §3.3.
    #[test]
    fn a_wide_estate_is_read_by_pair_and_a_dense_one_by_principal() {
        let none = Denied::default();
        let wide = known(300, 40, 4_000, 300, 2_500);
        let choice = Choice::of(Question::Holders, &wide, &none);
        assert_eq!(choice.chosen.unwrap().listing, Listing::HoldersByPair);
        assert_eq!(choice.chosen.unwrap().calls, 2_500);
        let pairs = Choice::of(Question::Pairs, &wide, &none);
        assert_eq!(pairs.chosen.unwrap().listing, Listing::AccountsBySet);
        assert_eq!(pairs.chosen.unwrap().calls, 40);

        let dense = known(1_000, 100, 2_000, 200, 30_000);
        let choice = Choice::of(Question::Holders, &dense, &none);
        assert_eq!(choice.chosen.unwrap().listing, Listing::HoldersByPrincipal);
        assert_eq!(choice.chosen.unwrap().calls, 2_200);
        assert_eq!(choice.missing(), None);
    }

    #[test]
    fn what_is_refused_is_not_chosen_and_its_price_is_told() {
        let mut denied = Denied::default();
        denied.add(Listing::HoldersByPrincipal);
        let dense = known(1_000, 100, 2_000, 200, 30_000);
        let choice = Choice::of(Question::Holders, &dense, &denied);
        assert_eq!(choice.chosen.unwrap().listing, Listing::HoldersByPair);
        let (missing, saved) = choice.missing().unwrap();
        assert_eq!(
            missing.listing.action(),
            "sso:ListAccountAssignmentsForPrincipal"
        );
        assert_eq!(saved, 30_000 - 2_200);
        denied.add(Listing::HoldersByPair);
        let choice = Choice::of(Question::Holders, &dense, &denied);
        assert_eq!((choice.chosen, choice.missing()), (None, None));
    }

    #[test]
    fn what_users_hold_through_groups_is_part_of_the_price() {
        let mut dense = known(1_000, 100, 2_000, 200, 30_000);
        dense.by_principal = Some(40_000);
        let choice = Choice::of(Question::Holders, &dense, &Denied::default());
        assert_eq!(choice.chosen.unwrap().listing, Listing::HoldersByPair);
    }

    #[test]
    fn tags_cost_a_call_for_each_account_that_is_read_and_can_be_refused() {
        let known = Known {
            tags: 40,
            ..known(300, 40, 4_000, 300, 2_500)
        };
        let mut denied = Denied::default();
        let choice = Choice::of(Question::Tags, &known, &denied);
        assert_eq!(choice.chosen.map(|it| it.calls), Some(40));
        denied.add(Listing::TagsByAccount);
        let choice = Choice::of(Question::Tags, &known, &denied);
        assert_eq!((choice.chosen, choice.missing()), (None, None));
        assert_eq!(choice.options.len(), 1, "what it would cost is known");
    }

    #[test]
    fn what_iam_costs_without_its_details_is_told_and_of_many_accounts_the_sum() {
        let account = |iam| Known {
            iam,
            ..Known::default()
        };
        let mut denied = Denied::default();
        let allowed = Choice::of(Question::MemberIam, &account([9, 30, 2]), &denied);
        assert_eq!(allowed.chosen.map(|it| it.calls), Some(2));
        denied.add(Listing::MemberIamDetails);
        let refused = Choice::of(Question::MemberIam, &account([203, 900, 14]), &denied);
        assert_eq!(refused.missing().map(|(_, saved)| saved), Some(203 - 14));
        let both = allowed.with(&refused);
        assert_eq!(both.chosen.map(|it| it.calls), Some(2 + 203));
        let (missing, saved) = both.missing().unwrap();
        assert_eq!(
            missing.listing.action(),
            "iam:GetAccountAuthorizationDetails"
        );
        assert_eq!(
            saved,
            203 - 14,
            "the account that allows it would save nothing"
        );
    }

    #[test]
    fn an_empty_estate_costs_nothing_to_ask() {
        let empty = Known::default();
        for listing in Listing::ALL {
            assert_eq!(empty.calls(listing), 0, "{listing:?}");
        }
        assert_eq!((pages(0), pages(1), pages(100), pages(101)), (1, 1, 1, 2));
    }

    proptest! {
        #[test]
        fn the_cheapest_that_is_allowed_is_chosen(
            counts in prop::array::uniform4(0_u64..1_000_000_000),
            pairs in prop::option::of(0..u64::MAX),
            refused in prop::collection::vec(prop::sample::select(Listing::ALL.to_vec()), 0..7),
        ) {
            let [accounts, sets, users, groups] = counts;
            let known = Known { accounts, sets, users, groups, pairs, ..Known::default() };
            let mut denied = Denied::default();
            for listing in refused {
                denied.add(listing);
            }
            for question in Question::ALL {
                let choice = Choice::of(question, &known, &denied);
                let allowed = question.listings().iter().filter(|it| !denied.has(**it));
                let cheapest = allowed.map(|it| known.calls(*it)).min();
                prop_assert_eq!(choice.chosen.map(|it| it.calls), cheapest);
                prop_assert!(choice.chosen.is_none_or(|it| !denied.has(it.listing)));
                if let Some((missing, saved)) = choice.missing() {
                    prop_assert!(denied.has(missing.listing) && saved > 0);
                }
            }
        }
    }
}
