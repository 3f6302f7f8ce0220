//! S1 to S11, the facts of Swarm that decide how skep works, asked of the Engine without skep: a new engine that breaks
//! one shows here.
//! S1 to S11 are the facts of `ARCHITECTURE.md`'s table.

use serde_json::{Value, json};

use crate::actuate::merge;
use crate::engine::Engine;
use crate::eventually::eventually;
use crate::proxy::{Call, Proxy};
use crate::raw::{Raw, SECOND, args, ids, on_failure, replicas, spec};
use crate::scratch::Scratch;
use crate::stage::Stage;

#[test]
fn s1_an_update_with_an_older_version_is_out_of_sequence() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let name = scratch.name("s");
    let mut spec = spec(&name, &["sleep"], replicas(0));
    let service = Raw::create(&engine, &spec);
    let stale = service.version();
    let write = |version: u64, spec: &Value| {
        engine.send("POST", &format!("/services/{name}/update?version={version}"), Some(spec))
    };
    spec["Labels"] = json!({"writer": "one"});
    assert_eq!(write(stale, &spec).0, 200);
    spec["Labels"] = json!({"writer": "two"});
    let (status, message) = write(stale, &spec);
    assert_eq!(status, 500, "{message}");
    assert!(message.ends_with("update out of sequence"), "{message}");
    // A version that is yet to come is none either.
    assert_eq!(write(service.version() + 1000, &spec).0, 500);
    assert_eq!(service.get()["Spec"]["Labels"]["writer"], "one");
    assert_eq!(write(service.version(), &spec).0, 200);
}

#[test]
fn s2_the_version_moves_when_only_the_state_of_an_update_does() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let spec_of = |args: &[&str]| spec(&scratch.name("s"), args, json!({}));
    let service = Raw::running(&engine, &spec_of(&["sleep"]));
    engine.update_service(&service.name, &spec_of(&["sleep", "well"]));
    let first = service.get();
    assert_ne!(first["UpdateStatus"]["State"], "completed");
    service.reaches("completed");
    let last = service.get();
    assert_eq!(last["Spec"], first["Spec"]);
    assert!(last["Version"]["Index"].as_u64() > first["Version"]["Index"].as_u64());
}

#[test]
fn s3_a_change_of_mode_or_name_is_refused() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let name = scratch.name("s");
    let base = spec(&name, &["sleep"], replicas(0));
    let service = Raw::create(&engine, &base);
    let refusal = |spec: &Value| {
        let path = format!("/services/{name}/update?version={}", service.version());
        engine.send("POST", &path, Some(spec))
    };
    let mut global = base.clone();
    global["Mode"] = json!({"Global": {}});
    let mode = "service mode change is not allowed";
    let (status, message) = refusal(&global);
    assert!(status == 501 && message.ends_with(mode), "{status} {message}");
    let mut job = base.clone();
    job["Mode"] = json!({"ReplicatedJob": {}});
    job.as_object_mut().unwrap().remove("UpdateConfig");
    job["TaskTemplate"]["RestartPolicy"]["Condition"] = json!("none");
    let (status, message) = refusal(&job);
    assert!(status == 501 && message.ends_with(mode), "{status} {message}");
    let mut renamed = base.clone();
    renamed["Name"] = json!(scratch.name("t"));
    let (status, message) = refusal(&renamed);
    let name = "renaming services is not supported";
    assert!(status == 501 && message.ends_with(name), "{status} {message}");
    assert_eq!(service.get()["Spec"]["Name"], base["Name"]);
}

