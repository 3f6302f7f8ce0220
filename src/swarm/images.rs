//! Images: what a tag stands for right now, and what a live service was resolved to.

use http::Method;
use serde::Deserialize;

use super::error::{Failure, SwarmError};
use super::registry::{Credentials, CredentialsError};
use super::transport::{Call, Connection, REGISTRY};
use crate::model::labels;
use crate::model::service::ServiceSpec;
use crate::model::task::Platform;

/// What a registry says of a reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// `sha256:…` of the manifest or list of manifests.
    pub digest: String,
    /// Platforms that the image has, as Swarm's placement wants them.
    pub platforms: Vec<Platform>,
}

/// Why a reference could not be resolved.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The registry has no such image, or the reference is none.
    #[error("no such image: {0}")]
    NotFound(String),
    /// The registry does not let us see it.
    #[error("access denied: {words}")]
    Denied {
        /// What it says.
        words: String,
        /// Whom it took us for.
        login: UsedLogin,
    },
    /// The registry, or the engine, could not be asked; this says nothing about the image.
    #[error("the registry could not be asked")]
    Unavailable(#[source] SwarmError),
}

/// The credentials that a registry was asked with.
#[derive(Debug, Clone)]
pub enum UsedLogin {
    /// None are known.
    Nobody,
    /// Those that are known.
    Ours,
    /// None, because those that somebody set up cannot be had.
    Broken(CredentialsError),
}

/// Asks the registry of `reference`, through the engine, what it stands for.
pub async fn resolve(
    connection: &Connection,
    credentials: &Credentials,
    reference: &str,
) -> Result<Resolved, ResolveError> {
    if !is_reference(reference) {
        return Err(ResolveError::NotFound(format!("\"{reference}\" is no image reference")));
    }
    let operation = format!("resolve {reference}");
    let mut call = Call::new(operation, Method::GET, format!("/distribution/{reference}/json"));
    let login = credentials.find(reference).await;
    call.registry_auth = login.as_ref().ok().and_then(|login| login.as_ref()?.header());
    call.patience = REGISTRY;
    match connection.json::<Inspection>(call).await {
        Ok(Inspection { descriptor, platforms }) => Ok(Resolved {
            digest: descriptor.digest,
            platforms: known(platforms.unwrap_or_default()),
        }),
        Err(error) => Err(match (sort(error), login) {
            (ResolveError::Denied { words, .. }, Ok(Some(_))) => {
                ResolveError::Denied { words, login: UsedLogin::Ours }
            }
            (ResolveError::Denied { words, .. }, Err(error)) => {
                ResolveError::Denied { words, login: UsedLogin::Broken(error) }
            }
            (error, _) => error,
        }),
    }
}

