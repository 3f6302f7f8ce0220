//! One conversation with a git server: what it has, and the commits that we want of it.
//!
//! Of git's protocol (`gitprotocol-v2`, `gitprotocol-pack`) this is the part that fetching single commits takes.
//! Version 2 is asked for, and what older servers speak is understood.

use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::time::timeout;

use super::error::GitError;
use super::limits::Limits;
use super::packet::{NotAPacket, Packet, Packets, Request, text};
use super::receive::PackReceiver;
use super::refs::{Greeting, Refs};
use super::wire::Wire;

/// How many bytes of references are taken before a server counts as a flood: some million names.
const MAX_MESSAGE: usize = 128 * 1024 * 1024;
/// How skep calls itself.
const AGENT: &str = concat!("agent=skep/", env!("CARGO_PKG_VERSION"));

/// A conversation that has begun.
#[derive(Debug)]
pub(super) struct Conversation {
    wire: Wire,
    packets: Packets,
    idle: Duration,
    url: String,
    greeting: Greeting,
}

/// What is wanted of a server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'a> {
    /// Commits and annotated tags.
    pub(super) wants: &'a [git2::Oid],
    /// Commits that are there with all their files, whose files need not be sent again.
    pub(super) haves: &'a [git2::Oid],
    /// Whether the history is wanted, too.
    pub(super) history: bool,
    /// The size from which on files are left out if the server can.
    pub(super) file_bytes: u64,
}

impl Conversation {
    /// Reads the greeting of a server.
    pub(super) async fn begin(wire: Wire, url: String, limits: &Limits) -> Result<Self, GitError> {
        let capabilities = Vec::new();
        let greeting = Greeting::Version2 { capabilities };
        let mut conversation =
            Self { wire, packets: Packets::default(), idle: limits.idle, url, greeting };
        let mut lines = conversation.message().await?;
        // Over HTTP the service is announced in a message of its own.
        if lines.first().is_some_and(|line| line.starts_with(b"# service=")) {
            lines = conversation.message().await?;
        }
        let not_git = || conversation.protocol("its greeting is not one of a git server");
        conversation.greeting = Greeting::read(&lines).ok_or_else(not_git)?;
        match conversation.greeting.object_format() {
            "sha1" => Ok(conversation),
            other => {
                Err(conversation.protocol(format!("objects are named by {other}, not by sha1")))
            }
        }
    }

    pub(super) fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// The references whose names begin with one of `prefixes`; older servers name all.
    pub(super) async fn refs(&mut self, prefixes: &[String]) -> Result<Refs, GitError> {
        if let Greeting::Version0 { refs, .. } = &self.greeting {
            return Ok(refs.clone());
        }
        let mut request = Request::default();
        request.line("command=ls-refs").line(AGENT).delimiter().line("symrefs");
        for prefix in prefixes {
            request.line(&format!("ref-prefix {prefix}"));
        }
        request.flush();
        self.send(request).await?;
        let mut refs = Refs::default();
        for line in self.message().await? {
            let understood = refs.add_listed(&line);
            understood.ok_or_else(|| self.protocol("a reference that cannot be read"))?;
        }
        Ok(refs)
    }

    /// Receives the objects of an order.
    pub(super) async fn fetch(
        &mut self,
        order: Order<'_>,
        pack: &mut PackReceiver,
    ) -> Result<(), GitError> {
        let depth = !order.history && self.greeting.can_be_shallow();
        let request = match &self.greeting {
            Greeting::Version2 { .. } => self.order_2(order, depth),
            Greeting::Version0 { .. } => self.order_0(order, depth)?,
        };
        self.send(request).await?;
        match &self.greeting {
            Greeting::Version2 { .. } => self.skip_to_pack_2().await?,
            Greeting::Version0 { .. } => self.skip_to_pack_0(depth).await?,
        }
        self.receive(pack).await
    }

    /// Takes leave of a server that waits for it; whether it hears does not matter.
    pub(super) async fn end(&mut self) {
        if self.wire.is_kept_open() {
            let mut goodbye = Request::default();
            goodbye.flush();
            let _ = self.send(goodbye).await;
        }
    }

    fn order_2(&self, order: Order<'_>, depth: bool) -> Request {
        let mut request = Request::default();
        request.line("command=fetch").line(AGENT).delimiter();
        request.line("ofs-delta").line("no-progress");
        if !order.haves.is_empty() {
            // Without it, git sends again what stands in a commit that is no ancestor.
            request.line("thin-pack");
        }
        for want in order.wants {
            request.line(&format!("want {want}"));
        }
        if depth {
            // What is there came without its history, too.
            for have in order.haves {
                request.line(&format!("shallow {have}"));
            }
            request.line("deepen 1");
        }
        if self.greeting.can_filter() {
            request.line(&format!("filter blob:limit={}", order.file_bytes));
        }
        for have in order.haves {
            request.line(&format!("have {have}"));
        }
        request.line("done").flush();
        request
    }

