//! A service that is written and read through the Engine's API alone.

use serde_json::{Value, json};

use crate::actuate::merge;
use crate::engine::Engine;
use crate::eventually::eventually;

/// In nanoseconds.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// A service that does `args` and rolls as fast as it can; `more` is laid over its spec.
pub(crate) fn spec(name: &str, args: &[&str], more: Value) -> Value {
    let mut spec = json!({
        "Name": name,
        "TaskTemplate": {
            "ContainerSpec": {"Image": "skep-demo/web:1", "Args": args, "StopGracePeriod": SECOND},
            "RestartPolicy": {"Condition": "any", "Delay": SECOND / 2},
        },
        "Mode": {"Replicated": {"Replicas": 1}},
        "UpdateConfig": {"Parallelism": 1, "Monitor": SECOND, "Order": "stop-first"},
        "RollbackConfig": {"Parallelism": 1, "Monitor": SECOND, "Order": "stop-first"},
    });
    merge(&mut spec, more);
    spec
}

/// A failure within `seconds` of monitoring leads to `action`.
pub(crate) fn on_failure(action: &str, seconds: u64) -> Value {
    json!({"UpdateConfig": {"FailureAction": action, "Monitor": seconds * SECOND}})
}

/// That many tasks.
pub(crate) fn replicas(number: u64) -> Value {
    json!({"Mode": {"Replicated": {"Replicas": number}}})
}

/// One service, without skep.
pub(crate) struct Raw<'e> {
    engine: &'e Engine,
    pub(crate) name: String,
}

impl<'e> Raw<'e> {
    /// The service `name`, which somebody else creates.
    pub(crate) fn of(engine: &'e Engine, name: String) -> Self {
        Self { engine, name }
    }

    /// Creates it.
    pub(crate) fn create(engine: &'e Engine, spec: &Value) -> Self {
        engine.create("/services/create", spec);
        Self::of(engine, spec["Name"].as_str().unwrap().to_owned())
    }

    /// Creates it and waits until all its tasks run.
    pub(crate) fn running(engine: &'e Engine, spec: &Value) -> Self {
        let service = Self::create(engine, spec);
        service.runs(spec["Mode"]["Replicated"]["Replicas"].as_u64().unwrap());
        service
    }

    /// The service as the Engine has it.
    pub(crate) fn get(&self) -> Value {
        self.engine.get(&format!("/services/{}", self.name))
    }

    /// The version that an update must name.
    pub(crate) fn version(&self) -> u64 {
        self.get()["Version"]["Index"].as_u64().unwrap()
    }

    /// Where Swarm says its update is.
    pub(crate) fn state(&self) -> Option<String> {
        self.get()["UpdateStatus"]["State"].as_str().map(str::to_owned)
    }

    /// Waits until `number` tasks run and none else is meant to.
    pub(crate) fn runs(&self, number: u64) {
        eventually(60, &format!("{number} tasks of {} run", self.name), || {
            let wanted = self.wanted();
            let run = wanted.iter().filter(|task| task["Status"]["State"] == "running").count();
            (wanted.len() == run && run as u64 == number).then_some(())
        });
    }

    /// Waits until Swarm says that its update is `state`.
    pub(crate) fn reaches(&self, state: &str) {
        eventually(60, &format!("the update of {} is {state}", self.name), || {
            (self.state().as_deref() == Some(state)).then_some(())
        });
    }

    /// Tasks that Swarm wants to run.
    pub(crate) fn wanted(&self) -> Vec<Value> {
        let mut tasks = self.engine.tasks(&self.name);
        tasks.retain(|task| task["DesiredState"] == "running");
        tasks
    }
}

/// What a task was told to do.
pub(crate) fn args(task: &Value) -> &Value {
    &task["Spec"]["ContainerSpec"]["Args"]
}

/// The ids of tasks.
pub(crate) fn ids(tasks: &[Value]) -> Vec<&Value> {
    tasks.iter().map(|task| &task["ID"]).collect()
}
