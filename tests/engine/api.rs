//! The Engine's API without a library in between: what is asserted was not decoded by the code under test.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::engine::Engine;

impl Engine {
    /// The JSON at `path`, such as `/services`.
    pub(crate) fn get(&self, path: &str) -> Value {
        match self.request("GET", path, None) {
            (200, body) => serde_json::from_str(&body).unwrap(),
            (status, body) => panic!("GET {path}: {status} {body}"),
        }
    }

    /// Writes the spec of a service by hand, as another client would; whether the Engine takes it.
    pub(crate) fn try_update_service(&self, name: &str, spec: &Value) -> bool {
        loop {
            let version = &self.get(&format!("/services/{name}"))["Version"]["Index"];
            let path = format!("/services/{name}/update?version={version}");
            let (status, body) = self.request("POST", &path, Some(spec));
            // Swarm moves the version by itself, too, when it has allocated something.
            if !body.contains("update out of sequence") {
                assert_ne!(status, 500, "{body}");
                return status == 200;
            }
        }
    }

    /// One request of HTTP/1.0, where the end of the connection is the end of the answer. Without a version in the
    /// path the Engine speaks its newest.
    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = UnixStream::connect(self.url.trim_start_matches("unix://")).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap(), body.to_owned())
    }
}
