//! What the settings say about one registry.

use schemars::JsonSchema;

use crate::spec::decode::{Cursor, Decode, Located, Report};

/// How to log in to one registry. It goes before what docker's own configuration says. The password or token itself
/// stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RegistrySettings {
    /// The registry as image references name it, with its port; `docker.io` for Docker Hub.
    #[schemars(with = "String", example = &"registry.example.com:5000")]
    pub host: Located<String>,
    /// The user; needs `password_file`.
    #[schemars(example = &"robot")]
    pub username: Option<String>,
    /// The file with the password, relative to the settings file.
    #[schemars(with = "Option<String>", example = &"registry-password")]
    pub password_file: Option<Located<String>>,
    /// The file with an identity token, relative to the settings file, instead of user and password.
    #[schemars(with = "Option<String>", example = &"registry-token")]
    pub identity_token_file: Option<Located<String>>,
}

impl Decode for RegistrySettings {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let host = fields.at("host").map(|at| host(&at, report));
        if host.is_none() {
            let finding = at.error("missing-key", "needs `host`");
            report.push(finding.hint("write the registry as images name it: `- host: ghcr.io`"));
        }
        let mut is_inline = false;
        for (key, file) in
            [("password", "password_file"), ("identity_token", "identity_token_file")]
        {
            if let Some(at) = fields.at(key) {
                is_inline = true;
                let finding = at.error("secret-in-settings", "does not belong into this file");
                report.push(finding.hint(format!("put it into a file of its own: `{file}`")));
            }
        }
        let username = fields.get("username", report);
        let password_file = fields.get("password_file", report);
        let identity_token_file: Option<Located<String>> =
            fields.get("identity_token_file", report);
        let is_told = match (&username, &password_file, &identity_token_file) {
            (Some(_), Some(_), None) | (None, None, Some(_)) => true,
            (None | Some(_), None | Some(_), None | Some(_)) => false,
        };
        if !is_told && !is_inline {
            let finding = at.error(
                "registry-login",
                "needs either `username` and `password_file`, or `identity_token_file`",
            );
            report.push(finding);
        }
        fields.finish(report);
        Some(Self { host: host??, username, password_file, identity_token_file })
    }
}

fn host(at: &Cursor<'_>, report: &mut Report) -> Option<Located<String>> {
    let host: Located<String> = at.get(report)?;
    let text = host.as_str();
    let bare = text.split_once("://").map_or(text, |(_scheme, rest)| rest);
    let bare = bare.split('/').next().unwrap_or(bare);
    if !text.is_empty() && bare == text {
        return Some(host);
    }
    let finding = at.error("invalid-value", "must be a host as images name it, without a path");
    report.push(if bare.is_empty() { finding } else { finding.hint(format!("write `{bare}`")) });
    None
}
