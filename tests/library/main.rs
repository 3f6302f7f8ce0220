//! Tests of the library through its public interface: files in, findings, specs and plans out. No engine is needed.

mod compose_keys;
mod corpus;
mod desired;
mod docker;
mod docs;
mod examples;
mod findings;
mod fuzz_seeds;
#[path = "../generated/mod.rs"]
mod generated;
mod guards;
mod hidden_variables;
mod hostile_files;
mod layering;
mod messages;
mod receiver;
#[path = "../recorded/mod.rs"]
mod recorded;
mod routes_docs;
mod several_files;
mod stack_schema;
mod variables_like_docker;
mod yaml_like_docker;