/// Whether the Swarm has one node only, and that node has the image: then no other node needs to pull it.
pub async fn is_on_only_node(connection: &Connection, reference: &str) -> Result<bool, SwarmError> {
    let nodes: Vec<serde::de::IgnoredAny> =
        connection.json(Call::get("list nodes", "/nodes")).await?;
    if nodes.len() != 1 || !is_reference(reference) {
        return Ok(false);
    }
    let path = format!("/images/{reference}/json");
    let call = Call::new(format!("look for {reference}"), Method::GET, path);
    match connection.send(call).await {
        Ok(_) => Ok(true),
        Err(error) if error.not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes `spec` run exactly what its image was resolved to, as `docker stack deploy` does.
pub fn pin(spec: &mut ServiceSpec, resolved: &Resolved) {
    let Some(container) = &mut spec.task_template.container_spec else { return };
    let Resolved { digest, platforms } = resolved;
    let image = familiar(&container.image);
    container.image = if image.contains('@') { image } else { format!("{image}@{digest}") };
    spec.task_template.placement.get_or_insert_default().platforms.clone_from(platforms);
}

/// Takes image and platforms from the live service if it was deployed from the reference that `desired` declares, whether
/// a registry gave a digest for it then or not. Returns whether it was.
///
/// Platforms belong to the digest: taking the image alone would make the spec differ.
pub fn reuse_resolution(desired: &mut ServiceSpec, live: &ServiceSpec) -> bool {
    let (Some(wanted), Some(has)) =
        (&mut desired.task_template.container_spec, &live.task_template.container_spec)
    else {
        return false;
    };
    let declared = familiar(&wanted.image);
    let label = live.labels.get(labels::IMAGE).map(|image| familiar(image));
    let reference = has.image.split_once('@').map_or(has.image.as_str(), |(name, _digest)| name);
    let resolved = familiar(&has.image) == declared || familiar(reference) == declared;
    if label.as_ref() != Some(&declared) || !resolved {
        return false;
    }
    wanted.image.clone_from(&has.image);
    let platforms = live.task_template.placement.as_ref().map(|rules| &rules.platforms);
    match platforms.filter(|platforms| !platforms.is_empty()) {
        Some(platforms) => {
            desired.task_template.placement.get_or_insert_default().platforms.clone_from(platforms);
        }
        None => {
            if let Some(rules) = &mut desired.task_template.placement {
                rules.platforms.clear();
            }
        }
    }
    true
}

/// Whether two references name the same image: `nginx` and `docker.io/library/nginx:latest` do.
pub fn is_same_reference(one: &str, other: &str) -> bool {
    familiar(one) == familiar(other)
}

/// The registry of an image as people name it: `docker.io` where the image names none.
pub fn registry_of(image: &str) -> &str {
    registry(image).unwrap_or("docker.io")
}

/// The registry that an image names; `None` for Docker Hub.
pub(super) fn registry(image: &str) -> Option<&str> {
    let (first, _rest) = image.split_once('/')?;
    let is_host = first.contains(['.', ':']) || first == "localhost";
    (is_host && first != "docker.io" && first != "index.docker.io").then_some(first)
}

/// The reference as docker shows it: without what is Docker Hub's default, with the tag that is meant.
fn familiar(image: &str) -> String {
    let image = image.strip_prefix("index.docker.io/").unwrap_or(image);
    let image = image.strip_prefix("docker.io/").unwrap_or(image);
    let image = match image.strip_prefix("library/") {
        Some(rest) if !rest.contains('/') => rest,
        _ => image,
    };
    let name = image.rsplit('/').next().unwrap_or(image);
    if name.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}

fn is_reference(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "./:@_-".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(allowed)
}

/// Platforms without those of attestations and without repeats; of ARM there are too many spellings to match, so
/// its architecture is left open, as docker does.
fn known(platforms: Vec<InspectedPlatform>) -> Vec<Platform> {
    let mut known: Vec<Platform> = Vec::new();
    for InspectedPlatform { architecture, os } in platforms {
        if os == "unknown" || architecture == "unknown" {
            continue;
        }
        let architecture =
            if architecture.eq_ignore_ascii_case("arm") { String::new() } else { architecture };
        let platform = Platform { architecture, os };
        if !known.contains(&platform) {
            known.push(platform);
        }
    }
    known
}

fn denied(message: &str) -> ResolveError {
    ResolveError::Denied { words: message.to_owned(), login: UsedLogin::Nobody }
}

fn sort(error: SwarmError) -> ResolveError {
    match &error.failure {
        // 400: the engine does not take it for a reference.
        Failure::NotFound { message } | Failure::Refused { status: 400, message } => {
            ResolveError::NotFound(message.clone())
        }
        Failure::Refused { status: 401 | 403, message } => denied(message),
        Failure::Refused { message, .. } | Failure::Engine { message, .. } => {
            let says = |words: &str| message.to_ascii_lowercase().contains(words);
            if says("toomanyrequests") || says("too many requests") {
                // Docker Hub goes on to speak of authentication.
                ResolveError::Unavailable(error)
            } else if says("manifest unknown") || says("name unknown") {
                ResolveError::NotFound(message.clone())
            } else if says("denied") || says("unauthorized") || says("no basic auth") {
                denied(message)
            } else {
                ResolveError::Unavailable(error)
            }
        }
        _ => ResolveError::Unavailable(error),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspection {
    descriptor: Descriptor,
    platforms: Option<Vec<InspectedPlatform>>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

#[derive(Deserialize)]
struct InspectedPlatform {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::container::ContainerSpec;
    use crate::model::service::ServiceSpec;
    use crate::model::task::{Placement, TaskTemplate};

    fn service(label: &str, image: &str, platforms: &[Platform]) -> ServiceSpec {
        let container = ContainerSpec { image: image.into(), ..ContainerSpec::default() };
        let placement = Placement { platforms: platforms.to_vec(), ..Placement::default() };
        ServiceSpec {
            labels: [(labels::IMAGE.to_owned(), label.to_owned())].into(),
            task_template: TaskTemplate {
                container_spec: Some(container),
                placement: (!platforms.is_empty()).then_some(placement),
                ..TaskTemplate::default()
            },
            ..ServiceSpec::default()
        }
    }

    #[test]
    fn a_resolution_is_reused_with_its_platforms_while_the_reference_stays() {
        let linux = [Platform { architecture: "x86_64".into(), os: "linux".into() }];
        for (declared, label, live) in [
            ("app:1", "app:1", "app:1@sha256:aa"),
            ("nginx", "nginx", "nginx:latest@sha256:aa"),
            ("docker.io/library/nginx", "nginx", "nginx:latest@sha256:aa"),
            ("r.example:5000/a/b", "r.example:5000/a/b", "r.example:5000/a/b:latest@sha256:aa"),
            ("app:1@sha256:aa", "app:1@sha256:aa", "app:1@sha256:aa"),
            ("app:1", "app:1", "app:1"),
            ("nginx", "nginx", "nginx:latest"),
        ] {
            let live = service(label, live, &linux);
            let mut desired = service(declared, declared, &[]);
            assert!(reuse_resolution(&mut desired, &live), "{declared}");
            assert_eq!(desired.task_template, live.task_template, "{declared}");
        }
        for (declared, label, live) in [
            ("app:2", "app:1", "app:1@sha256:aa"),
            ("app:1", "app:1", "app:2@sha256:aa"),
            ("app:1", "app:2", "app:1@sha256:aa"),
        ] {
            let mut desired = service(declared, declared, &[]);
            assert!(!reuse_resolution(&mut desired, &service(label, live, &linux)), "{declared}");
            assert_eq!(desired, service(declared, declared, &[]));
        }
    }

    #[test]
    fn an_image_is_pinned_as_docker_pins_it() {
        let platform = |architecture: &str, os: &str| InspectedPlatform {
            architecture: architecture.into(),
            os: os.into(),
        };
        let platforms = known(vec![
            platform("amd64", "linux"),
            platform("unknown", "unknown"),
            platform("arm", "linux"),
            platform("arm", "linux"),
        ]);
        let resolved = Resolved { digest: "sha256:bb".into(), platforms };
        let mut spec = service("nginx", "nginx", &[]);
        pin(&mut spec, &resolved);
        let text = serde_json::to_string(&spec.task_template).unwrap();
        assert!(text.contains(r#""Image":"nginx:latest@sha256:bb""#), "{text}");
        let platforms = r#""Platforms":[{"Architecture":"amd64","OS":"linux"},{"OS":"linux"}]"#;
        assert!(text.contains(platforms), "{text}");
    }

    /// Answers of Docker 20.10 and 28.5 about Debian's registry 2.8, with and without passwords.
    #[test]
    fn answers_about_real_registries_are_told_apart() {
        let of = |status, message: &str| {
            sort(SwarmError::new("resolve a", Failure::of_answer(status, message)))
        };
        let unknown = of(404, "manifest unknown: manifest unknown");
        assert!(matches!(unknown, ResolveError::NotFound(_)));
        assert!(matches!(of(400, "invalid reference format"), ResolveError::NotFound(_)));
        let nobody = of(500, "Head \"http://r/v2/a/manifests/1\": no basic auth credentials");
        assert!(matches!(nobody, ResolveError::Denied { .. }));
        let wrong = of(401, "unauthorized: authentication required");
        assert!(matches!(wrong, ResolveError::Denied { .. }));
        let away = of(500, "Get \"http://r/v2/\": dial tcp: connect: connection refused");
        assert!(matches!(away, ResolveError::Unavailable(_)));
    }

    #[test]
    fn what_is_no_reference_is_not_asked_for() {
        for text in ["", "a b", "a?x=1", "../x", "a#b", "ä"] {
            assert!(!is_reference(text), "{text}");
        }
        assert!(is_reference("localhost:5000/a/b_c-d:1.2@sha256:aa"));
    }
}
