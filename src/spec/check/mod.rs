//! Whether a stack makes sense: what the Engine would refuse, and what would not do what its author thinks.

mod containers;
mod depends;
mod deploy;
mod names;
mod networks;
mod placement;
mod ports;
mod references;
mod rollout;
mod routes;
mod stores;
mod targets;

pub(super) use ports::across as same_ports;
pub(super) use routes::across as same_routes;

use super::decode::Report;
use super::stack::Stack;

/// Every check of a stack.
pub(super) fn check(stack: &Stack, report: &mut Report) {
    names::check(stack, report);
    references::check(&stack.compose, report);
    depends::check(&stack.compose, report);
    networks::check(&stack.compose, report);
    stores::check(&stack.compose, report);
    ports::check(&stack.compose, report);
    containers::check(&stack.compose, report);
    targets::check(&stack.compose, report);
    deploy::check(&stack.compose, report);
    placement::check(&stack.compose, report);
    rollout::check(&stack.compose, report);
    routes::check(stack, report);
}
