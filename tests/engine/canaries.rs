//! No output, log, file or label ever holds a secret, or a form of it that can be undone or guessed at.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::stage::{Run, Stage};

/// A secret that no other run has, with characters that JSON and URLs escape.
pub(crate) struct Canary {
    what: &'static str,
    pub(crate) data: String,
}

impl Canary {
    pub(crate) fn new(what: &'static str) -> Self {
        let mut random = [0; 12];
        getrandom::fill(&mut random).unwrap();
        let random = hex::encode(random);
        Self {
            what, data: format!("{}\\\"{}>~é/?{}", &random[..8], &random[8..16], &random[16..])
        }
    }

    /// One without such characters.
    pub(crate) fn plain(what: &'static str) -> Self {
        let Self { what, data } = Self::new(what);
        Self { what, data: data.chars().filter(char::is_ascii_hexdigit).collect() }
    }

    /// The parts that survive whatever escaping.
    fn parts(&self) -> impl Iterator<Item = &str> {
        self.data.split(|c: char| !c.is_ascii_hexdigit()).filter(|part| part.len() >= 8)
    }

    /// Every text that gives it away.
    fn forms(&self) -> BTreeSet<String> {
        let mut forms: BTreeSet<String> = self.parts().map(str::to_owned).collect();
        for data in [self.data.clone(), format!("{}\n", self.data)] {
            forms.extend(encodings(data.as_bytes()));
            for program in ["sha256sum", "sha512sum", "sha1sum", "md5sum"] {
                let digest = digest(program, data.as_bytes());
                // Names are cut to a few digits of a hash, so that those count too.
                forms.insert(hex::encode(&digest[..4]));
                forms.insert(STANDARD.encode(&digest[..6]));
                forms.insert(URL_SAFE_NO_PAD.encode(&digest[..6]));
            }
        }
        forms
    }

    /// Fails the test if `text` gives it away.
    #[track_caller]
    pub(crate) fn is_not_in(&self, text: &str, of: &str) {
        let lower = text.to_lowercase();
        for form in self.forms() {
            let found = text.contains(&form) || lower.contains(&form);
            assert!(!found, "{} is in {of} as {form}: {text}", self.what);
        }
    }
}

/// Hexadecimal and base64, the latter at each of the three places where it can begin in a longer text.
fn encodings(data: &[u8]) -> Vec<String> {
    let mut all = vec![hex::encode(data)];
    for skipped in 0..3 {
        let whole = data[skipped..].len() / 3 * 3;
        all.push(STANDARD.encode(&data[skipped..skipped + whole]));
        all.push(URL_SAFE_NO_PAD.encode(&data[skipped..skipped + whole]));
    }
    all
}

fn digest(program: &str, data: &[u8]) -> Vec<u8> {
    let mut child =
        Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(data).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    hex::decode(String::from_utf8(output).unwrap().split(' ').next().unwrap()).unwrap()
}

const STACK: &str = "
services:
  web:
    image: skep-demo/web:1
    command: [sleep]
    environment:
      COLOR: COLOR_VALUE
      DB_PASSWORD: '${FROM_DOTENV}'
    env_file: [web.env]
    labels: { api-token: '${FROM_DOTENV}' }
    secrets: [file, variable]
    stop_grace_period: 1s
    deploy: { <<: *quick }
secrets:
  file: { file: secret.txt }
  variable: { environment: FROM_VAR }
";