#[test]
fn s4_configs_and_secrets_allow_only_label_updates_and_nothing_in_use_goes() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let user = scratch.name("user");
    let mut uses = spec(&user, &["sleep"], replicas(0));
    let mut objects = Vec::new();
    // "one" and "two" as base64
    let (one, two) = ("b25l", "dHdv");
    for kind in ["config", "secret"] {
        let name = scratch.name(kind);
        let id = engine.create(&format!("/{kind}s/create"), &json!({"Name": name, "Data": one}));
        let path = format!("/{kind}s/{id}");
        let write = |spec: &Value| {
            let version = &engine.get(&path)["Version"]["Index"];
            engine.send("POST", &format!("{path}/update?version={version}"), Some(spec))
        };
        let (status, message) = write(&json!({"Name": name, "Data": two}));
        assert!(
            status == 400 && message.contains("only updates to Labels are allowed"),
            "{message}"
        );
        let renamed = scratch.name("renamed");
        let (status, message) = write(&json!({"Name": renamed, "Data": one}));
        assert!(
            status == 400 && message.contains("only updates to Labels are allowed"),
            "{message}"
        );
        for data in [json!({}), json!({"Data": one})] {
            let mut spec = json!({"Name": name, "Labels": {"with": data.to_string()}});
            merge(&mut spec, data);
            assert_eq!(write(&spec).0, 200, "the same data, or none, goes with labels");
            assert_eq!(engine.get(&path)["Spec"]["Labels"], spec["Labels"]);
        }
        let file = json!({"Name": kind, "UID": "0", "GID": "0", "Mode": 0o444});
        let (named, list) = match kind {
            "config" => (json!({"ConfigID": id, "ConfigName": name, "File": file}), "Configs"),
            _ => (json!({"SecretID": id, "SecretName": name, "File": file}), "Secrets"),
        };
        uses["TaskTemplate"]["ContainerSpec"][list] = json!([named]);
        objects.push((path, 400));
    }
    let network = json!({"Name": scratch.name("n"), "Driver": "overlay", "CheckDuplicate": true});
    let id = engine.create("/networks/create", &network);
    uses["TaskTemplate"]["Networks"] = json!([{"Target": id}]);
    let path = format!("/networks/{id}");
    assert_eq!(engine.send("POST", &format!("{path}/update?version=1"), Some(&network)).0, 404);
    objects.push((path, 400));

    let service = Raw::create(&engine, &uses);
    for (path, status) in &objects {
        let refused = engine.send("DELETE", path, None);
        assert!(refused.0 == *status && refused.1.contains("in use by"), "{path}: {refused:?}");
    }
    // The rollback target is no use.
    engine.update_service(&user, &spec(&user, &["sleep"], replicas(0)));
    assert!(service.get()["PreviousSpec"]["TaskTemplate"]["ContainerSpec"]["Configs"].is_array());
    for (path, _) in &objects {
        assert_eq!(engine.send("DELETE", path, None).0 / 100, 2, "{path}");
    }
}

