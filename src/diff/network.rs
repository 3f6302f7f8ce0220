//! What differs between two specs of a network.

use crate::model::network::NetworkSpec;

use super::compare::{compare, to_json};
use super::difference::ObjectDiff;
use super::fields::NETWORK;

/// What differs between the declared and the live spec of a network. Every difference means a replacement, because
/// the Engine cannot update networks; for the same reason labels never count.
pub fn network(desired: &NetworkSpec, live: &NetworkSpec) -> ObjectDiff {
    compare(&NETWORK, to_json(live), to_json(desired), &[])
}
