//! The settings file `skep.yaml`: what a team wants every run to do, so that nobody has to remember flags.
//!
//! Flags win over it. It is read like a stack file: every problem at once, each with its place.

mod engine;
mod environment;
mod file;
mod git;
mod history;
mod intervals;
mod notifications;
mod parse;
mod proxy;
mod proxy_schema;
mod registry;
mod source;
mod stack;
mod status;
#[cfg(test)]
mod tests;

pub use engine::{EngineSettings, TlsSettings};
pub use environment::{VARIABLES, Variable};
pub use file::Settings;
pub use git::{GitSettings, SshSettings, VerifySettings};
pub use history::HistorySettings;
pub use intervals::Intervals;
pub use notifications::{NamedTarget, NotificationSettings};
pub use parse::parse;
pub use proxy::ProxySettings;
pub use registry::RegistrySettings;
pub use source::{Source, SourceFiles};
pub use stack::StackSettings;
pub use status::{Listen, ListenError, StatusSettings};

/// The name of the file, looked for beside the stacks.
pub const FILE_NAME: &str = "skep.yaml";
