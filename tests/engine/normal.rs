//! Every spec means the same after a round trip through a real engine.

use serde_json::{Value, json};
use skep::model::network::NetworkSpec;
use skep::model::service::ServiceSpec;
use skep::model::store::{ConfigSpec, Data};
use skep::swarm::floors::{strip_network, strip_service};
use skep::swarm::{Actuator, Credentials, Observer, normal};

use crate::actuate::{service, spec};
use crate::engine::Engine;
use crate::scratch::Scratch;

/// Everything that swarm services keep, each at a value that is not its default.
fn maximal(network: &str, config: &str) -> Value {
    json!({
        "Labels": {"com.example.a": "1", "b": ""},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": "skep-test/none:1", "Labels": {"c": "d"},
                "Command": ["/run", "--now"], "Args": ["b", "a"],
                "Hostname": "{{.Node.Hostname}}", "Env": ["B=2", "A=0", "EMPTY=", "UNSET", "A=1"],
                "Dir": "/work", "User": "1:2", "Groups": ["audio", "10"],
                "Privileges": {
                    "SELinuxContext": {"Disable": false, "User": "u", "Role": "r", "Type": "t", "Level": "l"},
                    "Seccomp": {"Mode": "unconfined"}, "AppArmor": {"Mode": "disabled"},
                    "NoNewPrivileges": true,
                },
                "Init": true, "StopSignal": "SIGINT", "TTY": true, "OpenStdin": true, "ReadOnly": true,
                "Mounts": [
                    {"Type": "volume", "Source": "v", "Target": "/v", "VolumeOptions": {"NoCopy": true,
                        "Labels": {"l": "1"}, "Subpath": "sub",
                        "DriverConfig": {"Name": "local", "Options": {"o": "x"}}}},
                    {"Type": "volume", "Target": "/anonymous", "VolumeOptions": {}},
                    {"Type": "bind", "Source": "/src", "Target": "/bind", "ReadOnly": true,
                        "Consistency": "cached",
                        "BindOptions": {"Propagation": "rslave", "NonRecursive": true,
                            "CreateMountpoint": true, "ReadOnlyNonRecursive": true}},
                    {"Type": "bind", "Source": "/src", "Target": "/bind2",
                        "BindOptions": {"Propagation": "rprivate"}},
                    {"Type": "tmpfs", "Target": "/tmp", "TmpfsOptions": {"SizeBytes": 1_048_576,
                        "Mode": 0o700, "Options": [["noexec"], ["uid", "1"]]}},
                ],
                "StopGracePeriod": 30_000_000_000_i64,
                "Healthcheck": {"Test": ["CMD", "true"], "Interval": 2_000_000_000, "Timeout": 1_000_000_000,
                    "StartPeriod": 5_000_000_000_i64, "StartInterval": 1_000_000_000, "Retries": 4},
                "Hosts": ["10.0.0.9 b", "10.0.0.8 a"],
                "DNSConfig": {"Nameservers": ["9.9.9.9", "1.1.1.1"], "Search": ["x.y"], "Options": ["ndots:2"]},
                "Configs": [
                    {"ConfigName": config, "File": {"Name": "/z", "UID": "1", "GID": "2", "Mode": 0o440}},
                    {"ConfigName": config, "File": {"Name": "/a", "UID": "0", "GID": "0", "Mode": 0o444}},
                ],
                "Sysctls": {"net.core.somaxconn": "64"},
                "CapabilityAdd": ["sys_time", "CAP_NET_ADMIN"], "CapabilityDrop": ["all"],
                "Ulimits": [{"Name": "nproc", "Hard": -1, "Soft": 5}, {"Name": "nofile", "Hard": 20, "Soft": 10}],
                "OomScoreAdj": 100,
            },
            "Resources": {
                "Limits": {"NanoCPUs": 500_000_000, "MemoryBytes": 67_108_864, "Pids": 50},
                "Reservations": {"NanoCPUs": 100_000_000, "MemoryBytes": 33_554_432, "GenericResources": [
                    {"NamedResourceSpec": {"Kind": "ssd", "Value": "a"}},
                    {"DiscreteResourceSpec": {"Kind": "gpu", "Value": 2}}]},
                "SwapBytes": 1, "MemorySwappiness": 10,
            },
            "RestartPolicy": {"Condition": "on-failure", "Delay": 1_000_000_000, "MaxAttempts": 3,
                "Window": 60_000_000_000_i64},
            "Placement": {
                "Constraints": ["node.role==manager", "node.labels.zone  !=  b"],
                "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}},
                    {"Spread": {"SpreadDescriptor": "node.labels.rack"}}],
                "MaxReplicas": 2,
                "Platforms": [{"OS": "linux"}, {"Architecture": "amd64", "OS": "linux"}],
            },
            "Networks": [{"Target": network, "Aliases": ["z", "a"], "DriverOpts": {"k": "v"}}],
            "LogDriver": {"Name": "json-file", "Options": {"max-size": "1m"}},
            "ForceUpdate": 3,
        },
        "UpdateConfig": {"Parallelism": 2, "Delay": 1_000_000_000, "FailureAction": "rollback",
            "Monitor": 7_000_000_000_i64, "MaxFailureRatio": 0.1, "Order": "start-first"},
        "RollbackConfig": {"Parallelism": 0, "FailureAction": "continue", "MaxFailureRatio": 0.25},
        "EndpointSpec": {"Mode": "dnsrr", "Ports": [
            {"TargetPort": 82, "PublishedPort": 0, "PublishMode": "host", "Name": "web"},
            {"Protocol": "UDP", "TargetPort": 81, "PublishedPort": 18081, "PublishMode": "host"},
            {"Protocol": "sctp", "TargetPort": 81, "PublishedPort": 18081, "PublishMode": "host"}]},
    })
}

