//! `volumes` of a service: what is mounted where.

use schemars::{JsonSchema, json_schema};

use super::file_mode::FileMode;
use super::inline_schema::inline_schema;
use super::mount_text::{self, PROPAGATIONS};
use super::size::ByteSize;
use super::unsupported::{self, Unsupported, no};
use crate::spec::decode::{Cursor, Decode, Fields, Located, Report};
use crate::spec::yaml::node::Value;

/// What a mount is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountKind {
    /// A volume.
    Volume,
    /// A path of the host.
    Bind,
    /// Memory.
    Tmpfs,
    /// A named pipe (Windows).
    Npipe,
    /// A cluster volume (CSI).
    Cluster,
}

impl MountKind {
    /// The word for it in files and in the Engine's API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::Bind => "bind",
            Self::Tmpfs => "tmpfs",
            Self::Npipe => "npipe",
            Self::Cluster => "cluster",
        }
    }
}

/// One mount.
#[derive(Debug, Clone, PartialEq)]
pub struct Mount {
    /// What it is of.
    pub kind: MountKind,
    /// Volume key or host path; empty for an anonymous volume.
    pub source: String,
    /// Path in the container.
    pub target: String,
    /// Whether it cannot be written.
    pub read_only: bool,
    /// Consistency hint.
    pub consistency: String,
    /// Options of a bind.
    pub bind: Option<BindOptions>,
    /// Options of a volume.
    pub volume: Option<VolumeOptions>,
    /// Options of a tmpfs.
    pub tmpfs: Option<TmpfsOptions>,
}

/// Options of a bind mount.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BindOptions {
    /// Mount propagation.
    #[schemars(extend("enum" = PROPAGATIONS))]
    pub propagation: Option<String>,
    /// Whether a missing host path is created; it must exist by default.
    pub create_host_path: Option<bool>,
    /// What happens with mounts below the host path.
    #[schemars(extend("enum" = ["enabled", "disabled", "writable", "readonly"]))]
    pub recursive: Option<String>,
    /// Not on Swarm.
    pub selinux: Option<String>,
}

/// Options of a volume mount.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct VolumeOptions {
    /// Whether the image's files at the target are not copied into a new volume.
    pub nocopy: Option<bool>,
    /// A path inside the volume; Docker 26 and newer.
    #[schemars(example = &"uploads")]
    pub subpath: Option<String>,
}

/// Options of a tmpfs mount.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TmpfsOptions {
    /// Its size in bytes.
    #[schemars(example = 65536)]
    pub size: Option<ByteSize>,
    /// Its permission bits, in octal.
    #[schemars(example = &"0700")]
    pub mode: Option<FileMode>,
}

/// The mounts of a service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mounts(pub Vec<Located<Mount>>);

impl Decode for Mounts {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        at.get(report).map(Self)
    }
}

impl Decode for Mount {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        match &at.node.value {
            Value::Mapping(_) => long(at.fields(report)?, report),
            Value::Sequence(_) | Value::Scalar(_) => short(at, report),
        }
    }
}

fn short(at: &Cursor<'_>, report: &mut Report) -> Option<Mount> {
    let text: String = at.get(report)?;
    let spec = match mount_text::parse(&text) {
        Ok(spec) => spec,
        Err(error) => {
            let says = format_args!("cannot be read: {error}");
            report.push(
                at.error("invalid-mount", says)
                    .hint("write \"source:/target\" or \"source:/target:ro\""),
            );
            return None;
        }
    };
    if spec.source.is_empty() && spec.target.contains(':') {
        let says = format_args!("is taken for a Windows drive: {}", at.quoted(&spec.target));
        report.push(
            at.error("invalid-mount", says).hint(
                "a volume with a name of one letter needs the long form: type, source, target",
            ),
        );
        return None;
    }
    for option in &spec.unknown {
        let finding = at.warning(
            "ignored-option",
            format_args!("has an option that does nothing on a Swarm: {}", at.quoted(option)),
        );
        report.push(finding.hint("the options are ro, rw, nocopy and the mount propagations"));
    }
    let kind = if mount_text::is_path(&spec.source) { MountKind::Bind } else { MountKind::Volume };
    let misplaced = match kind {
        MountKind::Bind if spec.no_copy => Some("nocopy"),
        MountKind::Volume => spec.propagation.as_deref(),
        _ => None,
    };
    if let Some(option) = misplaced {
        let says = format_args!("has `{option}`, which does not go with a {}", kind.word());
        report.push(at.error("conflicting-keys", says));
    }
    Some(Mount {
        kind,
        source: spec.source,
        target: spec.target,
        read_only: spec.read_only,
        consistency: String::new(),
        bind: spec.propagation.map(|propagation| BindOptions {
            propagation: Some(propagation),
            ..BindOptions::default()
        }),
        volume: spec.no_copy.then_some(VolumeOptions { nocopy: Some(true), subpath: None }),
        tmpfs: None,
    })
}

