//! Users, Stint's groups, and whose principals are whose.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::client::{Client, Server, secret};
use crate::exit::Failure;
use crate::out;

use super::{MOST, find, short, version};

/// Groups of users.
#[derive(Debug, Subcommand)]
pub(crate) enum Groups {
    /// All, or those whose name has these words.
    List {
        #[command(flatten)]
        server: Server,
        /// Words of the name.
        search: Option<String>,
    },
    /// One, with its members.
    Show {
        #[command(flatten)]
        server: Server,
        /// The group: id or name.
        group: String,
    },
    /// Create an empty one.
    Create {
        #[command(flatten)]
        server: Server,
        /// Its name.
        name: String,
        /// What it is for.
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Put users into a group.
    Add {
        #[command(flatten)]
        server: Server,
        /// The group: id or name.
        group: String,
        /// Users: id, address or name.
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Take users out of a group.
    Remove {
        #[command(flatten)]
        server: Server,
        /// The group: id or name.
        group: String,
        /// Users: id, address or name.
        #[arg(required = true)]
        users: Vec<String>,
    },
}

/// Whose principals in AWS are whose.
#[derive(Debug, Subcommand)]
pub(crate) enum Links {
    /// All, or those in a state or of a user.
    List {
        #[command(flatten)]
        server: Server,
        /// `proposed`, `confirmed` or `rejected`.
        #[arg(long, value_parser = ["proposed", "confirmed", "rejected"])]
        state: Option<String>,
        /// Whose: id, address or name.
        #[arg(long)]
        user: Option<String>,
    },
    /// Propose that a principal belongs to a user.
    Propose {
        #[command(flatten)]
        server: Server,
        /// The user: id, address or name.
        user: String,
        /// The principal in AWS: id or name.
        principal: String,
    },
    /// Confirm a link: from now on the principal counts as the user's.
    Confirm {
        #[command(flatten)]
        server: Server,
        /// The link, as `lnk_…`.
        link: String,
    },
    /// Reject a proposed link, or take a confirmed one back.
    Reject {
        #[command(flatten)]
        server: Server,
        /// The link, as `lnk_…`.
        link: String,
    },
}

/// What `stint users` can do over the API.
#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// All, or those whose name or address has these words.
    List {
        #[command(flatten)]
        server: Server,
        /// Words of name or address.
        search: Option<String>,
        /// Only holders of this product role.
        #[arg(long)]
        role: Option<String>,
        /// Only those who are deactivated.
        #[arg(long)]
        inactive: bool,
    },
    /// One.
    Show {
        #[command(flatten)]
        server: Server,
        /// The user: id, address or name.
        user: String,
    },
    /// Create one.
    Create {
        #[command(flatten)]
        server: Server,
        /// Their address.
        #[arg(long)]
        email: String,
        /// Their name.
        #[arg(long)]
        name: String,
        /// A product role to begin with; may be given several times.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Set a password: asked for, or read from standard input.
        #[arg(long)]
        password: bool,
    },
    /// Change name, address, password, or what policies ask about a person.
    Change {
        #[command(flatten)]
        server: Server,
        /// The user: id, address or name.
        user: String,
        /// A new name.
        #[arg(long)]
        name: Option<String>,
        /// A new address.
        #[arg(long)]
        email: Option<String>,
        /// A new department; empty for none.
        #[arg(long)]
        department: Option<String>,
        /// A new title; empty for none.
        #[arg(long)]
        title: Option<String>,
        /// A new manager (id, address or name); empty for none.
        #[arg(long)]
        manager: Option<String>,
        /// Set a password: asked for, or read from standard input. Ends their sign-ins.
        #[arg(long)]
        password: bool,
    },
    /// Replace their product roles; none takes all away.
    Roles {
        #[command(flatten)]
        server: Server,
        /// The user: id, address or name.
        user: String,
        /// super_admin, connection_admin, policy_admin, helpdesk, auditor.
        roles: Vec<String>,
    },
    /// Deactivate: their sign-ins and tokens are dead at once.
    Deactivate {
        #[command(flatten)]
        server: Server,
        /// The user: id, address or name.
        user: String,
    },
    /// Make active again.
    Reactivate {
        #[command(flatten)]
        server: Server,
        /// The user: id, address or name.
        user: String,
    },
}

/// `stint users …`.
pub(crate) async fn users(what: Users) -> Result<(), Failure> {
    match what {
        Users::List {
            server,
            search,
            role,
            inactive,
        } => {
            let client = Client::new(&server)?;
            let mut query = Vec::new();
            query.extend(search.as_deref().map(|words| ("q", words)));
            query.extend(role.as_deref().map(|role| ("role", role)));
            query.extend(inactive.then_some(("active", "false")));
            let users: Vec<Value> = client.list("/api/v1/users", &query, MOST).await?;
            if server.json {
                return out::json(&users);
            }
            let rows: Vec<_> = (users.iter())
                .map(|user| {
                    [
                        out::field(user, "id"),
                        out::field(user, "email"),
                        out::field(user, "name"),
                        out::field(user, "roles"),
                        out::field(user, "active"),
                    ]
                })
                .collect();
            out::table(
                ["user", "email", "name", "roles", "active"],
                &rows,
                "Nobody fits.",
            )
        }
        Users::Show { server, user } => {
            let client = Client::new(&server)?;
            let user = find::one(&client, find::USER, &user).await?;
            user_shown(&server, &user)
        }
        Users::Create {
            server,
            email,
            name,
            roles,
            password,
        } => {
            let client = Client::new(&server)?;
            let mut body = json!({ "name": name, "email": email, "roles": roles });
            if password {
                set_password(&mut body)?;
            }
            let made: Value = client.post_secret("/api/v1/users", &body).await?;
            user_shown(&server, &made)
        }
        Users::Change {
            server,
            user,
            name,
            email,
            department,
            title,
            manager,
            password,
        } => {
            let client = Client::new(&server)?;
            let user = find::one(&client, find::USER, &user).await?;
            let mut body = json!({});
            set(&mut body, "name", name);
            set(&mut body, "email", email);
            set(&mut body, "department", department);
            set(&mut body, "title", title);
            let manager = match manager.as_deref() {
                None | Some("") => manager,
                Some(given) => Some(find::id(&client, find::USER, given).await?),
            };
            set(&mut body, "manager", manager);
            if password {
                set_password(&mut body)?;
            }
            if body.as_object().is_some_and(Map::is_empty) {
                return Err(Failure::usage(
                    "say what to change: --name, --email, --department, --title, --manager or --password",
                ));
            }
            let path = format!("/api/v1/users/{}", out::field(&user, "id"));
            let changed = client
                .change(Method::PATCH, &path, Some(&body), version(&user))
                .await?;
            user_shown(&server, &changed)
        }
        Users::Roles {
            server,
            user,
            roles,
        } => {
            let client = Client::new(&server)?;
            let user = find::one(&client, find::USER, &user).await?;
            let path = format!("/api/v1/users/{}/roles", out::field(&user, "id"));
            let body = json!({ "roles": roles });
            let changed = client
                .change(Method::PUT, &path, Some(&body), version(&user))
                .await?;
            user_shown(&server, &changed)
        }
        Users::Deactivate { server, user } => user_verb(&server, &user, "deactivate").await,
        Users::Reactivate { server, user } => user_verb(&server, &user, "reactivate").await,
    }
}

async fn user_verb(server: &Server, user: &str, verb: &str) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let id = find::id(&client, find::USER, user).await?;
    let path = format!("/api/v1/users/{id}/{verb}");
    let changed = client.change(Method::POST, &path, None, None).await?;
    user_shown(server, &changed)
}

