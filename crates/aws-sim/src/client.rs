//! The way in without a socket: an HTTP client for the SDK.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;

use http::HeaderValue;
use http::header::HOST;

use crate::sim::{Outcome, Sim};
use crate::wire::Incoming;

impl Sim {
    /// An HTTP client that hands requests over in memory, whatever host they are for. Give
    /// the SDK any plain endpoint URL, such as `http://aws.sim`.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(InMemory(self.clone()))
    }
}

#[derive(Debug, Clone)]
struct InMemory(Sim);

impl HttpClient for InMemory {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InMemory {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sim = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|broken| ConnectorError::user(broken.into()))?;
            let body = request.body().bytes().ok_or_else(|| {
                ConnectorError::user("a streaming body cannot be simulated".into())
            })?;
            let mut headers = request.headers().clone();
            let authority = request.uri().authority().map(|known| known.as_str());
            if let Some(host) = authority.and_then(|host| HeaderValue::from_str(host).ok()) {
                headers.entry(HOST).or_insert(host);
            }
            let incoming = Incoming {
                method: request.method().as_str(),
                path: request.uri().path(),
                query: request.uri().query().unwrap_or(""),
                headers: &headers,
                body,
            };
            match sim.exchange(&incoming).await {
                Outcome::Reply(reply) => {
                    let response: http::Response<SdkBody> = reply.into_http();
                    HttpResponse::try_from(response)
                        .map_err(|broken| ConnectorError::other(broken.into(), None))
                }
                Outcome::Reset => {
                    let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                    Err(ConnectorError::other(
                        reset.into(),
                        Some(ErrorKind::TransientError),
                    ))
                }
                // The kind the SDK's own client gives to a connection that broke without an
                // answer.
                Outcome::Lost => Err(ConnectorError::other(
                    "the simulated connection broke".into(),
                    Some(ErrorKind::TransientError),
                )),
            }
        })
    }
}
