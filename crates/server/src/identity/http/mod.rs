//! The identity room over the API: wire types begin and end here.

mod delegations;
mod groups;
mod sign_ins;
mod tokens;
mod users;

use stint_api::identity as wire;
use stint_domain::rights::{Role, Verb};
use utoipa_axum::routes;

use super::{Error, Group, User};
use crate::http::Routes;

/// Every address of the room.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .api(Verb::SignIn, routes!(sign_ins::sign_in))
        .api(Verb::ProveSignIn, routes!(sign_ins::prove))
        .api(Verb::SignOut, routes!(sign_ins::sign_out))
        .api(Verb::Me, routes!(users::me))
        .api(Verb::ChangePassword, routes!(users::change_password))
        .api(Verb::ListUsers, routes!(users::list))
        .api(Verb::CreateUser, routes!(users::create))
        .api(Verb::GetUser, routes!(users::get))
        .api(Verb::UpdateUser, routes!(users::update))
        .api(Verb::SetRoles, routes!(users::set_roles))
        .api(Verb::DeactivateUser, routes!(users::deactivate))
        .api(Verb::ReactivateUser, routes!(users::reactivate))
        .api(Verb::ListSignIns, routes!(sign_ins::list))
        .api(Verb::EndSignIn, routes!(sign_ins::end))
        .api(Verb::ListTokens, routes!(tokens::list))
        .api(Verb::IssueToken, routes!(tokens::issue))
        .api(Verb::RevokeToken, routes!(tokens::revoke))
        .api(Verb::MyDelegations, routes!(delegations::list))
        .api(Verb::Delegate, routes!(delegations::create))
        .api(Verb::GetDelegation, routes!(delegations::get))
        .api(Verb::EndDelegation, routes!(delegations::end))
        .api(Verb::ListGroups, routes!(groups::list))
        .api(Verb::CreateGroup, routes!(groups::create))
        .api(Verb::GetGroup, routes!(groups::get))
        .api(Verb::UpdateGroup, routes!(groups::update))
        .api(Verb::GetGroup, routes!(groups::members))
        .api(Verb::AddMember, routes!(groups::add_member))
        .api(Verb::RemoveMember, routes!(groups::remove_member))
        .page(
            Verb::DemoSignIn,
            http::Method::POST,
            "/demo/sign-in",
            sign_ins::demo,
        )
}

fn user(user: User) -> wire::User {
    wire::User {
        department: user.department,
        title: user.title,
        manager: user.manager.map(|id| id.to_string()),
        id: user.id.to_string(),
        name: user.name,
        email: user.email,
        active: user.active,
        roles: user.roles.iter().map(ToString::to_string).collect(),
        created_at: user.created_at.to_string(),
        deactivated_at: user.deactivated_at.map(|at| at.to_string()),
        version: user.version,
    }
}

fn group(group: Group) -> wire::Group {
    wire::Group {
        id: group.id.to_string(),
        name: group.name,
        description: group.description,
        members: group.members,
        created_at: group.created_at.to_string(),
        version: group.version,
    }
}

fn roles(words: &[String]) -> Result<Vec<Role>, Error> {
    words
        .iter()
        .map(|word| {
            word.parse::<Role>()
                .map_err(|why| Error::bad("roles", format!("{why}.")))
        })
        .collect()
}

fn map<T, U>(page: stint_api::Page<T>, f: impl Fn(T) -> U) -> stint_api::Page<U> {
    stint_api::Page {
        items: page.items.into_iter().map(f).collect(),
        next: page.next,
    }
}
