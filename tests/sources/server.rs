//! Servers on the loopback address: each connection is a program of its own, as inetd does it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::origin::{Origin, git_command};

/// A server that starts a program for each connection. It ends with the test.
pub(crate) struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts what `program` gives for each connection, with the connection as its standard input and output.
    pub(crate) fn of(program: impl Fn() -> Command + Send + 'static) -> Self {
        Self::at(0, program)
    }

    fn at(port: u16, program: impl Fn() -> Command + Send + 'static) -> Self {
        let running: Mutex<Vec<Child>> = Mutex::default();
        Self::accepting(port, move |stream| {
            let stdio = || Stdio::from(OwnedFd::from(stream.try_clone().expect("a socket")));
            let child = program().stdin(stdio()).stdout(stdio()).stderr(Stdio::null()).spawn();
            let mut running = running.lock().expect("a lock");
            running.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
            running.push(child.expect("a program"));
        })
    }

    /// One that accepts connections, keeps them open and never says a word.
    pub(crate) fn silent() -> Self {
        let open: Mutex<Vec<TcpStream>> = Mutex::default();
        Self::accepting(0, move |stream| open.lock().expect("a lock").push(stream))
    }

    fn accepting(port: u16, serve: impl Fn(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let stopped = Arc::new(AtomicBool::new(false));
        let (counter, stop) = (Arc::clone(&connections), Arc::clone(&stopped));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                counter.fetch_add(1, Ordering::SeqCst);
                serve(stream.expect("a connection"));
            }
        });
        Self { address, connections, stopped, thread: Some(thread) }
    }

    /// `git daemon` for an origin.
    pub(crate) fn git_daemon(origin: &Origin) -> Self {
        Self::git_daemon_at(0, origin)
    }

    /// `git daemon` for an origin, where one was before.
    pub(crate) fn git_daemon_at(port: u16, origin: &Origin) -> Self {
        let served = origin.served().to_owned();
        Self::at(port, move || {
            let mut daemon = git_command();
            daemon.args(["daemon", "--inetd", "--export-all", "--informative-errors"]);
            daemon.arg(format!("--base-path={}", served.display()));
            daemon
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
