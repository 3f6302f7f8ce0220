//! A directory of stacks, the program before an engine, and the removal of all that came of them.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::engine::Engine;
use crate::proxy::Proxy;
use crate::scratch::Scratch;

/// Service settings that make a rollout take as little time as it can.
const QUICK: &str = "\
x-quick: &quick
  update_config: { monitor: 1s, order: stop-first }
  rollback_config: { monitor: 1s }
  restart_policy: { delay: 500ms }
";

/// The network of stacks that declare none: to leave an overlay takes a task four seconds.
const NO_OVERLAY: &str = "networks: { default: { external: true, name: bridge } }\n";

/// The stacks of one test. Its names are unique, and it is a fleet of its own.
pub(crate) struct Stage<'e> {
    pub(crate) engine: &'e Engine,
    scratch: Scratch<'e>,
    folder: TempDir,
    host: String,
}

/// Identity and version of an object. A network has no version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) id: String,
    pub(crate) version: u64,
}

impl<'e> Stage<'e> {
    pub(crate) fn on(engine: &'e Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("stacks")).unwrap();
        Self { engine, scratch: Scratch::on(engine), folder, host: engine.url.clone() }
    }

    /// From now on, the program speaks with the engine through `proxy`.
    pub(crate) fn through(&mut self, proxy: &Proxy) {
        self.host.clone_from(&proxy.url);
    }

    /// From now on, the program speaks with whatever is at `url`.
    pub(crate) fn host(&mut self, url: &str) {
        url.clone_into(&mut self.host);
    }

    /// The folder above the directory of stacks, where the program runs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The directory of stacks.
    pub(crate) fn stacks(&self) -> PathBuf {
        self.folder.path().join("stacks")
    }

    /// The full name of `what`, for stacks and for objects beside them.
    pub(crate) fn name(&self, what: &str) -> String {
        self.scratch.name(what)
    }

    /// The installation of skep that the test is.
    pub(crate) fn fleet(&self) -> &str {
        self.scratch.prefix()
    }

    /// The path of a file of stack `stack`.
    pub(crate) fn path(&self, stack: &str, file: &str) -> PathBuf {
        self.stacks().join(self.name(stack)).join(file)
    }

