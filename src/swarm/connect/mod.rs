//! Opens byte streams to the engine: a unix socket, TCP, TCP with TLS, or a program's pipes.

mod connector;
mod ssh;
mod stream;
mod tls;

pub(super) use connector::Connector;