fn long(mut fields: Fields<'_>, report: &mut Report) -> Option<Mount> {
    let words = ["volume", "bind", "tmpfs", "npipe", "cluster"];
    let kind = match fields.choice("type", &words, report).as_ref().map(|word| word.as_str()) {
        Some("volume") => Some(MountKind::Volume),
        Some("bind") => Some(MountKind::Bind),
        Some("tmpfs") => Some(MountKind::Tmpfs),
        Some("npipe") => Some(MountKind::Npipe),
        Some("cluster") => Some(MountKind::Cluster),
        _ => None,
    };
    let source: String = fields.or_default("source", report);
    let target: Option<String> = fields.get("target", report);
    let read_only = fields.or_default("read_only", report);
    let consistency = fields.or_default("consistency", report);
    let (bind, volume, tmpfs) =
        (fields.get("bind", report), fields.get("volume", report), fields.get("tmpfs", report));
    let at = fields.cursor().clone();
    for key in ["type", "target"] {
        if fields.lacks(key) {
            let hint = match key {
                "type" => "one of volume, bind, tmpfs, npipe, cluster",
                _ => "the path in the container",
            };
            report.push(at.error("missing-key", format_args!("needs a `{key}`")).hint(hint));
        }
    }
    let own = kind.map(|kind| if kind == MountKind::Npipe { "bind" } else { kind.word() });
    for key in ["bind", "volume", "tmpfs", "cluster"] {
        if let (Some(own), Some(place)) = (own, fields.key_place(key).cloned())
            && own != key
        {
            let mut finding = at.error(
                "conflicting-keys",
                format_args!("is a {own}, which has no `{key}` options"),
            );
            finding.place = Some(place);
            report.push(finding);
        }
    }
    fields.finish(report);
    let (kind, target) = (kind?, target?);
    match kind {
        MountKind::Bind | MountKind::Npipe | MountKind::Cluster if source.is_empty() => {
            report.push(
                at.error("missing-key", format_args!("needs a `source`, being a {}", kind.word())),
            );
        }
        MountKind::Tmpfs if !source.is_empty() => {
            report.push(at.error("conflicting-keys", "cannot have a `source`, being a tmpfs"));
        }
        _ => {}
    }
    Some(Mount { kind, source, target, read_only, consistency, bind, volume, tmpfs })
}

impl Decode for BindOptions {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let options = Self {
            propagation: fields.choice("propagation", &PROPAGATIONS, report).map(|text| text.value),
            create_host_path: fields.get("create_host_path", report),
            recursive: fields
                .choice("recursive", &["enabled", "disabled", "writable", "readonly"], report)
                .map(|text| text.value),
            selinux: fields.get("selinux", report),
        };
        let hint = "label the host path once with chcon";
        fields.warn_if_present("selinux", "not-on-swarm", "is not set by a Swarm", hint, report);
        fields.finish(report);
        Some(options)
    }
}

/// Keys of the Compose specification that a Swarm has no place for.
pub const UNSUPPORTED: &[Unsupported] =
    &[no("labels", "put the labels below the top-level `volumes`")];

impl Decode for VolumeOptions {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let options =
            Self { nocopy: fields.get("nocopy", report), subpath: fields.get("subpath", report) };
        unsupported::warn(&mut fields, UNSUPPORTED, report);
        fields.finish(report);
        Some(options)
    }
}

impl Decode for TmpfsOptions {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let options = Self { size: fields.get("size", report), mode: fields.get("mode", report) };
        fields.finish(report);
        Some(options)
    }
}

/// What the schema says of the long form.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "its fields are read by the schema generator only")]
struct LongMount {
    /// What is mounted.
    #[schemars(extend("enum" = ["volume", "bind", "tmpfs", "npipe", "cluster"]))]
    r#type: String,
    /// A volume of the top-level `volumes`, or a path on the host.
    source: Option<String>,
    /// The path in the container.
    #[schemars(example = &"/var/lib/postgresql/data")]
    target: String,
    /// Whether it cannot be written.
    read_only: Option<bool>,
    /// Ignored on Linux.
    consistency: Option<String>,
    /// Options of a bind mount.
    bind: Option<BindOptions>,
    /// Options of a volume.
    volume: Option<VolumeOptions>,
    /// Options of a tmpfs.
    tmpfs: Option<TmpfsOptions>,
    /// Options of a cluster volume; there are none yet.
    cluster: Option<std::collections::BTreeMap<String, bool>>,
}

inline_schema!(Mounts, |generator| json_schema!({
    "type": "array",
    "items": {
        "anyOf": [
            { "type": "string", "description": "`source:target[:options]`" },
            generator.subschema_for::<LongMount>()
        ]
    },
    "examples": [["data:/var/lib/data", "./nginx.conf:/etc/nginx/nginx.conf:ro"]]
}));
