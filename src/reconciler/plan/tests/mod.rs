//! Tests of the planner on small worlds in memory.

mod adoption;
mod between;
mod blame;
mod certificates;
mod claims;
mod consent;
mod effects;
mod exchange;
mod gates;
mod guards;
mod laws;
mod logins;
mod loops;
mod recreation;
mod removals;
mod requested;
mod rollouts;
mod routed;
mod routes;
mod status;
mod stores;
mod supersede;
mod world;