fn user_shown(server: &Server, user: &Value) -> Result<(), Failure> {
    if server.json {
        return out::json(user);
    }
    out::facts(&[
        ("user", out::field(user, "id")),
        ("name", out::field(user, "name")),
        ("email", out::field(user, "email")),
        ("department", out::field(user, "department")),
        ("title", out::field(user, "title")),
        ("manager", out::field(user, "manager")),
        ("roles", out::field(user, "roles")),
        ("active", out::field(user, "active")),
        ("since", short(&out::field(user, "created_at"))),
        ("deactivated", short(&out::field(user, "deactivated_at"))),
    ])
}

fn set(body: &mut Value, field: &str, value: Option<String>) {
    if let (Some(body), Some(value)) = (body.as_object_mut(), value) {
        body.insert(field.to_owned(), Value::String(value));
    }
}

fn set_password(body: &mut Value) -> Result<(), Failure> {
    use secrecy::ExposeSecret as _;
    let password = secret("New password: ")?;
    set(body, "password", Some(password.expose_secret().to_owned()));
    Ok(())
}

/// `stint groups …`.
pub(crate) async fn groups(what: Groups) -> Result<(), Failure> {
    match what {
        Groups::List { server, search } => {
            let client = Client::new(&server)?;
            let query: Vec<_> = search
                .as_deref()
                .map(|words| ("q", words))
                .into_iter()
                .collect();
            let groups: Vec<Value> = client.list("/api/v1/groups", &query, MOST).await?;
            if server.json {
                return out::json(&groups);
            }
            let rows: Vec<_> = (groups.iter())
                .map(|group| {
                    [
                        out::field(group, "id"),
                        out::field(group, "name"),
                        out::field(group, "members"),
                        out::field(group, "description"),
                    ]
                })
                .collect();
            out::table(
                ["group", "name", "members", "description"],
                &rows,
                "No group fits.",
            )
        }
        Groups::Show { server, group } => {
            let client = Client::new(&server)?;
            let group = find::one(&client, find::GROUP, &group).await?;
            group_shown(&client, &server, &group).await
        }
        Groups::Create {
            server,
            name,
            description,
        } => {
            let client = Client::new(&server)?;
            let body = json!({ "name": name, "description": description });
            let made: Value = client.post("/api/v1/groups", &body).await?;
            if server.json {
                return out::json(&made);
            }
            out::line(&format!(
                "{}  {}",
                out::field(&made, "id"),
                out::field(&made, "name")
            ))
        }
        Groups::Add {
            server,
            group,
            users,
        } => {
            let client = Client::new(&server)?;
            let group = find::one(&client, find::GROUP, &group).await?;
            let path = format!("/api/v1/groups/{}/members", out::field(&group, "id"));
            for user in find::ids(&client, find::USER, &users).await? {
                client
                    .post::<Value>(&path, &json!({ "user_id": user }))
                    .await?;
            }
            group_shown(&client, &server, &group).await
        }
        Groups::Remove {
            server,
            group,
            users,
        } => {
            let client = Client::new(&server)?;
            let group = find::one(&client, find::GROUP, &group).await?;
            let path = format!("/api/v1/groups/{}/members", out::field(&group, "id"));
            for user in find::ids(&client, find::USER, &users).await? {
                let path = format!("{path}/{user}");
                client.change(Method::DELETE, &path, None, None).await?;
            }
            group_shown(&client, &server, &group).await
        }
    }
}

