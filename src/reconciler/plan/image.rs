//! Images: a tag becomes a digest when the declared reference changes, and stays what it is when it does not.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::document::{Hold, HoldCode};
use crate::model::desired::{Desired, DesiredService};
use crate::model::error::chain;
use crate::model::finding::Finding;
use crate::model::live::{LiveService, Observed};
use crate::model::place::Place;
use crate::model::service::ServiceSpec;
use crate::swarm::{self, Login, Resolved, UsedLogin};

use super::super::policy::ResolveImage;
use super::context::Context;

/// What registries said, by image reference with its tag.
#[derive(Debug, Clone, Default)]
pub struct Images {
    /// Their answers.
    pub answers: BTreeMap<String, Answer>,
    /// Credentials for them.
    pub logins: Logins,
}

/// Credentials that stay what they are until somebody changes them, by registry.
#[derive(Debug, Clone, Default)]
pub struct Logins {
    /// Those that are known.
    pub known: BTreeMap<String, Login>,
    /// Why those that somebody set up cannot be had.
    pub broken: BTreeMap<String, String>,
}

/// What a registry said of a reference.
#[derive(Debug, Clone)]
pub enum Answer {
    /// It points to this.
    Found(Resolved),
    /// The registry does not know it.
    NotFound(String),
    /// The registry does not give it to us.
    Denied {
        /// What it says.
        words: String,
        /// Whom it took us for.
        login: UsedLogin,
    },
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
    let reusable = |service: &DesiredService| {
        let live = live.get(service.spec.name.as_str());
        live.is_some_and(|live| swarm::reuse_resolution(&mut service.spec.clone(), &live.spec))
    };
    let services = desired.stacks.values().flat_map(|stack| &stack.services);
    services
        .filter(|service| match mode {
            ResolveImage::Never => false,
            ResolveImage::Always => true,
            ResolveImage::Changed => !reusable(service),
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
    let reused = live.is_some_and(|live| swarm::reuse_resolution(spec, &live.spec));
    match (context.images.answers.get(&image), reused) {
        (Some(Answer::Found(resolved)), reused) => {
            let live_image = live.map(|live| self::image(&live.spec));
            swarm::pin(spec, resolved);
            pinned.moved = reused && live_image != Some(self::image(spec));
        }
        (None, _) => {}
        // A digest that works is not given up because a registry has a bad day.
        (Some(Answer::Unavailable { reason, local }), _) if reused || *local => {
            context.find_unasked(Unasked {
                image: image.clone(),
                place: service.place.clone(),
                reason: reason.clone(),
                is_kept: reused,
            });
        }
        (Some(answer), true) => {
            if let Some(why) = kept(&image, answer) {
                let finding = Finding::warning("image-kept", service.place.clone(), why);
                context.find(finding.hint(STAYS));
            }
        }
        (Some(answer), false) => {
            if let Some((reason, advice)) = refusal(&image, answer) {
                pinned.holds.push(match answer {
                    Answer::NotFound(_) => Hold::new(HoldCode::ImageNotFound, reason)
                        .unblock(format!("{advice}, {ELSEWHERE}")),
                    Answer::Denied { .. } => Hold::new(HoldCode::ImageDenied, reason)
                        .unblock(format!("{advice}, {ELSEWHERE}")),
                    Answer::Found(_) | Answer::Unavailable { .. } => {
                        Hold::new(HoldCode::ImageUnavailable, reason)
                    }
                });
            }
        }
    }
    pinned
}

/// An image that is used although its registry could not be asked.
#[derive(Debug)]
pub(super) struct Unasked {
    image: String,
    /// The service that uses it.
    place: Place,
    /// Why it could not be asked, in the Engine's words.
    reason: String,
    /// Whether the service runs it already.
    is_kept: bool,
}

/// What follows for a service that runs an image.
const STAYS: &str = "the service stays with the image that it runs";

/// One finding for each registry that could not be asked, however many services use its images.
pub(super) fn of_registries(unasked: Vec<Unasked>) -> Vec<Finding> {
    let mut registries: BTreeMap<(String, bool), Vec<Unasked>> = BTreeMap::new();
    for unasked in unasked {
        let registry = swarm::registry_of(&unasked.image).to_owned();
        registries.entry((registry, unasked.is_kept)).or_default().push(unasked);
    }
    let finding = |((registry, is_kept), unasked): ((String, bool), Vec<Unasked>)| {
        let images: BTreeSet<&str> = unasked.iter().map(|unasked| unasked.image.as_str()).collect();
        let Unasked { image, place, reason, is_kept: _ } = unasked.first()?;
        let (one, of) = match images.len() {
            1 => (true, image.clone()),
            count => (false, format!("{count} images of {registry} ({image} and others)")),
        };
        let finding = if is_kept {
            let moved = if one { "has moved" } else { "have moved" };
            let message = format!("the registry could not be asked whether {of} {moved}: {reason}");
            Finding::warning("image-kept", place.clone(), message)
        } else {
            let message = format!("no registry could be asked for {of}: {reason}");
            Finding::warning("image-unresolved", place.clone(), message)
        };
        Some(finding.hint(match (is_kept, unasked.len(), one) {
            (true, 1, _) => STAYS,
            (true, ..) => "the services stay with the images that they run",
            (false, _, true) => "the only node has it, so it is used without a digest",
            (false, _, false) => "the only node has them, so they are used without a digest",
        }))
    };
    registries.into_iter().filter_map(finding).collect()
}

/// What else ends a hold on an image.
const ELSEWHERE: &str = "or use --resolve-image never if the nodes have it";

/// Why there is no digest for `image`, and what to do about it; nothing if there is one.
pub fn refusal(image: &str, answer: &Answer) -> Option<(String, String)> {
    let registry = swarm::registry_of(image);
    let (reason, words, advice) = match answer {
        Answer::Found(_) => return None,
        Answer::NotFound(words) => {
            (format!("the registry does not know {image}"), words, "push the image".to_owned())
        }
        Answer::Unavailable { reason, .. } => (
            format!("no registry could be asked for {image}"),
            reason,
            "try again later".to_owned(),
        ),
        Answer::Denied { words, login: UsedLogin::Nobody } => (
            format!("no credentials for {registry} are known, which does not give us {image}"),
            words,
            format!("docker login {registry}, or name it in `registries` of skep.yaml"),
        ),
        Answer::Denied { words, login: UsedLogin::Ours } => (
            format!("{registry} does not give us {image} with the credentials that are known"),
            words,
            format!("docker login {registry} with an account that may pull it"),
        ),
        Answer::Denied { words, login: UsedLogin::Broken(error) } => (
            format!("{registry} does not give us {image} without credentials: {}", chain(error)),
            words,
            format!("correct the credentials for {registry}"),
        ),
    };
    Some((format!("{reason}: {words}"), advice))
}

/// Why a service stays with its image although its registry was asked for a newer one, and answered.
fn kept(image: &str, answer: &Answer) -> Option<String> {
    match answer {
        Answer::NotFound(words) => {
            Some(format!("the registry does not know {image} any more: {words}"))
        }
        Answer::Denied { words, .. } => {
            Some(format!("the registry does not give us {image} any more: {words}"))
        }
        Answer::Found(_) | Answer::Unavailable { .. } => None,
    }
}

pub(super) fn image(spec: &ServiceSpec) -> &str {
    spec.task_template.container_spec.as_ref().map_or("", |container| container.image.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_cannot_be_asked_is_told_of_once() {
        let unasked = |image: &str, is_kept| Unasked {
            image: image.to_owned(),
            place: Place::file("stack.yaml"),
            reason: "no route to host".to_owned(),
            is_kept,
        };
        let told = |unasked| -> Vec<String> {
            of_registries(unasked).into_iter().map(|finding| finding.message).collect()
        };
        assert_eq!(
            told(vec![unasked("nginx:1", false), unasked("nginx:1", false)]),
            ["no registry could be asked for nginx:1: no route to host"]
        );
        assert_eq!(
            told(vec![
                unasked("r.example/a:1", true),
                unasked("nginx:1", false),
                unasked("r.example/b:1", true),
                unasked("r.example/b:1", false),
            ]),
            [
                "no registry could be asked for nginx:1: no route to host",
                "no registry could be asked for r.example/b:1: no route to host",
                "the registry could not be asked whether 2 images of r.example (r.example/a:1 and others) have moved: \
                 no route to host",
            ]
        );
    }
}
