//! Handlers that change requests and answers.

use serde_json::{Map, Value, json};

use super::text::filled;
use crate::model::route::{Encode, Encoding, HeaderEdits, Headers, PathPattern, Rewrite, Template};

/// The handler of `headers`. Answers are changed once the target has written its own headers.
pub(super) fn headers(headers: &Headers) -> Option<Value> {
    let Headers { request, response } = headers;
    let mut handler = Map::from_iter([("handler".to_owned(), "headers".into())]);
    if !request.is_empty() {
        handler.insert("request".to_owned(), edits(request).into());
    }
    if !response.is_empty() {
        let mut edits = edits(response);
        edits.insert("deferred".to_owned(), true.into());
        handler.insert("response".to_owned(), edits.into());
    }
    (handler.len() > 1).then(|| handler.into())
}

fn edits(edits: &HeaderEdits) -> Map<String, Value> {
    let HeaderEdits { set, add, remove } = edits;
    let values = |values: &[(String, Template)]| {
        let each = |(name, value): &(String, Template)| (name.clone(), json!([filled(value)]));
        values.iter().map(each).collect::<Map<_, _>>()
    };
    let mut edits = Map::new();
    for (key, values) in [("set", values(set)), ("add", values(add))] {
        if !values.is_empty() {
            edits.insert(key.to_owned(), values.into());
        }
    }
    if !remove.is_empty() {
        edits.insert("delete".to_owned(), remove.clone().into());
    }
    edits
}

/// The handler of `encode`.
pub(super) fn encode(encode: &Encode) -> Value {
    let name = |encoding: &Encoding| match encoding {
        Encoding::Zstd => "zstd",
        Encoding::Gzip => "gzip",
    };
    let names: Vec<&str> = encode.encodings.iter().map(name).collect();
    let encodings: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
    json!({ "handler": "encode", "encodings": encodings, "prefer": names })
}

/// The handler that takes the path of the route away.
pub(super) fn strip(path: &PathPattern) -> Option<Value> {
    let prefix = path.as_str();
    (!prefix.is_empty()).then(|| json!({ "handler": "rewrite", "strip_path_prefix": prefix }))
}

/// The handler of `rewrite`.
pub(super) fn rewrite(rewrite: &Rewrite) -> Value {
    match rewrite {
        Rewrite::To(uri) => json!({ "handler": "rewrite", "uri": uri }),
        Rewrite::Replace { find, replace } => {
            json!({ "handler": "rewrite", "path_regexp": [{ "find": find, "replace": replace }] })
        }
    }
}
