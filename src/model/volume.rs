//! Volumes as a node has them.

use super::labels::Labels;

/// A volume of the node that answers. No list shows those of other nodes.
#[derive(Clone)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// The driver that made it.
    pub driver: String,
    /// The options that it was made with; they can hold passwords.
    pub options: Labels,
}