#[test]
fn secrets_are_in_nothing_that_is_printed_logged_written_or_labelled() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let secret = Canary::new("the secret's file");
    let variable = Canary::new("the secret's variable");
    let dotenv = Canary::new("the value in .env");
    let env_file = Canary::new("the value in env_file");
    // What is in the environment, `render` prints, because it is in the files.
    let stores = [&secret, &variable];
    let all = [&secret, &variable, &dotenv, &env_file];

    let write = |color: &str| {
        stage.stack("shop", &STACK.replace("COLOR_VALUE", color));
        stage.file("shop", "secret.txt", &secret.data);
        stage.file("shop", ".env", format!("FROM_DOTENV='{}'\n", dotenv.data));
        stage.file("shop", "web.env", format!("ADMIN_TOKEN={}\n", env_file.data));
    };
    let var = format!("FROM_VAR={}", variable.data);
    let run = |arguments: &[&str], level: &str, canaries: &[&Canary]| -> Run {
        let reads = ["validate", "render", "plan", "apply"].contains(&arguments[0]);
        let mut arguments = arguments.to_vec();
        if reads {
            arguments.extend(["stacks", "--var", &var]);
        }
        if ["plan", "apply"].contains(&arguments[0]) {
            arguments.extend(["--resolve-image", "never"]);
        }
        let output = stage.command(&arguments).env("RUST_LOG", level).output().unwrap();
        let run = Run::of(output, &arguments);
        let shown = format!("`{}` at {level}", arguments[0]);
        // The arguments are the user's own; what is printed is ours.
        for canary in canaries {
            canary.is_not_in(&run.text(), &shown);
        }
        run
    };
    let everything = |level: &str| {
        run(&["validate"], level, &all);
        run(&["render"], level, &stores);
        run(&["render", "--format", "json"], level, &stores);
        for format in ["text", "json", "markdown"] {
            run(&["plan", "--format", format, "--diff-configs"], level, &all);
        }
        run(&["plan", "-vvv", "--log-format", "json"], level, &all);
        run(&["status"], level, &all);
        run(&["status", "--format", "json"], level, &all);
        run(&["observe"], level, &all).ends(0, &[]);
    };

    let save = || {
        run(&["plan", "--diff-configs", "--out", "saved.plan"], "trace", &all).ends(0, &[]);
        let saved = fs::read_to_string(stage.stacks().join("../saved.plan")).unwrap();
        for canary in all {
            canary.is_not_in(&saved, "a saved plan");
        }
    };

    write("blue");
    everything("off");
    save();
    run(&["apply", "--yes"], "trace", &all).ends(0, &[]);
    everything("trace");

    // A change by hand, so that both sides are shown, and a rotation.
    let name = stage.name("shop_web");
    let stolen = Canary::new("a value set by hand");
    let by_hand = format!("DB_PASSWORD={}", stolen.data);
    engine.docker(&["service", "update", "--detach", "--env-add", &by_hand, &name]);
    write("red");
    stage.file("shop", "secret.txt", format!("{}\n", secret.data));
    for format in ["text", "json", "markdown"] {
        let plan = run(&["plan", "--format", format], "trace", &all);
        stolen.is_not_in(&plan.text(), "a plan of drift");
        assert!(plan.stdout.contains("environment.DB_PASSWORD"), "{plan}");
    }
    save();
    let saved = fs::read_to_string(stage.stacks().join("../saved.plan")).unwrap();
    stolen.is_not_in(&saved, "a saved plan of drift");
    run(&["observe", "--out", "live.json"], "trace", &all).ends(0, &[]);
    let live = fs::read_to_string(stage.stacks().join("../live.json")).unwrap();
    for canary in all.iter().chain([&&stolen]) {
        canary.is_not_in(&live, "live.json");
    }
    let arguments = ["plan", "stacks", "--var", &var, "--live", "live.json", "--format", "json"];
    let mut offline = Command::new(env!("CARGO_BIN_EXE_skep"));
    offline.args(arguments).current_dir(stage.stacks().join("..")).env_clear();
    let offline = Run::of(offline.args(["--fleet", stage.fleet()]).output().unwrap(), &arguments);
    offline.ends(0, &[]);
    for canary in all.iter().chain([&&stolen]) {
        canary.is_not_in(&offline.text(), "plan --live");
    }
    run(&["apply", "--yes"], "trace", &all).ends(0, &[]);

    // What the Swarm shows to everybody who may list its objects.
    for kind in ["secrets", "configs", "networks"] {
        let listed = engine.get(&format!("/{kind}")).to_string();
        for canary in all {
            canary.is_not_in(&listed, kind);
        }
    }
    let service = stage.service("shop_web");
    let labels = service["Spec"]["Labels"].to_string() + service["Spec"]["Name"].as_str().unwrap();
    for canary in all {
        canary.is_not_in(&labels, "a service's labels");
    }
}

