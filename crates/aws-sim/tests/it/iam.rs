//! IAM: users, groups, memberships, access keys, tags.

use std::collections::BTreeSet;

use aws_sdk_iam::Client;
use stint_aws_sim::{EstateSpec, Party};

use crate::rig::{Rig, both, code, keyed, refusal, small};

mod generated;
mod keys;
mod leaving;
mod members;
mod papers;
mod people;
mod simulations;
mod tags;

/// Lists that take more than one page of a hundred.
fn peopled() -> EstateSpec {
    EstateSpec {
        iam_users: 230,
        iam_groups: 120,
        iam_memberships: 700,
        ..small()
    }
}

fn text(words: &str) -> String {
    words.to_owned()
}

async fn made_user(iam: &Client, name: &str) -> aws_sdk_iam::types::User {
    let made = iam.create_user().user_name(name).send().await.unwrap();
    made.user().unwrap().clone()
}

async fn made_group(iam: &Client, name: &str) -> aws_sdk_iam::types::Group {
    let made = iam.create_group().group_name(name).send().await.unwrap();
    made.group().unwrap().clone()
}
