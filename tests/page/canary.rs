//! What must never be seen, in no page and no document.

use std::sync::Arc;

use skep::diff::document::{FieldChange, Impact};
use skep::diff::mask::{Masker, Sensitivity};
use skep::diff::new_service;
use skep::model::container::ContainerSpec;
use skep::model::secret::EnvVar;
use skep::model::service::ServiceSpec;
use skep::model::task::TaskTemplate;
use skep::reconciler::controller::report::Report;
use skep::reconciler::controller::sight::{ServiceDeclaration, Sight};

use crate::reading::{DOCUMENTS, PAGES};
use crate::server::Server;
use crate::world;

const CANARY: &str = "canary-5ad1f0";

/// A service whose secrets are everywhere a secret can be.
fn spec() -> ServiceSpec {
    let container = ContainerSpec {
        image: "acme/app:1".to_owned(),
        env: vec![
            EnvVar::parse(&format!("DB_PASSWORD={CANARY}")),
            EnvVar::parse(&format!("DATABASE_URL=postgres://u:{CANARY}@db/app")),
        ],
        args: vec!["--token".to_owned(), CANARY.to_owned()],
        ..ContainerSpec::default()
    };
    let task_template = TaskTemplate { container_spec: Some(container), ..TaskTemplate::default() };
    ServiceSpec { name: "shop_web".to_owned(), task_template, ..ServiceSpec::default() }
}

fn fields() -> Vec<FieldChange> {
    let mut masker = Masker::new(Sensitivity::default());
    let fields = new_service(&spec()).fields;
    fields.iter().map(|field| field.change(&mut masker, None, None)).collect()
}

#[tokio::test]
async fn secrets_are_in_no_page_and_no_document() {
    let mut report = world::report();
    let sight = report.sight.as_deref().unwrap();
    let shown = fields();
    assert!(shown.iter().any(|field| field.path.0 == "environment.DB_PASSWORD"));
    assert!(shown.iter().all(|field| field.impact <= Impact::Replace));
    let declared = world::Declared(ServiceDeclaration { fields: shown, ..world::web() });
    let sight = Sight { declared: vec![Arc::new(declared)], ..sight.clone() };
    report = Report { sight: Some(sight.into()), ..report };
    let server = Server::of(report).await;
    let service = server.get("/services/shop_web").await.body;
    assert!(service.contains("environment.DB_PASSWORD"), "{service}");
    for path in PAGES.into_iter().chain(DOCUMENTS).chain(["/api/v1/services/shop_web", "/metrics"])
    {
        let answer = server.get(path).await;
        assert!(!answer.body.contains(CANARY) && !answer.head.contains(CANARY), "{path}");
    }
}
