//! Tests of the planner on small worlds in memory.

mod adoption;
mod gates;
mod removals;
mod rollouts;
mod stores;
mod world;
