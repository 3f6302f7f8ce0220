//! A route of Caddy taken apart into fields that people can compare.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::answers::REST;

/// The field that tells where requests go.
const TO: &str = "to";

/// What a route does, field by field: `to` tells where requests go, the others are called by the handler and their
/// place in it. Passwords are in it.
pub fn fields(route: &Value) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    if let Some(to) = target(route) {
        fields.insert(TO.to_owned(), to);
    }
    let Value::Object(keys) = route else { return fields };
    for (key, value) in keys {
        match (key.as_str(), value) {
            // Its key tells these, and `terminal` is set on each.
            ("@id" | "match" | "terminal", _) if is_usual(route, key, value) => {}
            ("handle", Value::Array(handlers)) => {
                let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
                for handler in handlers {
                    let name = name(handler);
                    let count = seen.entry(name).or_default();
                    *count += 1;
                    let path =
                        if *count == 1 { name.to_owned() } else { format!("{name}.{count}") };
                    flatten(&path, handler, &mut fields);
                }
            }
            (key, value) => flatten(key, value, &mut fields),
        }
    }
    fields
}

/// Where requests of a route go, in a few words; `None` if no handler says.
pub fn target(route: &Value) -> Option<String> {
    handlers(route).iter().rev().find_map(|handler| match name(handler) {
        "reverse_proxy" => {
            let mut all: Vec<String> = addresses(handler).collect();
            all.sort();
            (!all.is_empty()).then(|| all.join(", "))
        }
        "static_response" => Some(answer(handler)),
        "file_server" => Some(format!("files of {}", text(handler, "/root"))),
        "subroute" => handler.get("routes")?.as_array()?.iter().rev().find_map(target),
        _ => None,
    })
}

/// The addresses that a route sends requests to, without what tells tasks from their service.
pub fn dialled(route: &Value) -> BTreeSet<String> {
    let mut dialled = BTreeSet::new();
    for handler in handlers(route) {
        let own = addresses(handler)
            .map(|address| address.strip_prefix("tasks.").unwrap_or(&address).to_owned());
        dialled.extend(own);
        let inner = handler.get("routes").and_then(Value::as_array).into_iter().flatten();
        dialled.extend(inner.flat_map(self::dialled));
    }
    dialled
}

fn addresses(handler: &Value) -> impl Iterator<Item = String> {
    let fixed = handler.get("upstreams").and_then(Value::as_array).into_iter().flatten();
    let fixed = fixed.filter_map(|upstream| upstream.get("dial")?.as_str().map(str::to_owned));
    let asked = handler
        .get("dynamic_upstreams")
        .map(|asked| format!("{}:{}", text(asked, "/name"), text(asked, "/port")));
    fixed.chain(asked)
}

fn answer(handler: &Value) -> String {
    let status = match handler.get("status_code") {
        Some(Value::String(status)) => status.clone(),
        Some(status) => status.to_string(),
        None => "200".to_owned(),
    };
    match handler.pointer("/headers/Location/0").and_then(Value::as_str) {
        Some(location) => format!("{} ({status})", readable(location)),
        None => format!("answer {status}"),
    }
}

/// Where a redirect leads, as people write places: the rest of the path is `/*`, as in the path of a route.
fn readable(location: &str) -> String {
    let plain = |text: &str| text.replace("\\{", "{").replace("\\}", "}");
    location
        .strip_suffix(REST)
        .map_or_else(|| plain(location), |place| format!("{}/*", plain(place)))
}

fn handlers(route: &Value) -> &[Value] {
    route.get("handle").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn name(handler: &Value) -> &str {
    handler.get("handler").and_then(Value::as_str).unwrap_or("handler")
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a key of the route is as skep writes it.
fn is_usual(route: &Value, key: &str, value: &Value) -> bool {
    match key {
        "terminal" => *value == Value::Bool(true),
        "match" => {
            // The host and the paths of the id; anything else was put there by hand.
            let id = super::live::id(route);
            id.is_some_and(|id| super::route::matches(id.entry, &id.key).as_ref() == Some(value))
        }
        _ => true,
    }
}

/// Whether a value is in the path already, or in the field that tells where requests go.
fn is_told(key: &str, value: &Value) -> bool {
    let is_address = |upstream: &Value| {
        upstream.as_object().is_some_and(|keys| keys.keys().all(|key| key == "dial"))
    };
    key == "handler"
        || (key == "upstreams"
            && value.as_array().is_some_and(|upstreams| upstreams.iter().all(is_address)))
}

/// Puts every value below `path` into `fields`; the name of a handler is in the path.
fn flatten(path: &str, value: &Value, fields: &mut BTreeMap<String, String>) {
    let is_plain = |item: &Value| !item.is_object() && !item.is_array();
    match value {
        Value::Object(keys) => {
            for (key, value) in keys.iter().filter(|(key, value)| !is_told(key, value)) {
                flatten(&format!("{path}.{key}"), value, fields);
            }
            if keys.keys().all(|key| key == "handler") {
                fields.insert(path.to_owned(), "yes".to_owned());
            }
        }
        Value::Array(items) if items.iter().all(is_plain) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            fields.insert(path.to_owned(), items.join(", "));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{path}.{}", index + 1), item, fields);
            }
        }
        plain_value => {
            fields.insert(path.to_owned(), plain(plain_value));
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::compiled;
    use super::*;
    use crate::proxy::ProxyPolicy;

    #[test]
    fn every_kind_of_target_is_named() {
        let stack = "
x-skep:
  routes:
    - {host: a.example.com, redirect: 'https://b.example.com'}
    - {host: b.example.com, respond: {status: 204}}
    - {host: c.example.com, static: {dir: /srv/docs, not_found: 404.html}}
    - {host: d.example.com, proxy: 'http://elsewhere.example:81'}
services:
  web:
    image: nginx
    x-skep:
      routes:
        - {host: e.example.com, port: 80, headers: {response: {set: {X-A: b}}}}
        - {host: f.example.com, port: 80, lb: least_conn}";
        let compiled = compiled(&[("shop", stack)], &ProxyPolicy::default());
        let targets: Vec<_> =
            compiled.routes.iter().map(|route| target(&route.object).unwrap()).collect();
        assert_eq!(
            targets,
            [
                "https://b.example.com/* (307)",
                "answer 204",
                "files of /srv/docs",
                "elsewhere.example:81",
                "shop_web:80",
                "tasks.shop_web:80",
            ]
        );
        let [.., by_name, by_task] = compiled.routes.as_slice() else { panic!("six routes") };
        assert_eq!(dialled(&by_name.object), dialled(&by_task.object));
        let all = fields(&by_name.object);
        assert_eq!(all["headers.response.set.X-A"], "b");
        assert!(!all.keys().any(|key| key.starts_with("match")), "{all:?}");
        let mut edited = by_name.object.clone();
        edited["match"][0]["path"] = serde_json::json!(["/x"]);
        assert_eq!(fields(&edited)["match.1.path"], "/x");
    }
}