    /// Writes a file of stack `stack`.
    pub(crate) fn file(&self, stack: &str, file: &str, text: impl AsRef<[u8]>) {
        let path = self.path(stack, file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes the file of stack `stack`, made quick. `%` in it stands for the prefix of names.
    pub(crate) fn stack(&self, stack: &str, text: &str) {
        self.file(stack, "stack.yaml", self.quick(text));
    }

    /// The text of a stack file, made quick. `%` in it stands for the prefix of names.
    pub(crate) fn quick(&self, text: &str) -> String {
        let networks = if text.contains("\nnetworks:") { "" } else { NO_OVERLAY };
        format!("{QUICK}{networks}{text}").replace('%', &self.name(""))
    }

    /// Writes the file of stack `stack`. `%` in it stands for the prefix of names.
    pub(crate) fn exact_stack(&self, stack: &str, text: &str) {
        self.file(stack, "stack.yaml", text.replace('%', &self.name("")));
    }

    /// Removes everything of stack `stack` from the Swarm by hand.
    pub(crate) fn clear(&self, stack: &str) {
        self.scratch.clear(&self.name(stack));
    }

    /// Removes the directory of stack `stack`.
    pub(crate) fn forget(&self, stack: &str) {
        fs::remove_dir_all(self.path(stack, "")).unwrap();
    }

    /// The program with `arguments`, before the engine, in the folder above `stacks`.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare(arguments);
        command.args(["--host", &self.host, "--fleet", self.fleet()]);
        command
    }

    /// The program with `arguments` and no others, in the folder above `stacks`.
    pub(crate) fn bare(&self, arguments: &[&str]) -> Command {
        // `scripts/bench` measures the program that it has built.
        let measured = env::var_os("SKEP_BENCH_SKEP");
        let program = measured.unwrap_or_else(|| env!("CARGO_BIN_EXE_skep").into());
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program with `arguments`.
    pub(crate) fn skep(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap(), arguments)
    }

    /// What `skep status` says of service `name`.
    #[track_caller]
    pub(crate) fn said(&self, name: &str) -> Value {
        let run = self.skep(&["status", "--format", "json"]);
        let status: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
        let stacks = status["stacks"].as_array().into_iter().flatten();
        let mut services = stacks.flat_map(|stack| stack["services"].as_array().unwrap());
        let service = services.find(|service| service["name"] == self.name(name));
        service.unwrap_or_else(|| panic!("{run}")).clone()
    }

    /// Plans all stacks, with the images as they are named.
    pub(crate) fn plan(&self, options: &[&str]) -> Value {
        let arguments = ["plan", "stacks", "--resolve-image", "never", "--format", "json"];
        let run = self.skep(&[&arguments, options].concat());
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
    }

    /// Applies all stacks, with the images as they are named.
    pub(crate) fn apply(&self, options: &[&str]) -> Run {
        self.skep(&[&["apply", "stacks", "--yes", "--resolve-image", "never"], options].concat())
    }

    /// Applies all stacks, which must end well.
    #[track_caller]
    pub(crate) fn apply_well(&self, options: &[&str]) -> Run {
        let run = self.apply(options);
        assert_eq!(run.code, 0, "{run}");
        run
    }

    /// The objects of the test in the Swarm, by `kind name`.
    pub(crate) fn objects(&self) -> BTreeMap<String, Mark> {
        let mut objects = BTreeMap::new();
        for kind in ["service", "network", "config", "secret"] {
            for object in self.engine.get(&format!("/{kind}s")).as_array().unwrap() {
                // Networks spell both in their own way.
                let text = |spelling: &Value| spelling.as_str().map(str::to_owned);
                let name = text(&object["Spec"]["Name"]).or_else(|| text(&object["Name"])).unwrap();
                if self.scratch.owns(&name) {
                    let id = text(&object["ID"]).or_else(|| text(&object["Id"])).unwrap();
                    let version = object["Version"]["Index"].as_u64().unwrap_or(0);
                    objects.insert(format!("{kind} {name}"), Mark { id, version });
                }
            }
        }
        objects
    }

    /// The names of the objects of one kind, without the prefix and without the fleet record.
    pub(crate) fn names(&self, kind: &str) -> Vec<String> {
        let prefix = format!("{kind} {}", self.name(""));
        let objects = self.objects();
        objects.keys().filter_map(|key| key.strip_prefix(&prefix)).map(str::to_owned).collect()
    }

    /// A service as the Engine has it.
    pub(crate) fn service(&self, name: &str) -> Value {
        self.engine.get(&format!("/services/{}", self.name(name)))
    }

    /// The tasks of a service that are meant to run, or have completed.
    pub(crate) fn tasks(&self, name: &str) -> BTreeMap<String, Value> {
        let id = &self.service(name)["ID"];
        let tasks = self.engine.get("/tasks");
        let tasks = tasks.as_array().unwrap().iter().filter(|task| {
            task["ServiceID"] == *id
                && (task["DesiredState"] == "running" || task["Status"]["State"] == "complete")
        });
        tasks.map(|task| (task["ID"].as_str().unwrap().to_owned(), task.clone())).collect()
    }

    /// `text` with the prefix of names taken out.
    pub(crate) fn plain(&self, text: &str) -> String {
        text.replace(&self.name(""), "").replace(self.fleet(), "FLEET")
    }
}

/// A run of the program.
#[derive(Debug)]
pub(crate) struct Run {
    arguments: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: Output, arguments: &[&str]) -> Self {
        let code = output.status.code().unwrap_or_else(|| panic!("{output:?}"));
        Self {
            arguments: arguments.join(" "),
            code,
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Everything that it printed.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Fails the test unless it ended with `code` and printed all of `words`.
    #[track_caller]
    pub(crate) fn ends(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self}");
        // Lines are wrapped where they happen to be too long.
        let unwrapped = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = unwrapped(&self.text());
        for words in words {
            assert!(text.contains(&unwrapped(words)), "{words:?} is not in {self}");
        }
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arguments, code, stdout, stderr } = self;
        write!(f, "skep {arguments}\n{stdout}------- stderr\n{stderr}------- exit code {code}\n")
    }
}

/// The changes of a plan, by `kind name`.
pub(crate) fn changes(plan: &Value) -> BTreeMap<String, Value> {
    let fleet = plan["fleet_changes"].as_array().into_iter().flatten();
    let stacks = plan["stacks"].as_array().into_iter().flatten();
    let changes = stacks.flat_map(|stack| stack["changes"].as_array().into_iter().flatten());
    fleet.chain(changes).map(|change| (key(&change["object"]), change.clone())).collect()
}

/// The codes of all holds of a plan.
pub(crate) fn holds(plan: &Value) -> Vec<String> {
    let holds = |of: &Value| of["holds"].as_array().cloned().unwrap_or_default();
    let mut all = holds(plan);
    all.extend(plan["stacks"].as_array().into_iter().flatten().flat_map(holds));
    all.extend(changes(plan).values().flat_map(holds));
    all.iter().map(|hold| hold["code"].as_str().unwrap().to_owned()).collect()
}

fn key(object: &Value) -> String {
    format!("{} {}", object["kind"].as_str().unwrap(), object["name"].as_str().unwrap())
}