#[test]
fn s5_tasks_restart_for_their_template_and_endpoint_and_for_nothing_else() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let network = json!({"Name": scratch.name("n"), "Driver": "overlay", "CheckDuplicate": true});
    let network = engine.create("/networks/create", &network);
    let config = json!({"Name": scratch.name("c"), "Data": "b25l"});
    let config_id = engine.create("/configs/create", &config);
    let file = json!({"Name": "/c", "UID": "0", "GID": "0", "Mode": 0o444});
    let config = json!([{"ConfigID": config_id, "ConfigName": config["Name"], "File": file}]);
    let container = |more: Value| json!({"TaskTemplate": {"ContainerSpec": more}});
    let rolls = [
        ("image", container(json!({"Image": "skep-demo/web:2"}))),
        ("environment", container(json!({"Env": ["A=1"]}))),
        ("labels", container(json!({"Labels": {"a": "1"}}))),
        ("configs", container(json!({"Configs": config}))),
        ("mounts", container(json!({"Mounts": [{"Type": "tmpfs", "Target": "/tmp"}]}))),
        ("networks", json!({"TaskTemplate": {"Networks": [{"Target": network}]}})),
        ("limits", json!({"TaskTemplate": {"Resources": {"Limits": {"MemoryBytes": 33_554_432}}}})),
        ("restart", json!({"TaskTemplate": {"RestartPolicy": {"Delay": SECOND}}})),
        ("logs", json!({"TaskTemplate": {"LogDriver": {"Name": "none"}}})),
        ("force", json!({"TaskTemplate": {"ForceUpdate": 1}})),
        (
            "nowhere",
            json!({"TaskTemplate": {"Placement": {"Constraints": ["node.role!=manager"]}}}),
        ),
        ("endpoint", json!({"EndpointSpec": {"Mode": "dnsrr"}})),
    ];
    let stays = [
        ("labels", json!({"Labels": {"a": "1"}})),
        ("update policy", json!({"UpdateConfig": {"Parallelism": 2, "Order": "start-first"}})),
        ("rollback policy", json!({"RollbackConfig": {"Parallelism": 2}})),
        (
            "somewhere",
            json!({"TaskTemplate": {"Placement": {"Constraints": ["node.role==manager"]}}}),
        ),
        (
            "preferences",
            json!({"TaskTemplate": {"Placement": {
            "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}]}}}),
        ),
        // Last: that the second task runs says that Swarm has looked at all of this.
        ("replicas", replicas(2)),
    ];
    let same = Raw::create(&engine, &spec(&scratch.name("same"), &["sleep"], json!({})));
    let services: Vec<_> = rolls
        .into_iter()
        .map(|(what, more)| {
            let spec = spec(&scratch.name(what), &["sleep"], json!({}));
            (Raw::create(&engine, &spec), spec, more)
        })
        .collect();
    same.runs(1);
    let task = same.wanted().remove(0);
    let mut spec = spec(&same.name, &["sleep"], json!({}));
    for (_, more) in stays {
        merge(&mut spec, more);
        engine.update_service(&same.name, &spec);
    }
    same.runs(2);
    for (service, mut spec, more) in services {
        service.runs(1);
        merge(&mut spec, more);
        engine.update_service(&service.name, &spec);
        eventually(60, &format!("the task of {} is replaced", service.name), || {
            let tasks = engine.tasks(&service.name);
            (tasks.len() == 2 && tasks[0]["DesiredState"] == "shutdown").then_some(())
        });
    }
    let tasks = engine.tasks(&same.name);
    assert_eq!(tasks.len(), 2, "{tasks:#?}");
    assert!(ids(&tasks).contains(&&task["ID"]));
    assert_eq!(same.state(), None, "there was nothing to update");
}

#[test]
fn s6_every_update_makes_the_previous_spec_of_the_current_one_and_forgets_the_last_update() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let spec_of = |args: &[&str]| spec(&scratch.name("s"), args, json!({}));
    let service = Raw::running(&engine, &spec_of(&["sleep"]));
    assert!(service.get()["PreviousSpec"].is_null());
    engine.update_service(&service.name, &spec_of(&["sleep", "well"]));
    service.reaches("completed");
    let before = service.get();
    assert_eq!(args(&json!({"Spec": before["PreviousSpec"]["TaskTemplate"]})), &json!(["sleep"]));
    let tasks = service.wanted();

    engine.update_service(&service.name, &before["Spec"]);
    let after = service.get();
    assert_eq!(after["PreviousSpec"], before["Spec"], "there is nothing to go back to");
    assert_eq!(after["Spec"], before["Spec"]);
    assert!(after["UpdateStatus"].is_null());
    assert!(after["Version"]["Index"].as_u64() > before["Version"]["Index"].as_u64());
    assert_eq!(ids(&service.wanted()), ids(&tasks));
}

#[test]
fn s7_any_update_of_a_job_runs_it_again() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    for mode in ["ReplicatedJob", "GlobalJob"] {
        let mut spec = spec(&scratch.name(mode), &["job"], json!({}));
        spec["Mode"] = json!({mode: {}});
        spec["TaskTemplate"]["RestartPolicy"]["Condition"] = json!("none");
        spec.as_object_mut().unwrap().remove("UpdateConfig");
        spec.as_object_mut().unwrap().remove("RollbackConfig");
        let service = Raw::create(&engine, &spec);
        let completes = |iteration: u64| {
            eventually(60, &format!("iteration {iteration} of the {mode} is complete"), || {
                let tasks = engine.tasks(&service.name);
                let mut done = tasks.iter().filter(|task| task["Status"]["State"] == "complete");
                let is_it =
                    |task: &Value| task["JobIteration"]["Index"].as_u64().unwrap_or(0) == iteration;
                done.any(is_it).then_some(())
            });
        };
        completes(0);
        spec["Labels"] = json!({"a": "label"});
        engine.update_service(&service.name, &spec);
        completes(1);
        assert_eq!(service.get()["JobStatus"]["JobIteration"]["Index"], 1);
    }
}

#[test]
fn s8_a_rollback_puts_the_old_spec_back_and_keeps_the_failed_task_with_its_own() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let mut more = on_failure("rollback", 5);
    merge(&mut more, replicas(2));
    let spec_of = |args: &[&str]| spec(&scratch.name("s"), args, more.clone());
    let service = Raw::running(&engine, &spec_of(&["sleep"]));
    let before = service.get();
    engine.update_service(&service.name, &spec_of(&["crash"]));
    service.reaches("rollback_completed");
    let after = service.get();
    assert_eq!(after["Spec"], before["Spec"]);
    assert!(after["PreviousSpec"].is_null());
    service.runs(2);
    assert!(service.wanted().iter().all(|task| args(task) == &json!(["sleep"])));
    let failed: Vec<_> = engine
        .tasks(&service.name)
        .into_iter()
        .filter(|task| task["Status"]["State"] == "failed")
        .collect();
    assert_eq!(args(&failed[0]), &json!(["crash"]));
    assert_eq!(failed[0]["Status"]["ContainerStatus"]["ExitCode"], 3);
}

