//! The recording builder through which every address of Stint is registered.
//!
//! One registration feeds the router, the OpenAPI document and the list the rights test
//! walks, so that the three cannot differ. Nothing else calls axum's or utoipa's own
//! builder functions.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use http::Method;
use stint_domain::rights::Verb;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::cx::App;

/// One registered address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its method.
    pub method: Method,
    /// Its path, with `{parameters}`.
    pub path: String,
    /// The verb behind it.
    pub verb: Verb,
    /// Whether it is a page; otherwise it is in the API's description.
    pub page: bool,
}

/// A list of addresses with their handlers.
pub struct Routes {
    router: OpenApiRouter<App>,
    recorded: Vec<Recorded>,
}

impl Default for Routes {
    fn default() -> Self {
        Self::new()
    }
}

impl Routes {
    /// An empty list.
    pub fn new() -> Self {
        Self {
            router: OpenApiRouter::new(),
            recorded: Vec::new(),
        }
    }

    /// Adds a handler of the API: `.api(Verb::SubmitRequest, routes!(submit))`, one handler
    /// at a time. Method and path (the whole of it) stand in its `#[utoipa::path(…)]`.
    pub fn api(mut self, verb: Verb, handler: UtoipaMethodRouter<App>) -> Self {
        for (path, item) in &handler.1.paths {
            let methods = [
                (Method::GET, item.get.is_some()),
                (Method::POST, item.post.is_some()),
                (Method::PUT, item.put.is_some()),
                (Method::PATCH, item.patch.is_some()),
                (Method::DELETE, item.delete.is_some()),
            ];
            for (method, _) in methods.into_iter().filter(|(_, has)| *has) {
                self.recorded.push(Recorded {
                    method,
                    path: path.clone(),
                    verb,
                    page: false,
                });
            }
        }
        self.router = self.router.routes(handler);
        self
    }

    /// Adds a page, or anything else that is not in the API's description.
    pub fn page<H, T>(mut self, verb: Verb, method: Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        self.recorded.push(Recorded {
            method,
            path: path.to_owned(),
            verb,
            page: true,
        });
        self.router = self.router.route(path, on(filter, handler));
        self
    }

    /// Adds another list.
    pub fn merge(mut self, other: Routes) -> Self {
        self.recorded.extend(other.recorded);
        self.router = self.router.merge(other.router);
        self
    }

    /// Every address.
    pub fn recorded(&self) -> &[Recorded] {
        &self.recorded
    }

    /// The description of the API, complete.
    pub fn openapi(&self) -> OpenApi {
        let mut api = self.router.get_openapi().clone();
        super::describe::complete(&mut api, &self.recorded);
        api
    }

    /// The router, and the description of the API.
    pub(crate) fn split(self) -> (Router<App>, OpenApi) {
        self.router.split_for_parts()
    }
}