#[test]
fn secrets_in_the_log_of_a_task_that_fails_are_masked() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let secret = Canary::new("the data of a secret");
    let env = Canary::new("the value of a variable");
    let open = Canary::new("a value that nobody calls secret");
    let part = secret.parts().nth(1).unwrap();
    let encoded = STANDARD.encode(&env.data);
    let quoted = |text: &str| text.replace('\'', "''");
    stage.stack(
        "shop",
        &format!(
            "
services:
  web:
    image: skep-demo/web:1
    command: [job]
    environment:
      DB_PASSWORD: '{}'
      MESSAGE: '{} and {} and {part} and {encoded} and {}'
    secrets: [key]
    deploy: {{ <<: *quick, restart_policy: {{ condition: none }} }}
secrets: {{ key: {{ file: key.txt }} }}
",
            quoted(&env.data),
            quoted(&env.data),
            quoted(&secret.data),
            quoted(&open.data),
        ),
    );
    stage.file("shop", "key.txt", format!("{}\n", secret.data));
    // The first plan shows the message, which the stack file calls no secret.
    stage.apply(&["--no-wait"]);
    eventually(30, "the task has ended", || {
        let tasks = engine.tasks(&stage.name("shop_web"));
        tasks.iter().any(|task| task["Status"]["State"] == "complete").then_some(())
    });
    let compared = ["status", "--path", "stacks", "--resolve-image", "never"];
    let apply = ["apply", "stacks", "--yes", "--timeout", "20s", "--resolve-image", "never"];
    for (arguments, knows_files) in [
        (&apply[..], true),
        (&compared, true),
        (&[&compared[..], &["--format", "json"]].concat(), true),
        (&["status"], false),
        (&["status", "--format", "json"], false),
    ] {
        let output = stage.command(arguments).env("RUST_LOG", "trace").output().unwrap();
        let run = Run::of(output, arguments);
        assert!(run.stdout.contains("web 1: job (sensitive) and "), "{run}");
        assert!(run.stdout.contains(open.parts().next().unwrap()), "logs are shown: {run}");
        env.is_not_in(&run.text(), arguments[0]);
        if knows_files {
            secret.is_not_in(&run.text(), arguments[0]);
        }
    }
}

#[test]
fn mistakes_beside_a_secret_are_shown_without_it() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let canary = Canary::new("the value beside a mistake");
    let secret = canary.parts().next().unwrap().to_owned();
    let stacks = [
        format!(
            "services: {{ web: {{ image: a, environment: {{ DB_PASSWORD: {secret}, B: [x] }} }} }}"
        ),
        format!(
            "services: {{ web: {{ image: a, environment: [DB_PASSWORD={secret}, 'B=${{X'] }} }}"
        ),
        format!(
            "services:\n  web:\n    image: a\n    environment:\n      DB_PASSWORD: {secret}\n      - wrong\n"
        ),
        format!(
            "services:\n  web:\n    image: a\n    environment:\n      DB_PASSWORD: [{secret}]\n"
        ),
        format!(
            "services:\n  web:\n    image: a\n    environment:\n      DB_PASSWORD: \"{secret}\n"
        ),
        format!(
            "services:\n  web:\n    image: a\n    environment:\n      DB_PASSWORD: ${{X:-{secret}\n"
        ),
        format!(
            "services:\n  web:\n    image: a\n    environment:\n      DB_PASSWORD: ${{X-{secret}}}\n      B: [\n"
        ),
        format!(
            "services: {{ web: {{ image: a, labels: {{ api-token: {secret}, a: {{ b: c }} }} }} }}"
        ),
        format!(
            "services: {{ web: {{ image: a, imgae: b, environment: {{ DB_PASSWORD: {secret} }} }} }}"
        ),
    ];
    for (number, stack) in stacks.iter().enumerate() {
        stage.exact_stack(&format!("bad{number}"), stack);
    }
    stage.exact_stack("env", "services: { web: { image: a, env_file: web.env } }");
    stage.file(
        "env",
        "web.env",
        format!("export DB_PASSWORD={secret}\nDB PASSWORD={secret}\nDB_PASSWORD: {secret}\n=x\n"),
    );
    stage.exact_stack("dotenv", "services: { web: { image: $TAG } }");
    stage.file("dotenv", ".env", format!("DB_PASSWORD=\"{secret}\nTAG=a"));
    for arguments in [
        ["validate", "stacks"].as_slice(),
        &["plan", "stacks"],
        &["render", "stacks"],
        &["validate", "stacks", "--format", "json"],
    ] {
        let output = stage.command(arguments).env("RUST_LOG", "trace").output().unwrap();
        let run = Run::of(output, arguments);
        run.ends(1, &["error"]);
        canary.is_not_in(&run.text(), "findings");
    }
}