fn small(network: &str) -> Vec<Value> {
    let container = |spec: Value| json!({"TaskTemplate": {"ContainerSpec": spec}});
    vec![
        json!({}),
        json!({"Mode": {"Global": {}}}),
        json!({"Mode": {"ReplicatedJob": {"MaxConcurrent": 0}}}),
        json!({"Mode": {"ReplicatedJob": {"MaxConcurrent": 0, "TotalCompletions": 3}}}),
        json!({"UpdateConfig": {}, "RollbackConfig": {}, "EndpointSpec": {}}),
        json!({"TaskTemplate": {"Resources": {}, "RestartPolicy": {}, "Placement": {}, "LogDriver": {}}}),
        json!({"TaskTemplate": {"Resources": {"Limits": {}, "Reservations": {}},
            "Placement": {"Preferences": [{}]}, "RestartPolicy": {"Condition": "none", "Delay": 0}}}),
        json!({"TaskTemplate": {"RestartPolicy": {"Condition": "on-failure", "MaxAttempts": 1}}}),
        json!({"TaskTemplate": {"Resources": {"Limits": {"Pids": 9}}}}),
        json!({"TaskTemplate": {"Networks": [{"Target": "host"}]}}),
        json!({"TaskTemplate": {"Networks": [{"Target": "bridge"}]}}),
        json!({"TaskTemplate": {"Networks": [{"Target": network}]}}),
        container(
            json!({"Privileges": {}, "DNSConfig": {}, "Healthcheck": {}, "Isolation": "default"}),
        ),
        container(json!({"Privileges": {"SELinuxContext": {}, "Seccomp": {}, "AppArmor": {}}})),
        container(
            json!({"Privileges": {"Seccomp": {"Mode": "default"}, "AppArmor": {"Mode": "default"}}}),
        ),
        container(json!({"Privileges": {"CredentialSpec": {"File": "spec.json"}}})),
        container(json!({"Healthcheck": {"Test": ["NONE"]}, "Init": false, "StopGracePeriod": 0})),
        container(json!({"Healthcheck": {"Interval": 1_000_000_000}})),
        container(json!({"Mounts": [{"Target": "/x", "Source": "/y"},
            {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {}},
            {"Type": "volume", "Target": "/v", "VolumeOptions": {"DriverConfig": {}}},
            {"Type": "npipe", "Source": "a", "Target": "/n"},
            {"Type": "bind", "Source": "/s", "Target": "/b", "BindOptions": {"NonRecursive": true}}]})),
        json!({"EndpointSpec": {"Ports": [{"TargetPort": 80}, {"TargetPort": 81, "PublishMode": "overlay"}]}}),
    ]
}

