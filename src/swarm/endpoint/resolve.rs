//! Which engine is meant: the first of flag, environment, settings and docker's configuration that names one.

use std::path::PathBuf;

use super::address::Address;
use super::context;
use super::error::{EndpointError, Origin};
use super::surroundings::Surroundings;

/// Docker's default socket.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// The address of an engine and who named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// How the engine is reached.
    pub address: Address,
    /// Who named it.
    pub origin: Origin,
}

/// Where the settings say that the engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declared {
    /// At one of these: managers of one Swarm.
    Managers(Vec<Address>),
    /// Where a docker context says, by name.
    Context(String),
}

impl Endpoint {
    /// Finds the engine as the docker client does: `host` (`--host`), else `SKEP_HOST` or `DOCKER_HOST`, else
    /// `DOCKER_CONTEXT` or the current context, else the default socket.
    ///
    /// # Errors
    /// When what is named is no address, or a context is not there.
    pub fn resolve(host: Option<&str>, surroundings: &Surroundings) -> Result<Self, EndpointError> {
        match Self::told(host, surroundings)? {
            Some(endpoint) => Ok(endpoint),
            None => Self::of_docker(surroundings),
        }
    }

    /// The same with what the settings say, which counts for more than the current context and for less than flag and
    /// environment. There is at least one.
    ///
    /// # Errors
    /// As [`Endpoint::resolve`].
    pub fn resolve_all(
        host: Option<&str>,
        declared: Option<&Declared>,
        surroundings: &Surroundings,
    ) -> Result<Vec<Self>, EndpointError> {
        if let Some(endpoint) = Self::told(host, surroundings)? {
            return Ok(vec![endpoint]);
        }
        match declared {
            Some(Declared::Managers(addresses)) if !addresses.is_empty() => {
                let of =
                    |address: &Address| Self { address: address.clone(), origin: Origin::Settings };
                Ok(addresses.iter().map(of).collect())
            }
            Some(Declared::Context(name)) => {
                Ok(vec![Self::of_context(name.clone(), surroundings)?])
            }
            Some(Declared::Managers(_)) | None => Ok(vec![Self::of_docker(surroundings)?]),
        }
    }

    /// What flag and environment say.
    fn told(host: Option<&str>, around: &Surroundings) -> Result<Option<Self>, EndpointError> {
        let named = [
            (host, Origin::Flag),
            (around.skep_host.as_deref(), Origin::Environment("SKEP_HOST")),
            (around.docker_host.as_deref(), Origin::Environment("DOCKER_HOST")),
        ];
        let first = named.into_iter().find_map(|(host, origin)| Some((host?, origin)));
        match (first, &around.docker_context) {
            (Some((host, origin)), _) => match Address::parse(host, around.tls().as_ref()) {
                Ok(address) => Ok(Some(Self { address, origin })),
                Err(problem) => Err(EndpointError::invalid(host, origin, problem)),
            },
            (None, Some(name)) => Self::of_context(name.clone(), around).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// What docker's configuration says.
    fn of_docker(around: &Surroundings) -> Result<Self, EndpointError> {
        let current = around.docker_config.as_deref().map(context::current).transpose()?.flatten();
        Self::of_context(current.unwrap_or_else(|| context::DEFAULT.to_owned()), around)
    }

    fn of_context(name: String, around: &Surroundings) -> Result<Self, EndpointError> {
        if name == context::DEFAULT {
            let address = Address::Unix(PathBuf::from(DEFAULT_SOCKET));
            return Ok(Self { address, origin: Origin::Default });
        }
        let address = context::address(&name, around.docker_config.as_deref())?;
        Ok(Self { address, origin: Origin::Context(name) })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn flag_then_environment_then_settings_then_context_then_default() {
        let folder = tempfile::tempdir().unwrap();
        let mut around = Surroundings {
            docker_config: Some(folder.path().to_owned()),
            ..Surroundings::default()
        };
        let address = |host, around: &Surroundings| {
            Endpoint::resolve(host, around).map(|endpoint| endpoint.address.to_string())
        };
        assert_eq!(address(None, &around).unwrap(), "unix:///var/run/docker.sock");

        fs::write(folder.path().join("config.json"), r#"{"currentContext":"prod"}"#).unwrap();
        assert!(matches!(address(None, &around), Err(EndpointError::NoContext { .. })));

        let id = hex::encode(Sha256::digest("prod"));
        let meta = folder.path().join("contexts/meta").join(&id);
        fs::create_dir_all(&meta).unwrap();
        let write = |more: &str| {
            let text = r#"{"Name":"prod","Endpoints":{"docker":{"Host":"tcp://10.1.1.1"MORE}}}"#;
            fs::write(meta.join("meta.json"), text.replace("MORE", more)).unwrap();
        };
        write("");
        assert_eq!(address(None, &around).unwrap(), "tcp://10.1.1.1:2375");
        write(r#","SkipTLSVerify":true"#);
        assert!(matches!(address(None, &around), Err(EndpointError::Unverified { .. })));
        write("");
        let files = folder.path().join("contexts/tls").join(&id).join("docker");
        fs::create_dir_all(&files).unwrap();
        fs::write(files.join("ca.pem"), "").unwrap();
        let Address::Tls { files: known, port: 2376, .. } =
            Endpoint::resolve(None, &around).unwrap().address
        else {
            panic!("without TLS")
        };
        assert_eq!((known.authorities, known.identity), (Some(files.join("ca.pem")), None));

        let declared = Declared::Managers(vec![
            Address::parse("tcp://a:1", None).unwrap(),
            Address::parse("tcp://b:1", None).unwrap(),
        ]);
        let all = |around: &Surroundings| {
            let all = Endpoint::resolve_all(None, Some(&declared), around).unwrap();
            all.iter().map(|endpoint| endpoint.address.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(all(&around), ["tcp://a:1", "tcp://b:1"]);
        around.docker_context = Some("default".into());
        assert_eq!(address(None, &around).unwrap(), "unix:///var/run/docker.sock");
        assert_eq!(all(&around), ["unix:///var/run/docker.sock"]);
        around.docker_host = Some("tcp://c:1".into());
        assert_eq!(all(&around), ["tcp://c:1"]);
        around.skep_host = Some("tcp://d:1".into());
        assert_eq!(all(&around), ["tcp://d:1"]);
        assert_eq!(address(Some("tcp://e:1"), &around).unwrap(), "tcp://e:1");
        around.skep_host = Some("ssh://".into());
        let error = Endpoint::resolve(None, &around).unwrap_err();
        assert!(error.to_string().contains("from SKEP_HOST is no address"), "{error}");
    }
}