#[test]
fn a_secret_that_the_engine_refuses_is_not_in_the_refusal() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let canary = Canary::new("a secret that is too large");
    stage.exact_stack(
        "shop",
        "services: { web: { image: a, secrets: [large], deploy: { replicas: 0 } } }\nsecrets: { large: { file: large.txt } }",
    );
    stage.file("shop", "large.txt", canary.data.repeat(20_000));
    let arguments = ["apply", "stacks", "--yes", "--resolve-image", "never"];
    let output = stage.command(&arguments).env("RUST_LOG", "trace").output().unwrap();
    let run = Run::of(output, &arguments);
    assert_eq!(run.code, 1, "{}", &run.text()[..run.text().len().min(2000)]);
    canary.is_not_in(&run.text(), "a refusal");
}

#[test]
fn credentials_for_registries_are_in_nothing_that_is_printed_or_labelled() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let settings = Canary::new("the password in a file of skep.yaml");
    let docker = Canary::new("the password in docker's configuration");
    let helper = Canary::new("the password of a helper");
    let wrong = Canary::new("a password in skep.yaml itself");
    let all = [&settings, &docker, &helper, &wrong];
    let home = stage.stacks().join("..");
    let write = |path: &str, text: &str| {
        let path = home.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let registry = "{ host: '127.0.0.1:7', username: me, password_file: password }";
    write("skep.yaml", &format!("registries: [{registry}]\n"));
    write("password", &settings.data);
    let auth = STANDARD.encode(format!("me:{}", docker.data));
    let config = serde_json::json!({
        "auths": {"127.0.0.1:8": {"auth": auth}}, "credHelpers": {"127.0.0.1:9": "canary"}
    });
    write(".docker/config.json", &config.to_string());
    let answer = serde_json::json!({"Username": "me", "Secret": helper.data}).to_string();
    write("answer", &answer);
    let answer = home.join("answer");
    let script = format!("#!/bin/sh\n/bin/cat {0}\n/bin/cat {0} >&2\n", answer.display());
    write("bin/docker-credential-canary", &script);
    let program = home.join("bin/docker-credential-canary");
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();

    let stack = |image: &str| {
        let service = |port| {
            format!(
                "  s{port}: {{ image: '127.0.0.1:{port}/{image}', deploy: {{ replicas: 0 }} }}\n"
            )
        };
        stage.stack("shop", &format!("\nservices:\n{}{}{}", service(7), service(8), service(9)));
    };
    let run = |arguments: &[&str], code: i32| {
        let mut command = stage.command(arguments);
        let run = command.env("RUST_LOG", "trace").env("PATH", home.join("bin"));
        let run = Run::of(run.output().unwrap(), arguments);
        assert_eq!(run.code, code, "{run}");
        for canary in all {
            canary.is_not_in(&run.text(), arguments[0]);
        }
        run
    };
    stack("a:1");
    run(&["apply", "stacks", "--yes", "--resolve-image", "never"], 0);
    let sent = stage.service("shop_s7")["Spec"]["Labels"]["skep.registry-login"].clone();
    assert!(sent.is_string());
    // No registry is there, so that the Engine's own words about them are shown too.
    for format in ["text", "json", "markdown"] {
        run(&["plan", "stacks", "--resolve-image", "always", "--format", format], 0);
    }
    run(&["lock", "stacks"], 1);
    write("password", "another");
    let plan = run(&["plan", "stacks", "--resolve-image", "never"], 0);
    assert!(plan.stdout.contains("the credentials for 127.0.0.1:7 changed"), "{plan}");
    for command in [["status", "--format", "json"].as_slice(), &["observe"]] {
        run(command, 0);
    }
    for service in ["shop_s7", "shop_s8", "shop_s9"] {
        for canary in all {
            canary.is_not_in(&stage.service(service)["Spec"].to_string(), "a service");
        }
    }
    // Broken in each place.
    write("answer", &helper.data);
    write(".docker/config.json", &format!("{{\"auths\": \"{}\"", docker.parts().next().unwrap()));
    let part = wrong.parts().next().unwrap();
    let inline = format!("{{ host: '127.0.0.1:7', username: me, password: '{part}' }}");
    run(&["plan", "stacks", "--resolve-image", "always"], 0);
    write("skep.yaml", &format!("registries:\n  - {inline}\n"));
    run(&["plan", "stacks"], 1);
    run(&["validate", "stacks"], 1);
}
