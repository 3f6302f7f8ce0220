//! Docker contexts: addresses of engines that `docker context create` keeps under a name.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::address::{Address, TlsFiles};
use super::error::{EndpointError, Origin};

/// The context that stands for docker's default, and is written down nowhere.
pub(super) const DEFAULT: &str = "default";

/// The address that the context `name` keeps, in docker's configuration `folder`.
pub(super) fn address(name: &str, folder: Option<&Path>) -> Result<Address, EndpointError> {
    let id = hex::encode(Sha256::digest(name));
    let home = PathBuf::from("~/.docker");
    let folder = folder.unwrap_or(&home);
    let path = folder.join("contexts/meta").join(&id).join("meta.json");
    let Some(bytes) = read_if_there(&path)? else {
        return Err(EndpointError::NoContext { name: name.to_owned(), path });
    };
    let meta: Meta =
        serde_json::from_slice(&bytes).map_err(|source| EndpointError::Parse { path, source })?;
    let Endpoint { host, skip_tls_verify } = meta.endpoints.docker;
    if skip_tls_verify {
        return Err(EndpointError::Unverified { name: name.to_owned() });
    }
    let files = folder.join("contexts/tls").join(&id).join("docker");
    let files = files.exists().then(|| TlsFiles::of_docker(&files));
    let origin = Origin::Context(name.to_owned());
    Address::parse(&host, files.as_ref())
        .map_err(|problem| EndpointError::invalid(&host, origin, problem))
}

/// The context that `docker context use` chose.
pub(super) fn current(folder: &Path) -> Result<Option<String>, EndpointError> {
    let path = folder.join("config.json");
    let Some(bytes) = read_if_there(&path)? else { return Ok(None) };
    let config: DockerConfig =
        serde_json::from_slice(&bytes).map_err(|source| EndpointError::Parse { path, source })?;
    Ok(config.current_context.filter(|name| !name.is_empty()))
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, EndpointError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EndpointError::Read { path: path.to_owned(), source }),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DockerConfig {
    current_context: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: Endpoint,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    host: String,
    #[serde(default, rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}