    /// Older servers answer to what is there in so many ways that all files are fetched again.
    fn order_0(&self, order: Order<'_>, depth: bool) -> Result<Request, GitError> {
        let has = |name: &str| self.greeting.has(name);
        let side_band = ["side-band-64k", "side-band"].into_iter().find(|name| has(name));
        let side_band = side_band.ok_or_else(|| self.protocol("it lacks side-band"))?;
        let optional = ["ofs-delta", "no-progress", "multi_ack_detailed"];
        let mut capabilities = vec![side_band];
        capabilities.extend(optional.into_iter().filter(|name| has(name)));
        if depth {
            capabilities.push("shallow");
        }
        if self.greeting.can_filter() {
            capabilities.push("filter");
        }
        let mut capabilities = format!(" {} {AGENT}", capabilities.join(" "));
        let mut request = Request::default();
        for want in order.wants {
            request.line(&format!("want {want}{capabilities}"));
            capabilities.clear();
        }
        if depth {
            request.line("deepen 1");
        }
        if self.greeting.can_filter() {
            request.line(&format!("filter blob:limit={}", order.file_bytes));
        }
        request.flush().line("done");
        Ok(request)
    }

    async fn skip_to_pack_2(&mut self) -> Result<(), GitError> {
        loop {
            match self.packet().await? {
                Packet::Data(line) if text(&line) == "packfile" => return Ok(()),
                Packet::Data(_) | Packet::Delimiter => {}
                Packet::Flush | Packet::End => return Err(self.protocol("it sends no objects")),
            }
        }
    }

    async fn skip_to_pack_0(&mut self, depth: bool) -> Result<(), GitError> {
        if depth {
            self.message().await?;
        }
        match self.packet().await? {
            Packet::Data(line) if text(&line) == "NAK" => Ok(()),
            _ => Err(self.protocol("an answer to an order that is none")),
        }
    }

    /// The pack comes in one band of three, with progress and errors beside it.
    async fn receive(&mut self, pack: &mut PackReceiver) -> Result<(), GitError> {
        loop {
            let mut piece = match self.packet().await? {
                Packet::Data(piece) if !piece.is_empty() => piece,
                Packet::Data(_) => continue,
                Packet::Flush | Packet::End | Packet::Delimiter => return Ok(()),
            };
            match piece.get_u8() {
                1 => pack.push(piece).await?,
                2 => {}
                3 => return Err(self.refused(&piece)),
                _ => return Err(self.protocol("a band that does not exist")),
            }
        }
    }

    /// The lines up to the end of a message.
    async fn message(&mut self) -> Result<Vec<Bytes>, GitError> {
        let (mut lines, mut size) = (Vec::new(), 0_usize);
        loop {
            match self.packet().await? {
                Packet::Data(line) => {
                    size = size.saturating_add(line.len());
                    lines.push(line);
                }
                Packet::Delimiter => {}
                Packet::Flush | Packet::End => return Ok(lines),
            }
            if size > MAX_MESSAGE {
                let (url, limit) = (self.url.clone(), MAX_MESSAGE as u64);
                return Err(GitError::TooLarge { url, limit, unit: "bytes of references" });
            }
        }
    }

    async fn packet(&mut self) -> Result<Packet, GitError> {
        loop {
            match self.packets.take() {
                Ok(Some(Packet::Data(line))) => match line.strip_prefix(b"ERR ") {
                    Some(message) => return Err(self.refused(message)),
                    None => return Ok(Packet::Data(line)),
                },
                Ok(Some(mark)) => return Ok(mark),
                Ok(None) => {}
                Err(NotAPacket) => {
                    return Err(self.protocol("something else than git's packets"));
                }
            }
            let received = timeout(self.idle, self.wire.receive()).await;
            match received.map_err(|_| self.timed_out("go on"))?? {
                Some(bytes) => self.packets.push(&bytes),
                None => return Err(self.ended()),
            }
        }
    }

    async fn send(&mut self, request: Request) -> Result<(), GitError> {
        let sent = timeout(self.idle, self.wire.send(request.into_bytes())).await;
        sent.map_err(|_| self.timed_out("answer"))?
    }

    fn timed_out(&self, what: &'static str) -> GitError {
        GitError::TimedOut { host: self.wire.host().to_owned(), what, limit: self.idle }
    }

    fn protocol(&self, reason: impl Into<String>) -> GitError {
        GitError::Protocol { host: self.wire.host().to_owned(), reason: reason.into() }
    }

    /// The server's own words, which tell a repository that is not there from everything else.
    fn refused(&self, message: &[u8]) -> GitError {
        let message = text(message);
        let says = |words: &[&str]| {
            let message = message.to_lowercase();
            words.iter().any(|words| message.contains(words))
        };
        let absent = [
            "repository not found",
            "repository not exported",
            "does not appear to be a git repository",
            "no such repository",
            "could not be found",
            "repository does not exist",
        ];
        if says(&absent) {
            return GitError::NoRepository { url: self.url.clone() };
        }
        let message = message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300);
        GitError::Refused { host: self.wire.host().to_owned(), message: message.collect() }
    }

    /// What an end in the middle means: the server's words about it, if it has some.
    fn ended(&self) -> GitError {
        match self.wire.last_words() {
            Some(words) => self.refused(words.as_bytes()),
            None if self.packets.is_empty() => GitError::Broken {
                host: self.wire.host().to_owned(),
                source: "the connection was closed before the answer".into(),
            },
            None => GitError::Broken {
                host: self.wire.host().to_owned(),
                source: "the connection was closed in the middle of the answer".into(),
            },
        }
    }
}
