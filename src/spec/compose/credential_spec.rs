//! `credential_spec` of a service (Windows).

use schemars::JsonSchema;

use crate::spec::decode::{Cursor, Decode, Located, Report};

/// Where a Windows credential specification comes from; exactly one of the three.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CredentialSpec {
    /// A config, by key.
    pub config: Option<Located<String>>,
    /// A file below docker's data folder.
    pub file: Option<String>,
    /// A value of the Windows registry.
    pub registry: Option<String>,
}

impl Decode for CredentialSpec {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let spec = Self {
            config: fields.get("config", report),
            file: fields.get("file", report),
            registry: fields.get("registry", report),
        };
        let given = [spec.config.is_some(), spec.file.is_some(), spec.registry.is_some()];
        if given.iter().filter(|given| **given).count() > 1 {
            let says = "can have only one of `config`, `file` and `registry`";
            report.push(at.error("conflicting-keys", says));
        }
        fields.finish(report);
        Some(spec)
    }
}
