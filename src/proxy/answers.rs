//! Handlers with which Caddy answers by itself.

use serde_json::{Value, json};

use super::edits::strip;
use super::text::{escaped, filled};
use crate::model::route::{PathPattern, Redirect, StaticFiles};

/// What the location of a redirect ends with that keeps the rest of the path, and the query.
pub(super) const REST: &str = "{http.request.uri}";

/// The handlers of `redirect`.
pub(super) fn redirect(redirect: &Redirect, path: &PathPattern) -> Vec<Value> {
    let Redirect { to, permanent, keep_path } = redirect;
    let mut location = filled(to);
    let mut handlers = Vec::new();
    if *keep_path && matches!(path, PathPattern::Prefix(_)) {
        handlers.extend(strip(path));
        location.truncate(location.trim_end_matches('/').len());
        location.push_str(REST);
    }
    handlers.push(json!({
        "handler": "static_response",
        "status_code": if *permanent { 308 } else { 307 },
        "headers": { "Location": [location] },
    }));
    handlers
}

/// The handler of `static`.
pub(super) fn files(files: &StaticFiles) -> Value {
    let StaticFiles { directory, spa, index, not_found } = files;
    let root = escaped(directory);
    let mut server = json!({ "handler": "file_server", "root": root });
    if !index.is_empty() {
        server["index_names"] = index.iter().map(|name| escaped(name)).collect();
    }
    if *spa {
        let index = index.first().map_or("index.html", String::as_str);
        let found = json!({
            "file": { "root": root, "try_files": ["{http.request.uri.path}", format!("/{}", escaped(index))] },
        });
        let rewrite = json!({ "handler": "rewrite", "uri": "{http.matchers.file.relative}" });
        let routes = json!([{ "match": [found], "handle": [rewrite] }, { "handle": [server] }]);
        return json!({ "handler": "subroute", "routes": routes });
    }
    let Some(page) = not_found else { return server };
    let mut sorry = server.clone();
    sorry["status_code"] = "404".into();
    server["pass_thru"] = true.into();
    let rewrite = json!({ "handler": "rewrite", "uri": format!("/{}", escaped(page)) });
    let routes = json!([{ "handle": [server] }, { "handle": [rewrite, sorry] }]);
    json!({ "handler": "subroute", "routes": routes })
}
