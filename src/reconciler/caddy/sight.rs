//! What a pass has seen of the proxy.

use std::sync::Arc;

use crate::proxy::Live;

/// What a pass has seen of the proxy.
#[derive(Debug, Clone, Default)]
pub enum Sight {
    /// None is configured.
    #[default]
    Nowhere,
    /// It was not looked at: the plan is made against a file.
    Unseen,
    /// It could not be read.
    Lost(String),
    /// Its configuration.
    Seen(Arc<Live>),
}

impl Sight {
    /// The configuration, if it was seen.
    pub fn live(&self) -> Option<&Arc<Live>> {
        match self {
            Self::Seen(live) => Some(live),
            Self::Nowhere | Self::Unseen | Self::Lost(_) => None,
        }
    }
}
