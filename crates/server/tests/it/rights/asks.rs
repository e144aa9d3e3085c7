//! For every route, what is sent about which thing.

use std::fmt;

use http::{HeaderValue, Method, Request, header};
use serde_json::{Value, json};
use stint_domain::rights::Role;

use super::matrix::recorded;
use super::stage::{PASSWORD, Stage};

/// By which door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Through {
    Token,
    Cookie,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Nothing,
    Json(Value),
    Form(String),
}

/// One request about one thing.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// Method and path as registered.
    pub(crate) route: String,
    pub(crate) relation: &'static str,
    pub(crate) method: Method,
    /// The path with the thing's id.
    pub(crate) path: String,
    /// Path and body with the id of a thing that does not exist.
    pub(crate) absent: Option<(String, Body)>,
    pub(crate) body: Body,
    pub(crate) page: bool,
    pub(crate) through: Through,
    /// Ends something the asks after it need: goes last.
    last: bool,
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.route, self.relation)
    }
}

impl Ask {
    /// The request about its thing.
    pub(crate) fn request(&self) -> Request<axum::body::Body> {
        self.request_to(&self.path, &self.body)
    }

    /// The same request about a thing that does not exist.
    pub(crate) fn request_for_absent(&self) -> Option<Request<axum::body::Body>> {
        let (path, body) = self.absent.as_ref()?;
        Some(self.request_to(path, body))
    }

