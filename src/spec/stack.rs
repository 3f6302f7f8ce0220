//! A stack that was read, checked and found good.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compose::ComposeFile;
use super::decode::Located;
use crate::model::name::StackName;
use crate::model::secret::{EnvVar, Redacted};

/// A stack that was read, checked and found good. All its files are read: what is left to do cannot fail.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// Its name.
    pub name: StackName,
    /// The file that declares it, as people write it; the first when several are merged.
    pub file: Arc<str>,
    /// What the file says, host paths resolved.
    pub compose: ComposeFile,
    /// The environment of each service by key, files included.
    pub environments: BTreeMap<String, Vec<Located<EnvVar>>>,
    /// The data of each config by key.
    pub configs: BTreeMap<String, Vec<u8>>,
    /// The data of each secret by key; empty for one that a plugin has.
    pub secrets: BTreeMap<String, Redacted<Vec<u8>>>,
}
