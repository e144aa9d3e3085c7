//! All addresses of Stint together, and what is done for each request before its handler:
//! finding out who is asking.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::OnceLock;

use axum::Router;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, header};
use stint_api::Problem;
use stint_domain::rights::Verb;
use utoipa::openapi::OpenApi;
use utoipa_axum::routes;

use crate::cx::{Actor, App, Cx, Via};
use crate::http::{Budget, Caller, Failure, Json, PageRequest, Routes, Told, Trouble, takes_away};
use crate::identity;
use crate::web::Frame;

/// Every address, from every room: one line each.
pub fn routes() -> Routes {
    Routes::new()
        .merge(own())
        .merge(crate::web::routes())
        .merge(crate::audit::routes())
        .merge(crate::identity::routes())
        .merge(crate::connections::routes())
        .merge(crate::directory::routes())
        .merge(crate::policies::routes())
        .merge(crate::catalog::routes())
        .merge(crate::duties::routes())
        .merge(crate::mend::routes())
        .merge(crate::config::routes())
        .merge(crate::grants::routes())
        .merge(crate::objects::routes())
        .merge(crate::requests::routes())
        .merge(crate::draining::routes())
        .merge(crate::notices::routes())
        .merge(crate::audit::page_routes())
        .merge(crate::identity::page_routes())
        .merge(crate::demo::page_routes())
        .merge(crate::connections::page_routes())
        .merge(crate::directory::page_routes())
        .merge(crate::policies::page_routes())
        .merge(crate::catalog::page_routes())
        .merge(crate::duties::page_routes())
        .merge(crate::mend::page_routes())
        .merge(crate::grants::page_routes())
        .merge(crate::objects::page_routes())
        .merge(crate::requests::page_routes())
        .merge(crate::draining::page_routes())
        .merge(crate::notices::page_routes())
        .merge(crate::overview::page_routes())
}

/// The addresses that belong to no room.
fn own() -> Routes {
    Routes::new()
        .page(Verb::ReadPublic, Method::GET, "/healthz", healthz)
        .page(Verb::ReadPublic, Method::GET, "/readyz", readyz)
        .api(Verb::ReadPublic, routes!(openapi))
}

/// The router with everything around it.
pub fn router(app: App) -> Router {
    let (router, _) = routes().split();
    let router = router
        .fallback(|| async { Failure::not_found() })
        .layer(from_fn_with_state(app.clone(), who))
        .with_state(app.clone());
    crate::http::around(router, &app.config.public_url, &app.ids, error_page)
}

/// Finds out who is asking. Until there is a user, everything but the state of the process
/// answers `not_initialised`.
async fn who(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let bare = matches!(path, "/healthz" | "/readyz") || path.starts_with("/assets/");
    let (found, told) = if bare {
        (Ok((Actor::Nobody, false)), None)
    } else {
        let found = asking(&app, path, request.headers()).await;
        let actor = found.as_ref().map_or(&Actor::Nobody, |(actor, _)| actor);
        let told = budget(&app, actor, &request);
        (found, told)
    };
    let refused = told.as_ref().and_then(Told::refusal);
    let (actor, over) = match (found, &refused) {
        (Ok(found), _) => found,
        // Who guesses tokens is told to wait like anybody else.
        (Err(error), None) => return Failure::from(error).into_response(),
        (Err(_), Some(_)) => (Actor::Nobody, false),
    };
    // The API is answered without a frame.
    let framed = !bare && !request.uri().path().starts_with("/api/");
    let frame = if framed {
        let target = request
            .uri()
            .path_and_query()
            .map_or("/", |target| target.as_str());
        Some(crate::overview::frame(&app, &actor, target, request.headers()).await)
    } else {
        None
    };
    if let Some(frame) = &frame {
        request.extensions_mut().insert(frame.clone());
    }
    request.extensions_mut().insert(actor);
    let mut response = match refused {
        Some(refused) => refused,
        None => next.run(request).await,
    };
    if let Some(told) = told {
        told.tell(response.headers_mut());
    }
    // For the error page, which is made further out.
    if let Some(frame) = frame {
        response.extensions_mut().insert(frame);
    }
    if over && !response.headers().contains_key(header::SET_COOKIE) {
        let forget = identity::clear_cookie(&app);
        response.headers_mut().insert(header::SET_COOKIE, forget);
    }
    response
}