#[test]
fn s9_a_paused_update_leaves_tasks_half_old_and_any_write_resumes_it() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let mut more = on_failure("pause", 5);
    merge(&mut more, replicas(2));
    // Without a delay, Swarm goes on to the next task as soon as one runs, and monitors both behind its back.
    merge(&mut more, json!({"UpdateConfig": {"Delay": 3 * SECOND}}));
    let spec_of = |args: &[&str]| spec(&scratch.name("s"), args, more.clone());
    let service = Raw::running(&engine, &spec_of(&["sleep"]));
    engine.update_service(&service.name, &spec_of(&["crash"]));
    service.reaches("paused");
    let paused = service.get();
    assert_eq!(args(&json!({"Spec": paused["Spec"]["TaskTemplate"]})), &json!(["crash"]));
    let old = |service: &Raw<'_>| {
        let tasks = service.wanted();
        tasks.iter().filter(|task| args(task) == &json!(["sleep"])).count()
    };
    assert_eq!(old(&service), 1);

    let mut labelled = paused["Spec"].clone();
    labelled["Labels"] = json!({"a": "label"});
    engine.update_service(&service.name, &labelled);
    eventually(60, "the last good task is replaced by a bad one", || {
        (old(&service) == 0).then_some(())
    });
    assert_ne!(service.get()["UpdateStatus"]["StartedAt"], paused["UpdateStatus"]["StartedAt"]);
}

#[test]
fn s10_tasks_carry_the_spec_that_they_run_and_counts_do_not_tell_them_apart() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let spec_of = |args: &[&str]| {
        // Half of it waits for longer than the test takes.
        let mut spec = spec(&scratch.name("s"), args, replicas(2));
        spec["UpdateConfig"]["Delay"] = json!(3600 * SECOND);
        spec
    };
    let service = Raw::running(&engine, &spec_of(&["sleep"]));
    engine.update_service(&service.name, &spec_of(&["sleep", "well"]));
    eventually(60, "one of two tasks runs the new spec", || {
        let tasks = service.wanted();
        let all_run = tasks.iter().all(|task| task["Status"]["State"] == "running");
        let new = tasks.iter().filter(|task| args(task) == &json!(["sleep", "well"])).count();
        let old = tasks.iter().filter(|task| args(task) == &json!(["sleep"])).count();
        (all_run && (new, old) == (1, 1)).then_some(())
    });
    let listed = engine.get("/services?status=true");
    let listed =
        listed.as_array().unwrap().iter().find(|listed| listed["ID"] == service.get()["ID"]);
    let counts = &listed.unwrap()["ServiceStatus"];
    assert_eq!((&counts["RunningTasks"], &counts["DesiredTasks"]), (&json!(2), &json!(2)));
    assert_eq!(service.state().as_deref(), Some("updating"));
}

#[test]
fn s11_docker_stack_deploy_writes_every_service_on_every_run() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stack.yaml");
    let text = "
services: { web: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s } }
networks: { default: { external: true, name: bridge } }
";
    std::fs::write(&file, format!("version: '3.8'{text}")).unwrap();
    let stack = scratch.name("shop");
    let deploy = || {
        let file = file.to_str().unwrap();
        let deploy = ["stack", "deploy", "--detach", "--resolve-image", "never"];
        engine.docker(&[&deploy[..], &["--compose-file", file, &stack]].concat());
    };
    deploy();
    let service = Raw::of(&engine, format!("{stack}_web"));
    service.runs(1);
    let (before, tasks) = (service.get(), service.wanted());
    deploy();
    let after = service.get();
    assert_eq!(after["Spec"], before["Spec"]);
    assert!(after["Version"]["Index"].as_u64() > before["Version"]["Index"].as_u64());
    assert_eq!(after["PreviousSpec"], after["Spec"], "there is nothing to go back to");
    assert_eq!(ids(&service.wanted()), ids(&tasks));
}

#[test]
fn s11_skep_lists_tasks_and_nodes_only_while_a_service_is_unfinished() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let mut stage = Stage::on(&engine);
    stage.through(&proxy);
    let stack = |args: &str| {
        let text = "services: { web: { image: 'skep-demo/web:1', command: [ARGS], stop_grace_period: 1s, deploy: { <<: *quick } } }";
        stage.stack("shop", &text.replace("ARGS", args));
    };
    stack("sleep");
    stage.apply_well(&[]);
    let lists = || {
        proxy.forget();
        stage.plan(&[]);
        let calls = proxy.calls();
        // What it stands on is a predefined network, which no list has.
        let lists = calls.iter().map(Call::endpoint).filter(|path| !path.starts_with("/networks/"));
        let mut lists: Vec<String> = lists.map(str::to_owned).collect();
        lists.sort();
        lists
    };
    assert_eq!(lists(), ["/configs", "/networks", "/secrets", "/services"]);
    stack("sleep, well");
    assert_eq!(lists(), ["/configs", "/networks", "/nodes", "/secrets", "/services", "/tasks"]);
    stage.apply_well(&[]);
    assert_eq!(lists(), ["/configs", "/networks", "/secrets", "/services"]);
}
