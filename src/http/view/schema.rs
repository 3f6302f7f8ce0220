//! The published layout of the documents of the API.

use schemars::{JsonSchema, Schema};

use super::{ClusterView, EventsView, Overview, RoutesView, ServiceView, StackView};
use crate::http::ChangeEvent;

/// The documents of the API, each by the last part of its path.
#[derive(JsonSchema)]
#[schemars(title = "skep api")]
#[expect(dead_code, reason = "it only describes the schema")]
struct Documents {
    /// `/api/v1/overview`
    overview: Overview,
    /// `/api/v1/stacks/{stack}`
    stack: StackView,
    /// `/api/v1/services/{service}`
    service: ServiceView,
    /// `/api/v1/cluster`
    cluster: ClusterView,
    /// `/api/v1/routes`
    routes: RoutesView,
    /// `/api/v1/history`
    history: EventsView,
    /// The data of a `change` in `/api/v1/events`
    change: ChangeEvent,
}

/// The JSON Schema of an object with each of the documents; `/api/v1/status` has a schema of its own.
pub fn schema() -> Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Documents>()
}
