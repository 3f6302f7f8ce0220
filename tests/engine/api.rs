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

    /// The answer to a request that may fail: its status and its message, which is empty where all went well.
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
        let (status, body) = self.request(method, path, body);
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        (status, body["message"].as_str().unwrap_or_default().to_owned())
    }

    /// Creates an object at `path`, such as `/services/create`; its id.
    pub(crate) fn create(&self, path: &str, spec: &Value) -> String {
        let (status, body) = self.request("POST", path, Some(spec));
        assert_eq!(status, 201, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        // Networks spell it in their own way.
        body["ID"].as_str().or_else(|| body["Id"].as_str()).unwrap().to_owned()
    }

    /// Writes the spec of a service by hand, which the Engine must take.
    #[track_caller]
    pub(crate) fn update_service(&self, name: &str, spec: &Value) {
        assert!(self.try_update_service(name, spec), "{spec}");
    }

    /// All tasks of a service, those included that are history, oldest first.
    pub(crate) fn tasks(&self, service: &str) -> Vec<Value> {
        let id = &self.get(&format!("/services/{service}"))["ID"];
        let tasks = self.get("/tasks");
        let of_service = tasks.as_array().unwrap().iter().filter(|task| task["ServiceID"] == *id);
        let mut tasks: Vec<Value> = of_service.cloned().collect();
        tasks.sort_by_key(|task| task["CreatedAt"].as_str().map(str::to_owned));
        tasks
    }

    /// One request of HTTP/1.0, where the end of the connection is the end of the answer. Without a version in the
    /// path the Engine speaks its newest.
    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = UnixStream::connect(self.url.trim_start_matches("unix://")).unwrap();
        let length = body.len();
        // In one piece: an Engine that answers after the first one may close before it has the rest.
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap(), body.to_owned())
    }
}
