//! Routes without a Caddy and without an engine: what is wrong with them, and the objects that they ask for.

use insta::assert_snapshot;
use serde_json::Value;

use crate::program::World;
use crate::published::assert_published;

const BAD: &str = "\
services:
  web:
    image: acme/shop:1
    ports: ['8080:80']
    x-skep:
      routes:
        - host: shop_web.example.com
          port: 8080
        - host: shop.example.com
          path: api
          port: 0
        - host: shop.example.com
          port: 80
          basic_auth: {users: {ann: hunter2}}
          allow: [10.0.0.1/8]
          tls: {certificate: certs/shop.pem, key: /certs/shop.key}
        - host: shop.example.com
          port: 80
          headers: {response: {set: {X-From: '{env.HOME}'}}}
x-skep:
  routes:
    - host: www.example.com
      redirect: shop.example.com
    - host: '*.example.com'
      respond: nothing here
";

#[test]
fn everything_that_is_wrong_with_routes_is_told_at_once_with_its_place() {
    let world = World::new().file("stacks/shop/stack.yaml", BAD);
    let ran = world.run(&["validate", "stacks"]);
    assert!(!ran.stdout.contains("hunter2"), "{ran}");
    assert_snapshot!(ran);
}

#[test]
fn two_stacks_with_one_route_are_told_at_both_places() {
    let stack = |action: &str| {
        format!("services: {{a: {{image: 'a:1'}}}}\nx-skep:\n  routes:\n    - {action}\n")
    };
    let world = World::new()
        .file("stacks/blog/stack.yaml", stack("{host: a.example.com, path: /x, respond: blog}"))
        .file("stacks/shop/stack.yaml", stack("{host: A.example.com, path: /x/, respond: shop}"));
    assert_snapshot!(world.run(&["validate", "stacks"]));
}

const AUTO: &str = "\
services:
  web_1:
    image: acme/shop:1
    x-skep:
      routes:
        - {host: auto, port: 80, tls: internal}
        - {host: auto, port: 81}
  web-1:
    image: acme/shop:1
    x-skep:
      routes:
        - {host: auto, path: /x, port: 80}
        - {host: auto, port: 80}
x-skep:
  routes:
    - {host: out.example.com, proxy: 'http://{env.TOKEN}.attacker.example'}
";

#[test]
fn hosts_below_the_root_domain_are_compared_and_servers_outside_are_named_by_the_file_alone() {
    let same = "\
services: {web: {image: 'a:1', x-skep: {routes: [{host: auto, path: /x, port: 80}]}}}
";
    let world = World::new()
        .file("stacks/a_b/stack.yaml", AUTO)
        .file("stacks/c_d/stack.yaml", same)
        .file("stacks/c-d/stack.yaml", same);
    assert_snapshot!(world.run(&["validate", "stacks"]));
}

const SETTINGS: &str = "\
proxy:
  admin: unix:///run/caddy/admin.sock
  static_roots: [/srv]
";

const HELD: &str = "\
services:
  web:
    image: acme/shop:1
    x-skep:
      routes:
        - {host: auto, port: 80}
        - {host: a.example.com, port: 80, caddy: [{handler: vars, a: b}]}
x-skep:
  routes:
    - {host: b.example.com, static: /etc}
    - {host: c.example.com, tls: internal, respond: c}
";

#[test]
fn routes_that_the_settings_do_not_allow_are_told_without_an_engine() {
    let world = World::new().file("skep.yaml", SETTINGS).file("stacks/shop/stack.yaml", HELD);
    assert_snapshot!(world.run(&["validate", "stacks"]));
}

#[test]
fn caddys_objects_are_rendered_with_the_stack_that_asks_for_them() {
    let world = World::new().file("skep.yaml", SETTINGS).file("stacks/shop/stack.yaml", HELD);
    let ran = world.run(&["render", "stacks"]);
    let routes = ran.stdout.find("  routes:").map(|at| &ran.stdout[at..]);
    assert_snapshot!(format!("{}{}", routes.unwrap(), ran.stderr));
    let ran = world.run(&["render", "stacks", "--format", "json"]);
    let rendered: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_published("render", &rendered);
}

#[test]
fn names_that_the_settings_add_mask_values_in_rendered_routes_too() {
    let stack = "\
services:
  web:
    image: acme/shop:1
    x-skep:
      routes:
        - {host: a.example.com, port: 80, headers: {request: {set: {X-Tenant: hunter2}}}}
";
    for (settings, is_masked) in [("sensitive: [X-TENANT]\n", true), ("", false)] {
        let world = World::new().file("skep.yaml", settings).file("stacks/shop/stack.yaml", stack);
        let ran = world.run(&["render", "stacks"]);
        assert_eq!(ran.stdout.contains("hunter2"), !is_masked, "{ran}");
    }
}
