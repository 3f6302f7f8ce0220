//! The labels that skep reads and writes, each declared once.

use std::collections::BTreeMap;

/// Labels as the Engine has them.
pub type Labels = BTreeMap<String, String>;

/// The stack that an object belongs to; written by `docker stack deploy` and by skep
/// (docker/cli `cli/compose/convert/compose.go`).
pub const NAMESPACE: &str = "com.docker.stack.namespace";
/// The image reference as the file has it; written on services by `docker stack deploy` and by skep
/// (docker/cli `cli/compose/convert/service.go`).
pub const IMAGE: &str = "com.docker.stack.image";

/// The prefix of skep's own labels.
pub const PREFIX: &str = "skep.";
/// The installation of skep that owns the object.
pub const FLEET: &str = "skep.fleet";
/// The source that declares the object.
pub const SOURCE: &str = "skep.source";
/// The stack that declares the object.
pub const STACK: &str = "skep.stack";
/// Kind and name of the object, so that a copy of it is not taken for ours.
pub const OBJECT: &str = "skep.object";
/// The fingerprint of the data of a config (`sha256:…`) or secret (`hmac:<key id>:…`).
pub const FINGERPRINT: &str = "skep.fingerprint";
/// The key of a config or secret in its file, which groups the generations of one logical object.
pub const LOGICAL: &str = "skep.logical";
/// The digest of what was last applied to a service (`hmac:<key id>:…`); tells drift from a commit.
pub const APPLIED: &str = "skep.applied";
/// The digest of the credentials that Swarm was given for a service's image (`hmac:<key id>:…`); tells when others
/// have taken their place, which Swarm never shows. Only on services whose credentials skep has sent.
pub const REGISTRY_LOGIN: &str = "skep.registry-login";
/// `true` on services of a stack that sets `x-skep.protect`, so that it is known after the file is gone.
pub const PROTECT: &str = "skep.protect";
/// The fields of a service that someone else owns (`x-skep.ignore`), one on each line, so that drift can be told
/// without the file.
pub const IGNORE: &str = "skep.ignore";
/// What a service needs, one on each line, so that it goes before that after the file is gone: full names of services
/// (`depends_on`), and stacks (`x-skep.depends_on`) as `stack NAME`. Written only with a write that happens anyway.
pub const DEPENDS_ON: &str = "skep.depends-on";
/// Services that a guard kept from being removed when this one was made, one on each line by their full names: as long as
/// they are there, it is none of those that stay, for else each pass would make the removal look less than the one before.
/// Written only with a write that happens anyway.
pub const BESIDE: &str = "skep.beside";
/// What skep itself and its proxy carry, so that they are never pruned: `controller` or `proxy`. Set by the author of
/// the stack under `deploy.labels`.
pub const ROLE: &str = "skep.role";
/// What a fleet record is: the value names the layout of its data.
pub const RECORD: &str = "skep.record";

/// Whether `label` is one of those that a service gets with a write that happens anyway, and never for their own sake.
pub fn is_stamp(label: &str) -> bool {
    [APPLIED, DEPENDS_ON, BESIDE].contains(&label)
}

/// Whether `label` is one of skep's own.
pub fn is_own(label: &str) -> bool {
    label.starts_with(PREFIX)
}
