//! Puts skep's objects into a configuration. Pure; whatever is not skep's stays as it is.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::automation::{self, apart, inherit, names};
use super::compile::Compiled;
use super::ident::{Owner, RouteId};
use super::live::{Live, last, owner, text_id};
use super::placing::Placing;
use super::policy::Servers;
use super::tree::put_list;
use crate::model::name::{FleetName, StackName};

/// Where Caddy has the automation policies of its `tls` app.
pub(super) const POLICIES: [&str; 4] = ["apps", "tls", "automation", "policies"];
/// Where it has the certificates from files.
pub(super) const FILES: [&str; 4] = ["apps", "tls", "certificates", "load_files"];
/// Where it has the names for which it gets certificates although it has one for a wildcard above them.
const NAMES: [&str; 4] = ["apps", "tls", "certificates", "automate"];

/// A configuration with skep's objects.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// All of it, to be written as a whole.
    pub config: Value,
    /// Whether it differs from what Caddy has.
    pub is_changed: bool,
}

/// Why routes cannot be put into a configuration. Each is for a person to resolve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The settings name a server that there is not.
    #[error("Caddy has no server {0}")]
    NoServer(String),
    /// Somebody else has a server by the name that skep uses.
    #[error("Caddy has a server {0} that skep did not make")]
    ForeignServer(String),
    /// Somebody else's server listens where skep's would.
    #[error("Caddy's server {server} listens on port {port} already")]
    PortTaken {
        /// The server.
        server: String,
        /// The port.
        port: u16,
    },
    /// Caddy takes other ports as those of HTTP and HTTPS.
    #[error("Caddy takes {found} as its {key}, and the settings {wanted}")]
    OtherPorts {
        /// `http_port` or `https_port`.
        key: &'static str,
        /// As Caddy has it.
        found: String,
        /// As the settings have it.
        wanted: u16,
    },
    /// Something is not what it is in every Caddy.
    #[error("Caddy's configuration has something unexpected at {0}")]
    Shape(String),
}

impl MergeError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NoServer(_) => "name one that it has in `proxy.server`, or leave the key out",
            Self::ForeignServer(_) => {
                "rename it, or name it in `proxy.server` to have routes in it"
            }
            Self::PortTaken { .. } => {
                "name this server in `proxy.server` to have routes in it, or give `proxy.entry_points` other ports"
            }
            Self::OtherPorts { .. } => {
                "say the same ports in `proxy.entry_points`; those of this Caddy are not skep's to change"
            }
            Self::Shape(_) => "look at it with: caddy adapt, or GET /config/ of the admin API",
        }
    }
}

/// Puts `compiled` into a configuration, in place of what `fleet` has there for the stacks that `is_mine` takes.
pub fn merge(
    live: &Live,
    compiled: &Compiled,
    fleet: &FleetName,
    servers: &Servers,
    is_mine: &dyn Fn(&StackName) -> bool,
) -> Result<Merged, MergeError> {
    let mut config = match &live.config {
        Value::Null => json!({}),
        config => config.clone(),
    };
    let mine = |id: &RouteId| id.fleet == *fleet && is_mine(&id.stack);
    Placing { live, compiled, fleet, is_mine: &mine }.place(&mut config, servers)?;
    let is_ours = |object: &Value| {
        owner(object).is_some_and(|Owner { fleet: of, stack }| {
            of == *fleet && stack.is_none_or(|stack| is_mine(&stack))
        })
    };
    let told = others(&config, &NAMES, &|_| false)?;
    let before = apart(&live.config, &others(&live.config, &POLICIES, &|_| false)?, &told);
    let others = others(&config, &POLICIES, &is_ours)?;
    let mut ours = unclaimed(&absent(&compiled.tls_policies, &others), &others);
    inherit(&mut ours, &others);
    let policies = automation::in_order([ours, others].concat());
    let now = apart(&config, &policies, &told);
    put_list(&mut config, &NAMES, names(told, &before, &now));
    put_list(&mut config, &POLICIES, policies);
    let others = self::others(&config, &FILES, &is_ours)?;
    let ours = absent(&compiled.certificates, &others);
    put_list(&mut config, &FILES, in_order(ours, others));
    let is_changed = match &live.config {
        Value::Null => config != json!({}),
        before => config != *before,
    };
    Ok(Merged { config, is_changed })
}

/// The items of a list that are not ours.
fn others(
    config: &Value,
    path: &[&str],
    is_ours: &dyn Fn(&Value) -> bool,
) -> Result<Vec<Value>, MergeError> {
    let pointer = format!("/{}", path.join("/"));
    match config.pointer(&pointer) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            Ok(items.iter().filter(|item| !is_ours(item)).cloned().collect())
        }
        Some(_) => Err(MergeError::Shape(pointer)),
    }
}

/// All certificates: those of skep first, by host whichever stack and fleet is written, so that none of them finds the work
/// of another one changed. Those of others keep their order.
fn in_order(ours: Vec<Value>, others: Vec<Value>) -> Vec<Value> {
    let (theirs, foreign): (Vec<Value>, Vec<Value>) =
        others.into_iter().partition(|object| owner(object).is_some());
    let mut all = [ours, theirs].concat();
    all.sort_by_cached_key(|object| {
        (last(object).to_owned(), text_id(object).unwrap_or_default().to_owned())
    });
    [all, foreign].concat()
}

/// Objects that others do not have by the same id: what another stack has for a host stays, and Caddy takes no id twice.
fn absent(ours: &[Value], others: &[Value]) -> Vec<Value> {
    let taken: HashSet<&str> = others.iter().filter_map(text_id).collect();
    let is_absent = |object: &&Value| text_id(object).is_none_or(|id| !taken.contains(id));
    ours.iter().filter(is_absent).cloned().collect()
}

/// Policies without the names that others have a policy for: Caddy takes one for each name, and theirs stays.
fn unclaimed(ours: &[Value], others: &[Value]) -> Vec<Value> {
    let subjects = |policy: &Value| policy.get("subjects").and_then(Value::as_array).cloned();
    let claimed: Vec<Value> = others.iter().filter_map(subjects).flatten().collect();
    let keep = |policy: &Value| {
        let mut own = subjects(policy)?;
        own.retain(|name| !claimed.contains(name));
        let mut policy = policy.clone();
        policy["subjects"] = own.clone().into();
        (!own.is_empty()).then_some(policy)
    };
    ours.iter().filter_map(keep).collect()
}
