//! `ports` in the short and in the long form. No two services of all stacks publish the same.

use serde_json::{Value, json};

use super::blocks::{Values, any_of, just, mapping, merged, numbered, pick};

/// How many numbers a service has for itself.
const EACH: usize = 16;

/// The ports of service number `service`; only in host mode where the Swarm has no address for it.
pub(crate) fn ports(service: usize, endpoint_mode: &str) -> Values {
    let vip = endpoint_mode == "vip";
    numbered(3, move |number| {
        // Four numbers for each entry of the list: two of them may be a range.
        let published = 20_000 + service * EACH + number * 4;
        if vip {
            any_of([short(published, number), long(published, number, "ingress")])
        } else {
            long(published, number, "host")
        }
    })
}

fn short(published: usize, number: usize) -> Values {
    let target = 80 + number * 10;
    let (next, last) = (published + 1, target + 1);
    pick(json!([
        format!("{published}:{target}"),
        format!("{published}:{target}/tcp"),
        format!("{published}:{target}/udp"),
        format!("{published}:{target}/sctp"),
        format!("{published}-{next}:{target}-{last}"),
        format!("{published}-{next}:{target}-{last}/udp"),
        format!("0.0.0.0:{published}:{target}"),
        format!("127.0.0.1:{published}:{target}/udp"),
        format!("{target}"),
        format!("{target}-{last}"),
        format!("{target}/udp"),
        target
    ]))
}

fn long(published: usize, number: usize, mode: &str) -> Values {
    let always = just(json!({"target": 8000 + number}));
    let mode: Value =
        if mode == "host" { json!(["host"]) } else { json!(["ingress", "ingress", "host"]) };
    let host_only = mode == json!(["host"]);
    merged(vec![
        always,
        mapping(vec![
            ("published", 80, just(json!(published))),
            ("protocol", 60, pick(json!(["tcp", "udp", "sctp"]))),
            ("mode", if host_only { 100 } else { 60 }, pick(mode)),
        ]),
    ])
}
