//! Configs and secrets: immutable named data.
//!
//! Field names and emptiness rules follow moby's `api/types/swarm/config.go` and `secret.go`.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::labels::Labels;
use super::mount::DriverConfig;
use super::secret::Redacted;

/// The body of `POST /configs/create`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConfigSpec {
    /// Full name, with the stack's prefix and the hash of the data.
    pub name: String,
    /// Labels; the only part that can be changed afterwards.
    pub labels: Labels,
    /// The data, in base64.
    #[serde(skip_serializing_if = "Data::is_empty")]
    #[schemars(with = "String")]
    pub data: Data,
    /// Template driver, if the data is a template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub templating: Option<DriverConfig>,
}

/// The body of `POST /secrets/create`, without its data: that goes from the stack file to the request only.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct SecretSpec {
    /// Full name, with the stack's prefix and the fingerprint of the data.
    pub name: String,
    /// Labels; the only part that can be changed afterwards.
    pub labels: Labels,
    /// The data; prints and serialises as a mask. The Engine never gives it back.
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    #[schemars(with = "Option<String>")]
    pub data: Option<Redacted<Vec<u8>>>,
    /// Secret driver, if a plugin has the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<DriverConfig>,
    /// Template driver, if the data is a template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub templating: Option<DriverConfig>,
}

/// Bytes that the Engine's API carries as standard base64.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Data(pub Vec<u8>);

impl Data {
    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::Engine as _;
        serializer.serialize_str(&base64::engine::general_purpose::STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use base64::Engine as _;
        let text = String::deserialize(deserializer)?;
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}