async fn group_shown(client: &Client, server: &Server, group: &Value) -> Result<(), Failure> {
    let id = out::field(group, "id");
    if server.json {
        return out::json(
            &client
                .get::<Value>(&format!("/api/v1/groups/{id}"), &[])
                .await?,
        );
    }
    out::line(&format!("{id}  {}", out::field(group, "name")))?;
    let path = format!("/api/v1/groups/{id}/members");
    let members: Vec<Value> = client.list(&path, &[], MOST).await?;
    let rows: Vec<_> = (members.iter())
        .map(|member| {
            [
                out::field(member, "user_id"),
                out::field(member, "email"),
                out::field(member, "name"),
                out::field(member, "active"),
                short(&out::field(member, "added_at")),
            ]
        })
        .collect();
    let head = ["user", "email", "name", "active", "added (UTC)"];
    out::table(head, &rows, "Nobody is in it.")
}

/// `stint links …`.
pub(crate) async fn links(what: Links) -> Result<(), Failure> {
    match what {
        Links::List {
            server,
            state,
            user,
        } => {
            let client = Client::new(&server)?;
            let user = match user {
                Some(user) => Some(find::id(&client, find::USER, &user).await?),
                None => None,
            };
            let mut query = Vec::new();
            query.extend(state.as_deref().map(|state| ("state", state)));
            query.extend(user.as_deref().map(|user| ("user", user)));
            let links: Vec<Value> = client.list("/api/v1/links", &query, MOST).await?;
            if server.json {
                return out::json(&links);
            }
            let rows: Vec<_> = (links.iter())
                .map(|link| {
                    [
                        out::field(link, "id"),
                        out::field(link, "state"),
                        out::field(link, "user_id"),
                        out::field(link, "principal_id"),
                        out::field(link, "why"),
                    ]
                })
                .collect();
            out::table(
                ["link", "state", "user", "principal", "why"],
                &rows,
                "No link fits.",
            )
        }
        Links::Propose {
            server,
            user,
            principal,
        } => {
            let client = Client::new(&server)?;
            let user = find::id(&client, find::USER, &user).await?;
            let principal = find::principal(&client, &principal).await?;
            let body = json!({ "user_id": user, "principal_id": principal });
            let made: Value = client.post("/api/v1/links", &body).await?;
            link_shown(&server, &made)
        }
        Links::Confirm { server, link } => link_verb(&server, &link, "confirm").await,
        Links::Reject { server, link } => link_verb(&server, &link, "reject").await,
    }
}

async fn link_verb(server: &Server, link: &str, verb: &str) -> Result<(), Failure> {
    if !find::is_id("lnk", link) {
        return Err(Failure::usage(format!(
            "`{link}` is not a link: its id begins with lnk_; `stint links list` shows it"
        )));
    }
    let client = Client::new(server)?;
    let path = format!("/api/v1/links/{link}/{verb}");
    let changed = client.change(Method::POST, &path, None, None).await?;
    link_shown(server, &changed)
}

fn link_shown(server: &Server, link: &Value) -> Result<(), Failure> {
    if server.json {
        return out::json(link);
    }
    out::facts(&[
        ("link", out::field(link, "id")),
        ("state", out::field(link, "state")),
        ("user", out::field(link, "user_id")),
        ("principal", out::field(link, "principal_id")),
        ("primary", out::field(link, "primary")),
        ("why", out::field(link, "why")),
    ])
}
