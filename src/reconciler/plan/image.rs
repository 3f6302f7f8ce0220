//! Images: a tag becomes a digest when the declared reference changes, and stays what it is when it does not.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::document::{Hold, HoldCode};
use crate::model::desired::{Desired, DesiredService};
use crate::model::finding::Finding;
use crate::model::labels;
use crate::model::live::{LiveService, Observed};
use crate::model::service::ServiceSpec;
use crate::model::task::Platform;

use super::super::policy::ResolveImage;
use super::Context;

/// What registries said, by image reference with its tag.
#[derive(Debug, Clone, Default)]
pub struct Images {
    /// When registries were to be asked.
    pub mode: ResolveImage,
    /// Their answers.
    pub answers: BTreeMap<String, Answer>,
}

/// What a registry said of a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It points to this.
    Found {
        /// Digest of the manifest, `sha256:…`.
        digest: String,
        /// Platforms of the image.
        platforms: Vec<(String, String)>,
    },
    /// The registry does not know it.
    NotFound(String),
    /// The registry does not give it to us.
    Denied(String),
    /// The registry could not be asked.
    Unavailable {
        /// Why, in the Engine's words.
        reason: String,
        /// Whether the only node of the Swarm has the image already.
        local: bool,
    },
}

/// The references that must be asked for before a plan can be made: those that changed, or all.
pub fn unresolved(desired: &Desired, observed: &Observed, mode: ResolveImage) -> BTreeSet<String> {
    let live: BTreeMap<&str, &LiveService> =
        observed.services.iter().map(|service| (service.spec.name.as_str(), service)).collect();
    let services = desired.stacks.values().flat_map(|stack| &stack.services);
    services
        .filter(|service| {
            let live = live.get(service.spec.name.as_str()).copied();
            match mode {
                ResolveImage::Never => false,
                ResolveImage::Always => true,
                ResolveImage::Changed => live.is_none_or(|live| reusable(service, live).is_none()),
            }
        })
        .map(|service| image(&service.spec).to_owned())
        .filter(|image| !image.is_empty() && !image.contains('@'))
        .collect()
}

/// What pinning came to.
#[derive(Debug, Default)]
pub(super) struct Pinned {
    /// Why the image cannot be used now.
    pub(super) holds: Vec<Hold>,
    /// Whether the tag points to another image than the live service runs, although the reference is the same.
    pub(super) moved: bool,
}

/// Puts the digest of the image into `spec`: the live one while the reference is the same, else what the registry said.
pub(super) fn pin(
    context: &Context<'_>,
    service: &DesiredService,
    spec: &mut ServiceSpec,
    live: Option<&LiveService>,
) -> Pinned {
    let mut pinned = Pinned::default();
    let image = image(spec).to_owned();
    let reused = live.and_then(|live| Some((live, reusable(service, live)?)));
    match (context.images.answers.get(&image), reused) {
        (Some(Answer::Found { digest, platforms }), reused) => {
            let resolved = format!("{image}@{digest}");
            pinned.moved = reused.is_some_and(|(_, live_image)| live_image != resolved);
            let platforms = platforms.iter().map(|(architecture, os)| Platform {
                architecture: architecture.clone(),
                os: os.clone(),
            });
            set(spec, resolved, platforms.collect());
        }
        // A digest that works is not given up because a registry has a bad day.
        (_, Some((live, live_image))) => set(spec, live_image.to_owned(), platforms(&live.spec)),
        (Some(Answer::NotFound(words)), None) => pinned.holds.push(
            Hold::new(
                HoldCode::ImageNotFound,
                format!("the registry does not know {image}: {words}"),
            )
            .unblock("push the image, or use --resolve-image never if the nodes have it"),
        ),
        (Some(Answer::Denied(words)), None) => pinned.holds.push(
            Hold::new(
                HoldCode::ImageDenied,
                format!("the registry does not give us {image}: {words}"),
            )
            .unblock("docker login, or use --resolve-image never if the nodes have it"),
        ),
        (Some(Answer::Unavailable { reason, local: true }), None) => context.find(
            Finding::warning(
                "image-unresolved",
                service.place.clone(),
                format!("no registry could be asked for {image}: {reason}"),
            )
            .hint("the only node has it, so it is used without a digest"),
        ),
        (Some(Answer::Unavailable { reason, local: false }), None) => {
            pinned.holds.push(Hold::new(
                HoldCode::ImageUnavailable,
                format!("no registry could be asked for {image}: {reason}"),
            ));
        }
        (None, None) => {}
    }
    pinned
}

/// The live image with its digest, if the service still declares the reference that it was made from.
fn reusable<'a>(service: &DesiredService, live: &'a LiveService) -> Option<&'a str> {
    let live_image = image(&live.spec);
    let (name, _) = live_image.split_once('@')?;
    let same_reference = live.spec.labels.get(labels::IMAGE) == Some(&service.image);
    (same_reference && name == image(&service.spec)).then_some(live_image)
}

fn image(spec: &ServiceSpec) -> &str {
    spec.task_template.container_spec.as_ref().map_or("", |container| container.image.as_str())
}

fn platforms(spec: &ServiceSpec) -> Vec<Platform> {
    let placement = spec.task_template.placement.as_ref();
    placement.map(|placement| placement.platforms.clone()).unwrap_or_default()
}

fn set(spec: &mut ServiceSpec, image: String, platforms: Vec<Platform>) {
    if let Some(container) = &mut spec.task_template.container_spec {
        container.image = image;
    }
    spec.task_template.placement.get_or_insert_default().platforms = platforms;
}
