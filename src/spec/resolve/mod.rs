//! Whatever a stack file only points at: variables for its containers, data of configs and secrets, host paths.

mod binds;
mod data;
mod environment;
mod files;
mod labels;

pub(super) use binds::{BindBase, clean, resolve_binds};
pub(super) use data::{configs, secrets};
pub(super) use environment::environments;
pub(super) use files::{Files, ReadFailure, is_remote};
pub(super) use labels::add_label_files;
