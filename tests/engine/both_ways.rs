//! The same stacks deployed by docker and, once those are gone, by skep.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use crate::alike::{NOT_SENT, difference};
use crate::engine::Engine;
use crate::eventually::eventually;
use crate::stage::{Stage, changes};

/// What docker and skep made of the same stacks.
pub(crate) struct Both {
    /// The objects that docker made, by kind and name.
    pub(crate) from_docker: BTreeMap<String, Value>,
    from_skep: BTreeMap<String, Value>,
    /// What skep would change of those that docker made.
    taken_over: BTreeMap<String, Value>,
}

impl Both {
    /// Deploys the stacks of `stage` that are called `names`, first with docker's client, then with skep. Their names,
    /// and no others, begin with `beginning`.
    pub(crate) fn of(
        stage: &Stage<'_>,
        engine: &Engine,
        beginning: &str,
        names: &[String],
        variables: &[(&str, &str)],
    ) -> Self {
        let everything = || -> BTreeMap<String, Value> {
            names.iter().flat_map(|name| stage.everything_of(engine, name)).collect()
        };
        let options: Vec<String> =
            variables.iter().map(|(name, value)| format!("--var={name}={value}")).collect();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();

        for name in names {
            stage.docker_deploy(engine, name, variables);
        }
        let from_docker = everything();
        let taken_over = changes(&stage.plan(&options));
        stage.clear(beginning);
        eventually(60, "everything is made", || {
            stage.apply(&[options.as_slice(), &["--no-wait"]].concat());
            changes(&stage.plan(&options)).is_empty().then_some(())
        });
        Self { from_docker, from_skep: everything(), taken_over }
    }

    /// Every object that is not the same from both, or would not be taken over as it is, with what `source` says of it.
    pub(crate) fn differences(&self, stage: &Stage<'_>, source: impl Fn(&str) -> String) -> String {
        let Self { from_docker, from_skep, taken_over } = self;
        let mut found = String::new();
        for key in from_docker.keys().chain(from_skep.keys()).collect::<BTreeSet<_>>() {
            let of = |objects: &BTreeMap<String, Value>| objects.get(key).cloned();
            let [docker, skep] = [from_docker, from_skep].map(|all| of(all).unwrap_or_default());
            if let Some(lines) = difference(&skep, &docker) {
                writeln!(found, "{key}\n{}\n{lines}", source(&stage.plain(key))).unwrap();
            }
        }
        for (key, change) in taken_over {
            let fields = change["fields"].as_array().into_iter().flatten();
            let is_known =
                |field: &&Value| NOT_SENT.iter().any(|unsent| field["path"] == unsent.compose_key);
            for field in fields.filter(|field| !is_known(field)) {
                writeln!(found, "{key} is not taken over as it is: {field}").unwrap();
            }
        }
        found
    }
}
