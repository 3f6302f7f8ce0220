//! The proxy that a command works with: the one that the command line names, else that of the settings.

use std::fs;
use std::path::{Path, PathBuf};

use crate::model::secret::Redacted;
use crate::proxy::{Endpoint, EntryAddress};
use crate::reconciler::caddy::{ProxyAddress, ProxyAim, ProxyRules};
use crate::settings::{ProxySettings, TlsSettings};
use crate::spec::decode::Located;

use super::error::CommandError;
use super::settings::{Setup, not_named};

/// The proxy of the settings, and the file that says so.
#[derive(Debug, Default)]
pub(super) struct DeclaredProxy {
    settings: Option<ProxySettings>,
    directory: PathBuf,
    /// The file, if nobody named it and it just lay beside the stacks.
    unnamed: Option<PathBuf>,
}

impl DeclaredProxy {
    /// What the settings in `setup` say.
    pub(super) fn of(setup: &Setup) -> Self {
        Self {
            settings: setup.settings.proxy.clone(),
            directory: setup.directory.clone(),
            unnamed: setup.unnamed().map(Path::to_owned),
        }
    }

    /// The proxy at the address that was `given`, else at that of the settings; what these say about routes counts in
    /// either case. A file that came with the stacks cannot say where the proxy is: whoever writes stacks would else
    /// choose who gets their routes, and what skep asks for in its network.
    ///
    /// # Errors
    /// When a file of certificates cannot be read, or settings that nobody named say where it is.
    pub(super) fn aim(&self, given: Option<&Endpoint>) -> Result<Option<ProxyAim>, CommandError> {
        let rules = self.settings.as_ref().map(|settings| ProxyRules {
            network: settings.network.as_ref().map(|network| network.value.clone()),
            policy: settings.policy.clone(),
        });
        let tls = self.settings.as_ref().and_then(|settings| settings.tls.as_ref());
        let entry = self.settings.as_ref().and_then(|settings| settings.entry.clone());
        let address = match (given, &self.settings) {
            (None, None) => return Ok(None),
            (Some(endpoint), _) => {
                // The certificates of the settings are for who named the settings, and so is what they have asked for.
                let tls = tls.filter(|_| self.unnamed.is_none() && is_tls(endpoint));
                let entry = entry.filter(|_| self.unnamed.is_none());
                self.address(endpoint.clone(), tls, entry)?
            }
            (None, Some(settings)) => {
                if let Some(path) = &self.unnamed {
                    return Err(not_named(
                        path,
                        "where the proxy is",
                        ", or the proxy with --caddy",
                    ));
                }
                self.address(settings.admin.value.clone(), tls, entry)?
            }
        };
        Ok(Some(ProxyAim { address, rules: rules.unwrap_or_default() }))
    }

    fn address(
        &self,
        endpoint: Endpoint,
        tls: Option<&TlsSettings>,
        entry: Option<EntryAddress>,
    ) -> Result<ProxyAddress, CommandError> {
        let Some(TlsSettings { ca_file, cert_file, key_file }) = tls else {
            return Ok(ProxyAddress { endpoint, identity: None, authority: None, entry });
        };
        let authority = ca_file.as_ref().map(|file| self.read(file)).transpose()?;
        let identity = match (cert_file, key_file) {
            (Some(certificate), Some(key)) => {
                let mut pem = self.read(certificate)?;
                pem.push(b'\n');
                pem.extend(self.read(key)?);
                Some(Redacted::new(pem))
            }
            _ => None,
        };
        Ok(ProxyAddress { endpoint, identity, authority, entry })
    }

    fn read(&self, file: &Located<String>) -> Result<Vec<u8>, CommandError> {
        let path = self.directory.join(&file.value);
        fs::read(&path).map_err(|error| {
            CommandError::failed(error).context(format!("cannot read {}", path.display()))
        })
    }
}

fn is_tls(endpoint: &Endpoint) -> bool {
    matches!(endpoint, Endpoint::Url(url) if url.scheme() == "https")
}
