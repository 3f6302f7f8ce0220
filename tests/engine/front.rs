//! A Caddy of the Swarm with nothing in it, which publishes a port of its node, and the settings to program it.

use std::fs;

use skep::proxy::{Admin, Endpoint, Live};
use tokio::runtime::Runtime;

use crate::eventually::eventually;
use crate::stage::Stage;

const STACK: &str = "
services:
  caddy:
    image: skep-demo/caddy:2.11
    command: [caddy, run, --config, /base.json]
    configs: [{ source: base, target: /base.json }]
    networks: [public]
    ports: [{ target: 8080, published: PORT, mode: host }]
    volumes: ['admin:/run/caddy']
    deploy: *quick
configs: { base: { file: ./base.json } }
networks: { public: {} }
volumes: { admin: {} }
";

/// Such a Caddy, which is stack `front`.
pub(crate) struct Front {
    admin: Admin,
    runtime: Runtime,
}

impl Front {
    /// Applies it, and leaves the settings in `skep.yaml`.
    pub(crate) fn apply(stage: &Stage<'_>, port: u16) -> Self {
        stage.file("front", "base.json", r#"{"admin": {"listen": "unix//run/caddy/admin.sock"}}"#);
        stage.stack("front", &STACK.replace("PORT", &port.to_string()));
        stage.apply_well(&[]);
        let root = stage.engine.docker(&["info", "--format", "{{.DockerRootDir}}"]);
        let volume = stage.name("front_admin");
        let socket = format!("{}/volumes/{volume}/_data/admin.sock", root.trim());
        let admin = Admin::new(Endpoint::Unix(socket.clone().into()), None, None).unwrap();
        let front = Self { admin, runtime: Runtime::new().unwrap() };
        eventually(30, "Caddy is up", || front.live());
        let settings =
            format!("proxy: {{admin: 'unix://{socket}', entry_points: {{http: 8080}}}}\n");
        fs::write(stage.folder().join("skep.yaml"), settings).unwrap();
        front
    }

    /// Its configuration, if it can be had.
    pub(crate) fn live(&self) -> Option<Live> {
        self.runtime.block_on(self.admin.read()).ok()
    }
}