    fn request_to(&self, path: &str, body: &Body) -> Request<axum::body::Body> {
        let (kind, text) = match body {
            Body::Nothing => ("", String::new()),
            Body::Json(json) => ("application/json", json.to_string()),
            Body::Form(text) => ("application/x-www-form-urlencoded", text.clone()),
        };
        let mut request = Request::new(axum::body::Body::from(text));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = path.parse().expect("a path");
        if !kind.is_empty() {
            let kind = HeaderValue::from_static(kind);
            request.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        request
    }
}

/// A thing by its id, and how the caller stands to it.
type Things = Vec<(&'static str, String)>;

/// Nothing has this id: the last 26 characters are zeros and a one.
fn absent(id: &str) -> String {
    let (prefix, _) = id.split_once('_').unwrap_or((id, ""));
    format!("{prefix}_{}1", "0".repeat(25))
}

fn own_and_others(own: &impl ToString, others: &impl ToString) -> Things {
    vec![("own", own.to_string()), ("other's", others.to_string())]
}

fn any(id: &impl ToString) -> Things {
    vec![("any", id.to_string())]
}

fn of_three(ids: &[impl ToString; 3]) -> Things {
    let [own, involved, others] = ids;
    vec![
        ("own", own.to_string()),
        ("involved", involved.to_string()),
        ("other's", others.to_string()),
    ]
}

/// Which things a route's `{…}` names; none for a route about no particular thing.
async fn things(path: &str, method: &str, stage: &Stage) -> Things {
    let under = |start: &str| path.starts_with(start);
    if (method, path) == ("POST", "/people/users/{id}/deactivate") {
        // Who takes themselves off is asked for by the API, last of all.
        vec![("other's", stage.spare.to_string())]
    } else if under("/api/v1/users/{id}") || under("/people/users/{id}") {
        own_and_others(&stage.me, &stage.spare)
    } else if under("/api/v1/sign-ins/{id}") || under("/people/sign-ins/{id}") {
        own_and_others(&stage.sign_ins[0], &stage.sign_ins[1])
    } else if under("/api/v1/tokens/{id}") || under("/people/tokens/{id}") {
        own_and_others(&stage.tokens[0], &stage.tokens[1])
    } else if under("/api/v1/groups/{id}") || under("/people/groups/{id}") {
        any(&stage.group)
    } else if under("/api/v1/applications/{id}") || under("/applications/{id}") {
        any(&stage.application)
    } else if under("/api/v1/connections/{id}") || under("/connections/{id}") {
        any(&stage.connection)
    } else if under("/api/v1/iam-users/{id}") || under("/iam-users/{id}") {
        any(&stage.iam_user)
    } else if under("/api/v1/key-rotations/{id}") || under("/key-rotations/{id}") {
        any(&stage.rotation)
    } else if under("/api/v1/submissions/{id}") || under("/submissions/{id}") {
        let [own, others] = stage.submissions().await;
        own_and_others(&own, &others)
    } else if under("/api/v1/notices/{id}") || under("/notices/{id}") {
        own_and_others(&stage.notices[0], &stage.notices[1])
    } else if under("/api/v1/delegations/{id}") || under("/delegations/{id}") {
        own_and_others(&stage.delegations[0], &stage.delegations[1])
    } else if under("/api/v1/principals/{id}") {
        own_and_others(&stage.principals[0], &stage.principals[1])
    } else if under("/api/v1/links/{id}") || under("/people/links/{id}") {
        own_and_others(&stage.links[0], &stage.links[1])
    } else if under("/api/v1/catalogs/{id}") || under("/catalogs/{id}") {
        any(&stage.catalog)
    } else if under("/api/v1/duties/{id}") || under("/duties/{id}") {
        any(&stage.duty)
    } else if under("/api/v1/policies/{id}") || under("/policies/{id}") {
        any(&stage.policy)
    } else if under("/api/v1/entitlements/{id}") {
        any(&stage.offered)
    } else if under("/api/v1/offers/{id}")
        || under("/request/{id}")
        || (method == "POST" && matches!(path, "/api/v1/requests" | "/api/v1/requests/preview"))
    {
        let mut all = vec![
            ("own", stage.offered.to_string()),
            ("hidden", stage.hidden.to_string()),
        ];
        // What is offered, for somebody else.
        if matches!(path, "/api/v1/requests" | "/api/v1/requests/preview") {
            all.push(("other's", stage.other.to_string()));
        }
        all
    } else if path == "/api/v1/requests/groups" {
        // The connection is nobody's: see `for_groups` for its owners.
        vec![
            ("other's", stage.offered.to_string()),
            ("hidden", stage.hidden.to_string()),
        ]
    } else if path.contains("/emergency-reviews/{id}") {
        // One for each route: a verdict stays.
        of_three(&stage.emergencies().await)
    } else if path.contains("/until-revoked") && path.contains("{id}") {
        // One for each route, as above; `until` has who answers.
        of_three(&stage.kept_reviews().await)
    } else if path.ends_with("/requests/{id}/return") {
        of_three(&stage.approved_requests().await)
    } else if path.contains("/requests/{id}/") {
        // Each verb finds them as they were asked.
        of_three(&stage.fresh_requests().await)
    } else if under("/api/v1/requests/{id}") || under("/requests/{id}") {
        of_three(&stage.requests)
    } else if under("/api/v1/grants/{id}") || under("/grants/{id}") {
        of_three(&stage.grants)
    } else {
        Vec::new()
    }
}

/// What is sent, for a thing where the body names it.
fn body(route: &str, thing: &str, stage: &Stage) -> Option<Body> {
    let roles: Vec<_> = stage.role.iter().map(|role| role.as_str()).collect();
    let own = thing == stage.me.to_string();
    Some(Body::Json(match route {
        "POST /api/v1/sign-in" => json!({ "email": stage.other_email, "password": PASSWORD }),
        "POST /api/v1/sign-in/proof" => json!({ "password": "not it" }),
        "PUT /api/v1/me/password" => json!({ "current": "not it", "new": "a fresh password" }),
        "POST /api/v1/users" => json!({ "name": "", "email": "x@example.com" }),
        "PATCH /api/v1/users/{id}" => json!({ "name": "Somebody Example" }),
        "PUT /api/v1/users/{id}/roles" if own => json!({ "roles": roles }),
        "PUT /api/v1/users/{id}/roles" => json!({ "roles": [] }),
        "POST /api/v1/tokens" => json!({ "name": "another" }),
        "POST /api/v1/delegations" => json!({ "delegate": "", "ends_at": "2999-01-01T00:00:00Z" }),
        "POST /api/v1/delegations/{id}/end" => json!({}),
        "POST /api/v1/groups" => json!({ "name": "" }),
        "PATCH /api/v1/groups/{id}" => json!({ "description": "changed" }),
        "POST /api/v1/groups/{id}/members" => json!({ "user_id": stage.me.to_string() }),
        "POST /api/v1/applications" => json!({ "name": "" }),
        "PATCH /api/v1/applications/{id}" => json!({ "description": "changed" }),
        "POST /api/v1/connections" => json!({
            "application_id": stage.application,
            "name": "Twice",
            "role_arn": stage.role_arn,
            "region": "eu-central-1",
        }),
        "POST /api/v1/connections/{id}/drain" => json!({ "reason": "to see who hears what" }),
        "PUT /api/v1/connections/{id}/member-accounts" => json!({ "on": false }),
        "POST /api/v1/connections/{id}/iam-users" => {
            json!({ "name": "", "reason": "to see who hears what" })
        }
        "POST /api/v1/iam-users/{id}/disable"
        | "POST /api/v1/iam-users/{id}/delete"
        | "POST /api/v1/key-rotations/{id}/cancel" => {
            json!({ "reason": "to see who hears what" })
        }
        "PATCH /api/v1/connections/{id}/feeds" => json!({}),
        "PATCH /api/v1/connections/{id}" => json!({ "name": "Everything" }),
        "POST /api/v1/links" => json!({
            "user_id": stage.me.to_string(),
            "principal_id": stage.principals[1],
        }),
        "POST /api/v1/mend" => json!({ "message": "s3:GetObject" }),
        "POST /api/v1/config/plan" => json!({ "files": [] }),
        "POST /api/v1/config/apply" => json!({ "files": [], "plan": "" }),
        "POST /api/v1/duties" => json!({
            "name": "", "message": "", "action": "block",
            "first": { "name": "" }, "second": { "name": "" },
        }),
        "PATCH /api/v1/duties/{id}" => json!({ "message": "changed" }),
        "POST /api/v1/catalogs" => json!({ "name": "" }),
        "POST /api/v1/catalogs/check" => json!({ "contents": [] }),
        "PATCH /api/v1/catalogs/{id}" => json!({ "description": "changed" }),
        "POST /api/v1/catalogs/{id}/entitlements" => {
            json!({ "entitlements": [stage.offered.to_string()] })
        }
        "PUT /api/v1/entitlements/{id}/access-control" => {
            json!({ "policy": stage.policy.to_string() })
        }
        "POST /api/v1/policies" => json!({
            "name": "",
            "body": { "auto_approve": true, "max_duration_seconds": 3600 },
        }),
        "POST /api/v1/policies/{id}/versions" => json!({
            "body": { "auto_approve": true, "max_duration_seconds": 3600 },
        }),
        "POST /api/v1/policies/dry-run" => json!({
            "user": stage.me.to_string(),
            "entitlement": stage.offered.to_string(),
        }),
        "POST /api/v1/policies/{id}/replay" => json!({
            "body": { "auto_approve": true, "max_duration_seconds": 3600 },
        }),
        "POST /api/v1/requests/preview" if thing.starts_with("usr_") => {
            json!({ "entitlement": stage.offered.to_string(), "beneficiary": thing })
        }
        "POST /api/v1/requests" if thing.starts_with("usr_") => json!({
            "entitlement": stage.offered.to_string(),
            "duration_seconds": 3600,
            "reason": "to see who hears what",
            "beneficiary": thing,
        }),
        "POST /api/v1/requests/preview" => json!({ "entitlement": thing }),
        "POST /api/v1/requests" => json!({
            "entitlement": thing,
            "duration_seconds": 3600,
            "reason": "to see who hears what",
        }),
        "POST /api/v1/requests/{id}/approve" => json!({ "comment": "" }),
        "POST /api/v1/requests/{id}/deny" => json!({ "reason": "to see who hears what" }),
        "POST /api/v1/requests/{id}/cancel" | "POST /api/v1/requests/{id}/return" => json!({}),
        "POST /api/v1/requests/{id}/raise" => json!({}),
        "POST /api/v1/requests/{id}/reassign" => {
            json!({ "to": "nobody@example.com", "reason": "to see who hears what" })
        }
        "POST /api/v1/emergency-reviews/{id}/close" => {
            json!({ "verdict": "justified", "note": "to see who hears what" })
        }
        "POST /api/v1/until-revoked-reviews/{id}/keep"
        | "POST /api/v1/until-revoked-reviews/{id}/close" => {
            json!({ "note": "to see who hears what" })
        }
        "POST /api/v1/submissions" => json!({ "items": [] }),
        "POST /api/v1/submissions/{id}/cancel" => json!({}),
        "POST /api/v1/grants/{id}/extend" => json!({}),
        "POST /api/v1/requests/{id}/comments" => json!({ "text": "to see who hears what" }),
        "PUT /api/v1/notices/kinds" => json!({ "kind": "access_ready", "on": true }),
        "POST /api/v1/grants/{id}/revoke" | "POST /api/v1/grants/{id}/cut-off" => {
            json!({ "reason": "to see who hears what" })
        }
        _ => return None,
    }))
}

fn form(route: &str, thing: &str, stage: &Stage) -> Option<String> {
    let own = thing == stage.me.to_string();
    let role = stage.role.filter(|role| *role != Role::User);
    let text = match route {
        "POST /applications/new" => "name=".to_owned(),
        "POST /applications/{id}/edit" => "version=0&name=x".to_owned(),
        "POST /people/users/new" | "POST /people/groups/new" => "name=".to_owned(),
        "POST /people/users/{id}/edit" | "POST /people/groups/{id}/edit" => {
            "version=0&name=x".to_owned()
        }
        "POST /people/users/{id}/password" => "password=short".to_owned(),
        "POST /people/users/{id}/roles" => match role.filter(|_| own) {
            Some(role) => format!("version=0&roles={role}"),
            None => "version=0".to_owned(),
        },
        "POST /people/groups/{id}/members" => format!("user={}", stage.me),
        "POST /people/links/new" => "user=&principal=".to_owned(),
        "POST /account/proof" => "password=not+it".to_owned(),
        "POST /account/password" => "current=not+it&new=a+fresh+password&again=other".to_owned(),
        "POST /account/tokens/new" => "name=another&days=30".to_owned(),
        "POST /delegations/new" => "delegate=&starts_at=&ends_at=".to_owned(),
        "POST /sign-in" => format!(
            "email={}&password={}",
            stage.other_email.replace('@', "%40"),
            PASSWORD.replace(' ', "+")
        ),
        "POST /theme" => "theme=dark&back=%2F".to_owned(),
        "POST /request/{id}" => {
            "duration=60&minutes=60&reason=to+see+who+hears+what&when=now".to_owned()
        }
        "POST /requests/{id}/approve" | "POST /requests/{id}/deny" => {
            "comment=to+see+who+hears+what".to_owned()
        }
        "POST /requests/{id}/reassign" => {
            "to=nobody%40example.com&reason=to+see+who+hears+what&from=".to_owned()
        }
        "POST /requests/{id}/comments" => "text=to+see+who+hears+what".to_owned(),
        "POST /requests/{id}/raise" => "length=&reason=to+see+who+hears+what".to_owned(),
        "POST /emergency-reviews/{id}/close" => {
            "verdict=justified&note=to+see+who+hears+what".to_owned()
        }
        "POST /until-revoked/{id}/keep" | "POST /until-revoked/{id}/close" => {
            "note=to+see+who+hears+what".to_owned()
        }
        "POST /grants/{id}/revoke" | "POST /grants/{id}/cut-off" => {
            "reason=to+see+who+hears+what".to_owned()
        }
        "POST /connections/{id}/iam-users" => "name=&reason=to+see+who+hears+what".to_owned(),
        "POST /iam-users/{id}/disable"
        | "POST /iam-users/{id}/delete"
        | "POST /key-rotations/{id}/cancel" => "reason=to+see+who+hears+what".to_owned(),
        "POST /connections/{id}/drain" => "reason=to+see+who+hears+what".to_owned(),
        "POST /connections/{id}/credential" => {
            format!("credential=role&role_arn={}", stage.role_arn)
        }
        "POST /mend" => "message=s3%3AGetObject&account=".to_owned(),
        "POST /duties/new" | "POST /duties/{id}/edit" => "version=0&name=".to_owned(),
        "POST /catalogs/new" | "POST /catalogs/{id}/edit" => "version=0&name=".to_owned(),
        "POST /policies/new" | "POST /policies/{id}/edit" | "POST /policies/{id}/replay" => {
            "version=0&name=".to_owned()
        }
        "POST /catalogs/{id}/add" => "name=".to_owned(),
        "POST /catalogs/{id}/try" => "entitlement=".to_owned(),
        "POST /policies/try" => "user=&entitlement=".to_owned(),
        "POST /catalogs/{id}/entitlements/{entitlement}" => {
            format!("version=0&policy={}", stage.policy)
        }
        "POST /connections/new" => "name=&role_arn=x&region=x".to_owned(),
        "POST /connections/{id}/scope" => "faster=on".to_owned(),
        "POST /connections/{id}/owners" => "version=0&owners=".to_owned(),
        "POST /connections/{id}/member-accounts" => "on=off&role=StintMember".to_owned(),
        "POST /connections/{id}/changes" => "queue_url=&scim_endpoint=".to_owned(),
        _ => demo_form(route)?.to_owned(),
    };
    Some(text)
}

/// Calls without a body, or whose body may be empty.
const BARE: &[&str] = &[
    "POST /api/v1/sign-out",
    "POST /api/v1/users/{id}/deactivate",
    "POST /api/v1/users/{id}/reactivate",
    "POST /api/v1/sign-ins/{id}/end",
    "POST /api/v1/tokens/{id}/revoke",
    "DELETE /api/v1/groups/{id}/members/{user}",
    "POST /api/v1/connections/{id}/test",
    "POST /api/v1/connections/{id}/sync",
    "POST /api/v1/connections/{id}/sync-runs/{run}/accept",
    "POST /api/v1/connections/{id}/sync-runs/{run}/set-aside",
    "POST /api/v1/connections/{id}/resume",
    "DELETE /api/v1/connections/{id}",
    "POST /api/v1/iam-users/{id}/retry",
    "POST /api/v1/connections/{id}/rotate-key",
    "POST /api/v1/key-rotations/{id}/retry",
    "POST /iam-users/{id}/retry",
    "POST /connections/{id}/rotate-key",
    "POST /key-rotations/{id}/retry",
    "POST /api/v1/links/{id}/confirm",
    "POST /api/v1/links/{id}/reject",
    "POST /api/v1/links/{id}/primary",
    "DELETE /api/v1/catalogs/{id}/entitlements/{entitlement}",
    "POST /api/v1/grants/{id}/retry",
    "POST /api/v1/grants/{id}/provision-again",
    "POST /api/v1/notices/{id}/read",
    "POST /api/v1/notices/read",
    "POST /notices/{id}/read",
    "POST /notices/read",
    "POST /notices/kinds",
    "POST /api/v1/audit-events/verify",
    "POST /sign-out",
    "POST /requests/{id}/cancel",
    "POST /requests/{id}/return",
    "POST /grants/{id}/extend",
    "POST /request",
    "POST /submissions/{id}/cancel",
    "POST /grants/{id}/retry",
    "POST /grants/{id}/provision-again",
    "POST /connections/{id}/test",
    "POST /connections/{id}/sync",
    "POST /connections/{id}/syncs/{run}/accept",
    "POST /connections/{id}/syncs/{run}/set-aside",
    "POST /connections/{id}/resume",
    "POST /connections/{id}/remove",
    "POST /catalogs/{id}/entitlements/{entitlement}/remove",
    "POST /people/links/{id}/confirm",
    "POST /people/links/{id}/reject",
    "POST /people/links/{id}/primary",
    "POST /people/users/{id}/deactivate",
    "POST /people/users/{id}/reactivate",
    "POST /people/sign-ins/{id}/end",
    "POST /people/tokens/{id}/revoke",
    "POST /delegations/{id}/end",
    "POST /people/groups/{id}/members/{user}/remove",
    "POST /audit/verify",
];

fn sent(route: &str, page: bool, thing: &str, stage: &Stage) -> Body {
    if let Some(json) = body(route, thing, stage) {
        return json;
    }
    if let Some(form) = form(route, thing, stage) {
        return Body::Form(form);
    }
    if BARE.contains(&route) {
        return if page {
            Body::Form(String::new())
        } else {
            Body::Nothing
        };
    }
    assert!(
        route.starts_with("GET "),
        "{route}: say in tests/it/rights/asks.rs what is sent to it"
    );
    Body::Nothing
}

/// What has to be said after the question mark.
fn query(route: &str, stage: &Stage) -> String {
    match route {
        "GET /api/v1/entitlements" | "GET /api/v1/permission-sets" | "GET /api/v1/principals" => {
            format!("?connection={}", stage.connection)
        }
        "GET /api/v1/requests/groups" => "?entitlement={id}".to_owned(),
        "GET /api/v1/assignments/history" | "GET /explore/history" => {
            format!(
                "?principal={}&entitlement={}",
                stage.principals[0], stage.offered
            )
        }
        _ => String::new(),
    }
}

/// What is asked of the demo's own addresses.
pub(crate) fn demo() -> Vec<Ask> {
    recorded()
        .into_keys()
        .filter(|route| route.starts_with("POST /demo/"))
        .map(|route| {
            let path = route.trim_start_matches("POST ").to_owned();
            let form = demo_form(&route).expect("say in tests/it/rights/asks.rs what is sent");
            Ask {
                route,
                relation: "",
                method: Method::POST,
                path,
                absent: None,
                body: Body::Form(form.to_owned()),
                page: true,
                through: Through::Token,
                last: false,
            }
        })
        .collect()
}

fn demo_form(route: &str) -> Option<&'static str> {
    match route {
        "POST /demo/sign-in" => Some("persona=ana"),
        "POST /demo/clock" => Some("to=hour&back=%2F"),
        _ => None,
    }
}

/// Every ask of one column.
pub(crate) async fn asks(stage: &Stage) -> Vec<Ask> {
    let mut all = Vec::new();
    for route in recorded().into_keys() {
        let (method, template) = route.split_once(' ').expect("method and path");
        let page = !template.starts_with("/api/");
        let things = things(template, method, stage).await;
        let named = template.contains("{id}");
        let others = |path: &str| {
            path.replace("{file}", stage.asset.trim_start_matches("/assets/"))
                .replace("{code}", "stale")
                .replace("{user}", &stage.other.to_string())
                .replace("{run}", &stage.run)
                .replace("{entitlement}", &stage.offered.to_string())
                + &query(&route, stage)
        };
        let ask = |relation, path: String, absent, thing: &str| Ask {
            route: route.clone(),
            relation,
            method: method.parse().expect("a method"),
            path,
            absent,
            body: sent(&route, page, thing, stage),
            page,
            // What a token may not do, whoever has it.
            through: if [
                "POST /api/v1/sign-in/proof",
                "PUT /api/v1/me/password",
                "POST /api/v1/tokens",
                "POST /account/tokens/new",
            ]
            .contains(&&*route)
            {
                Through::Cookie
            } else {
                Through::Token
            },
            last: false,
        };
        if things.is_empty() {
            assert!(
                !named,
                "{route}: say in tests/it/rights/asks.rs which things it is about"
            );
            let mut ask = ask("-", others(template), None, "");
            ask.last = template.ends_with("/sign-out");
            all.push(ask);
        }
        for (relation, thing) in things {
            let nothing = absent(&thing);
            let gone = (
                others(template).replace("{id}", &nothing),
                sent(&route, page, &nothing, stage),
            );
            let path = others(template).replace("{id}", &thing);
            let mut ask = ask(relation, path, Some(gone), &thing);
            if let (true, Body::Form(form)) =
                (template.starts_with("/until-revoked/"), &mut ask.body)
            {
                // The page says which review it shows.
                let grant = stage.grant_of(&thing).await;
                form.push_str(&format!("&grant={grant}"));
            }
            let ends =
                template.ends_with("/deactivate") || template.ends_with("/sign-ins/{id}/end");
            ask.last = (ends && relation == "own") || template.ends_with("/{entitlement}/remove");
            all.push(ask);
        }
    }
    // Reading first, then what changes, then what ends the caller's own way in.
    all.sort_by_key(|ask| {
        (
            ask.last,
            ask.route.ends_with("/deactivate"),
            ask.method != Method::GET,
        )
    });
    all
}