#[tokio::test]
async fn a_service_means_the_same_after_a_round_trip() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let connection = engine.connect().await;
    let api = connection.api();
    let observer = Observer::new(connection.clone()).unwrap();
    let actuator =
        Actuator::new(connection, Credentials::default(), &observer.observe().await.unwrap());
    let (network, config) = (scratch.name("net"), scratch.name("config"));
    let net =
        NetworkSpec { name: network.clone(), driver: "overlay".into(), ..NetworkSpec::default() };
    actuator.create_network(&net).await.unwrap();
    let data =
        ConfigSpec { name: config.clone(), data: Data(b"x".to_vec()), ..ConfigSpec::default() };
    actuator.create_config(&data).await.unwrap();

    let mut bodies = small(&network);
    bodies.push(maximal(&network, &config));
    // Windows' credentials, whose config is named in a place of its own.
    bodies.push(json!({"TaskTemplate": {"ContainerSpec": {
        "Privileges": {"CredentialSpec": {"Config": config}},
        "Configs": [{"ConfigName": config, "Runtime": {}}]}}}));
    let specs: Vec<ServiceSpec> = bodies
        .into_iter()
        .enumerate()
        .map(|(number, body)| spec(&scratch.name(&format!("s{number}")), body))
        .collect();
    for spec in &specs {
        actuator.create_service(spec).await.unwrap();
    }
    let observed = observer.observe().await.unwrap();
    for mut wanted in specs {
        let live = &service(&observed, &wanted.name).spec;
        strip_service(&mut wanted, api);
        normal::service(&mut wanted);
        assert_eq!(text(live), text(&wanted));
        assert_eq!(live, &wanted);
    }
}

fn text(spec: &ServiceSpec) -> String {
    serde_json::to_string_pretty(spec).unwrap()
}

#[tokio::test]
async fn a_network_is_what_was_asked_for() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let connection = engine.connect().await;
    let api = connection.api();
    let observer = Observer::new(connection.clone()).unwrap();
    let actuator =
        Actuator::new(connection, Credentials::default(), &observer.observe().await.unwrap());
    let third = std::process::id() % 250;
    let subnet = format!("10.201.{third}.0/24");
    let bodies = [
        json!({}),
        json!({"IPAM": {}, "Options": {}, "EnableIPv6": false}),
        json!({"Internal": true, "Attachable": true, "Labels": {"a": "b"}}),
        json!({"Options": {"encrypted": "", "com.docker.network.driver.mtu": "1400"}}),
        json!({"IPAM": {"Driver": "default", "Options": {"o": "v"}, "Config": [
            {"Subnet": subnet, "AuxiliaryAddresses": {"r": format!("10.201.{third}.9")}}]}}),
        json!({"IPAM": {"Config": [{"Subnet": format!("10.202.{third}.0/24"),
            "IPRange": format!("10.202.{third}.128/25"), "Gateway": format!("10.202.{third}.2")}]}}),
        json!({"EnableIPv4": true, "Scope": "swarm"}),
    ];
    let mut specs = Vec::new();
    for (number, mut body) in bodies.into_iter().enumerate() {
        body["Name"] = json!(scratch.name(&format!("n{number}")));
        body["Driver"] = json!("overlay");
        let spec: NetworkSpec = serde_json::from_value(body).unwrap();
        actuator.create_network(&spec).await.unwrap();
        specs.push(spec);
    }
    let observed = observer.observe().await.unwrap();
    for mut wanted in specs {
        let live = observed.networks.iter().find(|live| live.spec.name == wanted.name).unwrap();
        strip_network(&mut wanted, api);
        assert_eq!(
            normal::network_as_asked(&live.spec, &wanted),
            normal::network_asked(&wanted),
            "{:?}",
            live.spec
        );
        let other = NetworkSpec { attachable: !wanted.attachable, ..wanted };
        assert_ne!(normal::network_as_asked(&live.spec, &other), normal::network_asked(&other));
    }
}
