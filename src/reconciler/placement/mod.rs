//! Where tasks may run: the nodes that there are, against what a service asks of them. Pure.

pub(super) mod constraint;
mod obstacle;

pub(super) use obstacle::{Demand, obstacles, unavailable};
pub use obstacle::{Obstacle, ObstacleCode};
