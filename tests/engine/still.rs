//! A stack with objects of every kind, and no task that a test would have to wait for.

use crate::engine::Engine;
use crate::proxy::Proxy;
use crate::stage::Stage;

/// Its file.
pub(crate) const STILL: &str = "
services:
  web: { image: 'skep-demo/web:1', networks: [a, b], configs: [plain], secrets: [key], deploy: { replicas: 0 } }
  api: { image: 'skep-demo/web:1', networks: [a], deploy: { replicas: 0 } }
networks: { a: {}, b: {} }
configs: { plain: { content: plain } }
secrets: { key: { file: key.txt } }
";

/// How many writes an apply of it takes: the record, two networks, a config, a secret, two services.
pub(crate) const WRITES: usize = 7;

/// Declares it as `shop`, for a program that speaks through `proxy`.
pub(crate) fn still<'e>(engine: &'e Engine, proxy: &Proxy) -> Stage<'e> {
    let mut stage = Stage::on(engine);
    stage.through(proxy);
    stage.exact_stack("shop", STILL);
    stage.file("shop", "key.txt", "key\n");
    stage
}
