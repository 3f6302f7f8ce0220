//! Servers on the loopback address: each connection is a program of its own, as inetd does it.

use std::io::{Read as _, Write as _};
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

    /// One that has a single commit, says git, and sends `pack` for it, in version 0 of the protocol.
    pub(crate) fn sending(pack: &[u8]) -> Self {
        let packet =
            |content: &[u8]| [format!("{:04x}", content.len() + 4).as_bytes(), content].concat();
        let id = "4f2c9e1000000000000000000000000000000000";
        let head = format!("{id} HEAD\0side-band-64k symref=HEAD:refs/heads/main\n");
        let main = format!("{id} refs/heads/main\n");
        let greeting = [packet(head.as_bytes()), packet(main.as_bytes()), b"0000".to_vec()];
        let pieces = pack.chunks(65_000).map(|piece| packet(&[b"\x01", piece].concat()));
        let sent = [packet(b"NAK\n"), pieces.collect::<Vec<_>>().concat(), b"0000".to_vec()];
        Self::accepting(0, move |mut stream| {
            stream.write_all(&greeting.concat()).expect("a greeting");
            let (mut asked, mut piece) = (Vec::new(), [0; 1000]);
            while !asked.ends_with(b"done\n") {
                match stream.read(&mut piece).expect("a request") {
                    0 => return,
                    read => asked.extend_from_slice(piece.get(..read).unwrap_or_default()),
                }
            }
            // Whoever has heard enough leaves in the middle.
            let _ = stream.write_all(&sent.concat());
        })
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
