//! IAM is spoken to by names, and names move: the administrator renames users and groups,
//! deletes them, and gives the names to others.

use std::collections::VecDeque;

use stint_testkit::AwsView;
use stint_testkit::sim::Row;

use super::rng::Rng;
use super::stage::Pair;

/// The names nobody bears any more, and how many were made.
#[derive(Default)]
pub(super) struct Names {
    given_up: VecDeque<Name>,
    made: u32,
}

enum Name {
    User(String),
    Group(String),
}

impl Names {
    /// A user or group of one of the pairs gets another name, or goes; answers what happened.
    pub(super) async fn give_up(
        &mut self,
        rng: &mut Rng,
        pairs: &[Pair],
        aws: &AwsView,
    ) -> Option<String> {
        let of_iam = |pair: &&Pair| matches!(pair.row, Row::IamMembership { .. });
        let pairs: Vec<&Pair> = pairs.iter().filter(of_iam).collect();
        let pair = rng.pick(&pairs)?;
        let (group, user) = aws.iam_names(&pair.row)?;
        self.made += 1;
        let odds = rng.range(0, 10);
        let (name, done) = match odds {
            0..5 => {
                let to = format!("{user}-{}", self.made);
                let call = aws.iam.update_user().user_name(&user);
                let done = call.new_user_name(&to).send().await.is_ok();
                let told = format!("the IAM user {user} is now called {to}");
                (Name::User(user), done.then_some(told))
            }
            5..8 => {
                let to = format!("{group}-{}", self.made);
                let call = aws.iam.update_group().group_name(&group);
                let done = call.new_group_name(&to).send().await.is_ok();
                let told = format!("the IAM group {group} is now called {to}");
                (Name::Group(group), done.then_some(told))
            }
            _ => {
                let told = format!("the IAM user {user} is deleted");
                let done = delete(aws, &user).await;
                (Name::User(user), done.then_some(told))
            }
        };
        if done.is_some() {
            self.given_up.push_back(name);
        }
        done
    }

    /// The name given up longest ago goes to somebody else; answers what happened.
    pub(super) async fn take(&mut self, aws: &AwsView) -> Option<String> {
        match self.given_up.pop_front()? {
            Name::User(name) => {
                let call = aws.iam.create_user().user_name(&name);
                call.send().await.expect("nobody bears this name");
                Some(format!("a stranger is the IAM user {name}"))
            }
            Name::Group(name) => {
                let call = aws.iam.create_group().group_name(&name);
                call.send().await.expect("nobody bears this name");
                Some(format!("a strange IAM group is called {name}"))
            }
        }
    }
}

/// As AWS wants it: first everything that hangs on the user.
async fn delete(aws: &AwsView, user: &str) -> bool {
    let groups = aws.iam.list_groups_for_user().user_name(user).send().await;
    for group in groups.expect("the administrator may list").groups() {
        let call = aws.iam.remove_user_from_group().user_name(user);
        let call = call.group_name(group.group_name());
        call.send().await.expect("the administrator may take out");
    }
    let keys = aws.iam.list_access_keys().user_name(user).send().await;
    let keys = keys.expect("the administrator may list");
    for key in keys.access_key_metadata() {
        let call = aws.iam.delete_access_key().user_name(user);
        let call = call.set_access_key_id(key.access_key_id().map(str::to_owned));
        call.send().await.expect("the administrator may delete");
    }
    let gone = aws.iam.delete_user().user_name(user).send().await;
    gone.is_ok()
}
