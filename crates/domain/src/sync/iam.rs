//! By which calls the IAM of one account is read: the cheapest listing that is permitted.
//!
//! Users and groups are listed a thousand a page. Who is in which group can be asked group by
//! group, user by user, or page by page of everything (AWS reference §3.1). What each costs is
//! known before it is asked, from how much the last sync saw, or from the first lists of this one.
//!
//! What it does not do: call anything, or remember what AWS refused.

/// How many rows a page of IAM's lists has when a thousand are asked for.
pub const PAGE: u64 = 1_000;

/// How many rows of everything fit a page: AWS gives fewer than were asked for, for their size
/// (AWS reference §3.1 [K]: plan 100 to 300).
pub const DETAILS_PAGE: u64 = 100;

/// A way to list who is in which IAM group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Listing {
    /// The members of each group.
    ByGroup,
    /// The groups of each user.
    ByUser,
    /// Everything the account has, page by page.
    Details,
}

impl Listing {
    /// All of them. Of two that cost the same the first is taken: it names users by ids.
    pub const ALL: [Self; 3] = [Self::ByGroup, Self::ByUser, Self::Details];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ByGroup => "by_group",
            Self::ByUser => "by_user",
            Self::Details => "details",
        }
    }

    /// The actions without which it cannot be.
    pub const fn actions(self) -> &'static [&'static str] {
        match self {
            Self::ByGroup => &["iam:ListUsers", "iam:ListGroups", "iam:GetGroup"],
            Self::ByUser => &["iam:ListUsers", "iam:ListGroups", "iam:ListGroupsForUser"],
            Self::Details => &["iam:GetAccountAuthorizationDetails"],
        }
    }
}

/// How much an account has, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// IAM users.
    pub users: u64,
    /// IAM groups.
    pub groups: u64,
    /// IAM roles.
    pub roles: u64,
}

/// What a listing is weighed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weighed {
    /// How much there is.
    pub counts: Counts,
    /// Whether users and groups were listed already in this reading.
    pub listed: bool,
    /// Whether a credential report tells who signed in last; else the list of users does.
    pub report: bool,
}

impl Weighed {
    /// The calls this listing takes from here on: users, groups, memberships and roles.
    #[must_use]
    pub fn calls(&self, listing: Listing) -> u64 {
        let Counts {
            users,
            groups,
            roles,
        } = self.counts;
        let lists = if self.listed {
            0
        } else {
            pages(users, PAGE) + pages(groups, PAGE)
        };
        let from_here = match listing {
            Listing::ByGroup => lists + groups,
            // The list of users once more: only who still has their name was asked for by it.
            Listing::ByUser => lists + users + pages(users, PAGE),
            Listing::Details => {
                let signed_in = if self.listed || self.report {
                    0
                } else {
                    pages(users, PAGE)
                };
                pages(users + groups + roles, DETAILS_PAGE) + signed_in
            }
        };
        // Only the list of roles tells how long their sessions are.
        from_here + pages(roles, PAGE)
    }

    /// The cheapest listing of those that are permitted, with its calls. None: none is.
    pub fn choose(&self, permitted: impl Fn(Listing) -> bool) -> Option<(Listing, u64)> {
        let all = Listing::ALL.into_iter().filter(|it| permitted(*it));
        all.map(|it| (it, self.calls(it))).min_by_key(|it| it.1)
    }
}

/// A list has a page also when it has no row.
const fn pages(rows: u64, page: u64) -> u64 {
    let pages = rows.div_ceil(page);
    if pages == 0 { 1 } else { pages }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighed(users: u64, groups: u64, roles: u64) -> Weighed {
        Weighed {
            counts: Counts {
                users,
                groups,
                roles,
            },
            listed: false,
            report: true,
        }
    }

    #[test]
    fn the_cheapest_of_what_is_permitted() {
        let all = |_| true;
        // A few groups are asked one by one, many are read with everything else.
        let few = weighed(2_000, 4, 50);
        assert_eq!(few.choose(all), Some((Listing::ByGroup, 2 + 1 + 4 + 1)));
        let many = weighed(1_000, 200, 100);
        assert_eq!(many.choose(all), Some((Listing::Details, 13 + 1)));
        let no_details = |it| it != Listing::Details;
        assert_eq!(
            many.choose(no_details),
            Some((Listing::ByGroup, 1 + 1 + 200 + 1))
        );
        let by_user = |it| it == Listing::ByUser;
        assert_eq!(
            many.choose(by_user),
            Some((Listing::ByUser, 1 + 1 + 1_000 + 1 + 1))
        );
        assert_eq!(many.choose(|_| false), None);
        // Few users in many groups.
        let robots = weighed(3, 400, 4_000);
        assert_eq!(
            robots.choose(all),
            Some((Listing::ByUser, 1 + 1 + 3 + 1 + 4))
        );
    }

    #[test]
    fn what_was_listed_is_not_paid_twice() {
        let known = weighed(1_000, 20, 100);
        let listed = Weighed {
            listed: true,
            ..known
        };
        assert_eq!(known.calls(Listing::ByGroup), 1 + 1 + 20 + 1);
        assert_eq!(listed.calls(Listing::ByGroup), 20 + 1);
        assert_eq!(listed.calls(Listing::Details), 12 + 1);
        let alone = Weighed {
            report: false,
            ..known
        };
        assert_eq!(alone.calls(Listing::Details), 12 + 1 + 1);
    }

    #[test]
    fn an_empty_account_costs_its_pages() {
        let none = weighed(0, 0, 0);
        assert_eq!(none.calls(Listing::ByGroup), 3);
        assert_eq!(none.calls(Listing::Details), 2);
    }
}