/// Takes the call out of its caller's budget; says how that stands where there is a limit.
///
/// Counted is the token or the sign-in, and the address for callers who are nobody or sign in. Giving
/// one's password again draws as little as signing in, but from one's own. Taking away is free for
/// who is known: see [`takes_away`].
fn budget(app: &App, actor: &Actor, request: &Request) -> Option<Told> {
    static VERBS: OnceLock<HashMap<(Method, String), Verb>> = OnceLock::new();
    let verbs = VERBS.get_or_init(|| {
        (routes().recorded().iter())
            .map(|it| ((it.method.clone(), it.path.clone()), it.verb))
            .collect()
    });
    let method = request.method();
    let path = request.extensions().get::<MatchedPath>();
    let verb = path.and_then(|path| verbs.get(&(method.clone(), path.as_str().to_owned())));
    let reads = method.is_safe();
    let tries = |verb: &Verb| matches!(verb, Verb::SignIn | Verb::DemoSignIn);
    let signs_in = !reads && verb.is_some_and(tries);
    let proves = !reads && verb.is_some_and(|verb| *verb == Verb::ProveSignIn);
    let (caller, budget) = match actor {
        Actor::User(person) if !signs_in => {
            if !reads && verb.is_some_and(|verb| takes_away(*verb)) {
                return None;
            }
            let caller = match person.via {
                Via::Page(id) => Caller::SignIn(id),
                Via::Token(id) => Caller::Token(id),
            };
            let budget = match (reads, proves) {
                (true, _) => Budget::Reads,
                (false, true) => Budget::SignIns,
                (false, false) => Budget::Writes,
            };
            (caller, budget)
        }
        _ => {
            let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
            let address = (app.limiter.proxies()).client(peer.ip(), request.headers());
            let budget = if signs_in {
                Budget::SignIns
            } else {
                Budget::Anonymous
            };
            (Caller::Address(address), budget)
        }
    };
    app.limiter.take(caller, budget, app.wall.now())
}

/// The actor, and whether the browser is to forget a sign-in that is over. A page (and the
/// API's own sign-in) then is for nobody; any other call of the API hears why it is refused.
async fn asking(
    app: &App,
    path: &str,
    headers: &HeaderMap,
) -> Result<(Actor, bool), identity::Error> {
    let page = !path.starts_with("/api/") || path == "/api/v1/sign-in";
    let found = match identity::actor(app, headers).await {
        Err(identity::Error::SignInOver) if page => Ok((Actor::Nobody, true)),
        found => found.map(|actor| (actor, false)),
    };
    let known = matches!(found, Ok((Actor::User(_), _)));
    // What the refusal means must be there to be read.
    let explains = path.starts_with("/docs/");
    if !known && !explains && !identity::initialised(app).await? {
        return Err(identity::Error::NotInitialised);
    }
    found
}

/// A failure as a page. Who opens a page without being signed in is sent to sign in, and
/// comes back afterwards.
fn error_page(response: &Response, trouble: &Trouble, request: &PageRequest) -> Response {
    if trouble.status == StatusCode::UNAUTHORIZED && request.method == Method::GET {
        return crate::web::answer::to_sign_in(&request.target);
    }
    let frame = response.extensions().get::<Frame>().cloned();
    let frame = frame.unwrap_or_else(|| Frame::new(&request.target, &request.headers));
    crate::web::error_page(&frame, trouble, &request.request_id)
}

/// Describes this API, as OpenAPI 3.1.
///
/// It is the same for everybody and as long as the process runs; `openapi.json` beside the
/// source is a copy.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "description",
    responses((status = 200, body = serde_json::Value), (status = "4XX", body = Problem))
)]
async fn openapi() -> Json<&'static OpenApi> {
    static DESCRIBED: OnceLock<OpenApi> = OnceLock::new();
    Json(DESCRIBED.get_or_init(|| routes().openapi()))
}

/// The process is there.
async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers. What else an operator should know stands beside it.
async fn readyz(cx: Cx) -> Result<String, Failure> {
    crate::outbox::waiting(&cx.app.db).await.map_err(|error| {
        tracing::warn!(error = %crate::http::failure_chain(&error), "database.not_ready");
        Failure::of_status(StatusCode::SERVICE_UNAVAILABLE)
    })?;
    Ok(match cx.app.trust.paused() {
        None => "ok\n".to_owned(),
        Some(apart) => format!(
            "ok\nclock_disagrees: this machine and the database differ by {apart}; removals that only a clock asks for wait\n"
        ),
    })
}
