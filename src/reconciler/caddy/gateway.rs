//! Writes steps on routes to the proxy: all in one write, and where that is refused without those that may be to blame.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::diff::mask::{Scrub, Sensitivity};
use crate::model::error::chain;
use crate::model::name::StackName;
use crate::proxy::{Admin, AdminError, Live, Settled, secrets};
use crate::reconciler::step::{Step, Write};

use super::aim::ProxyAddress;
use super::part::{ProxyPart, settled};

/// Writes to a proxy for as long as one pass takes.
#[derive(Debug)]
pub struct Gateway {
    admin: Admin,
    /// What is secret in what Caddy says, which may repeat what it was sent.
    sensitivity: Sensitivity,
    /// The configuration as this pass has written it.
    newest: Option<Arc<Live>>,
}

/// Why a step on a route was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotWritten {
    /// The proxy said no, and will say it again; its words.
    Refused(String),
    /// It said no to what these stacks have beside their routes, and will say it again; its words to each. What others have
    /// was written.
    RefusedOf(BTreeMap<StackName, String>),
    /// The proxy said no because of the machine on which it runs, which may have another state soon; its words.
    Passing(String),
    /// Somebody else has changed the configuration since it was read.
    Stale(String),
    /// Nobody knows whether it was made.
    Unknown(String),
    /// Something that is none of the proxy's answers.
    Unexpected(String),
}

/// What became of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It was written.
    Anew,
    /// It stays: it is as it should be.
    Not,
}

/// What came of a step.
type Outcome<'a> = (&'a Step, Result<Written, NotWritten>);

impl Gateway {
    /// A gateway to the proxy at `address`. What is `sensitivity` to is masked in what Caddy says.
    ///
    /// # Errors
    /// When a certificate cannot be used.
    pub fn new(address: &ProxyAddress, sensitivity: Sensitivity) -> Result<Self, AdminError> {
        Ok(Self { admin: address.admin()?, sensitivity, newest: None })
    }

    /// Makes `steps`, which were planned with `part`, and tells what came of each. Nothing is written that changes nothing.
    ///
    /// What the proxy refuses is as a rule one of the routes in its own words: those are left out then, also where it says
    /// that the machine is to blame, because it repeats their words. If it still refuses, each stack is tried for itself,
    /// with its routes and with what it has beside them, so that one cannot stop another. Routes in its own words come after
    /// these, in the same way, and then one by one, also where one says that the machine is to blame. Where it does not answer
    /// as Caddy does any more, or the machine is to blame for what is in nobody's own words, the others are not tried.
    pub async fn write<'a>(&mut self, part: &ProxyPart, steps: &[&'a Step]) -> Vec<Outcome<'a>> {
        let first = self.attempt(part, &settled(steps)).await;
        if !matches!(first, Err(NotWritten::Refused(_) | NotWritten::Passing(_))) {
            return all(steps, &first);
        }
        let (raw, plain): (Vec<&Step>, Vec<&Step>) = steps.iter().partition(|step| is_raw(step));
        let mut outcomes = Vec::new();
        if !plain.is_empty() {
            let of_all =
                if raw.is_empty() { first } else { self.attempt(part, &settled(&plain)).await };
            outcomes.extend(self.plain(part, &plain, of_all).await);
        } else if raw.len() == 1 {
            return self.acquitted(part, all(&raw, &first)).await;
        }
        let mut errors = outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().err());
        let end = errors.find(|why| !why.is_refusal()).cloned();
        outcomes.extend(match end {
            Some(end) => all(&raw, &Err(end)),
            None => self.raw(part, &raw).await,
        });
        self.acquitted(part, outcomes).await
    }

    /// Makes steps that are not in the proxy's own words, of which `of_all` has come together.
    async fn plain<'a>(
        &mut self,
        part: &ProxyPart,
        steps: &[&'a Step],
        of_all: Result<Written, NotWritten>,
    ) -> Vec<Outcome<'a>> {
        if !matches!(of_all, Err(NotWritten::Refused(_))) || is_single(steps) {
            return all(steps, &of_all);
        }
        let (mut outcomes, mut end) = (Vec::new(), None);
        for (stack, steps) in by_stack(steps) {
            let outcome = match (&end, stack) {
                (Some(end), _) => Err(NotWritten::clone(end)),
                (None, Some(_)) => self.attempt(part, &settled(&steps)).await,
                (None, None) => self.beside_routes(part, &steps).await,
            };
            end = outcome.as_ref().err().filter(|why| !why.is_refusal()).cloned();
            outcomes.extend(all(&steps, &outcome));
        }
        outcomes
    }

    /// Makes steps in the proxy's own words, stack by stack, and where one is refused route by route. What it says of the
    /// machine may be words of one of them, so that the others are tried none the less.
    async fn raw<'a>(&mut self, part: &ProxyPart, steps: &[&'a Step]) -> Vec<Outcome<'a>> {
        let (mut outcomes, mut end) = (Vec::new(), None);
        for steps in by_stack(steps).into_values() {
            let of_stack = match &end {
                Some(end) => Err(NotWritten::clone(end)),
                None => self.attempt(part, &settled(&steps)).await,
            };
            end = of_stack.as_ref().err().filter(|why| why.ends_all()).cloned();
            if !matches!(of_stack, Err(NotWritten::Refused(_))) || steps.len() == 1 {
                outcomes.extend(all(&steps, &of_stack));
                continue;
            }
            for step in steps {
                let outcome = match &end {
                    Some(end) => Err(end.clone()),
                    None => self.attempt(part, &settled(&[step])).await,
                };
                end = outcome.as_ref().err().filter(|why| why.ends_all()).cloned();
                outcomes.push((step, outcome));
            }
        }
        outcomes
    }

    /// The same, if the proxy still takes what it has. If it does not, nobody's step is to blame for the refusal of all.
    ///
    /// It is asked only where that is likely: where it says the same to each of several stacks, or names something that it
    /// has. What it takes again it starts anew.
    async fn acquitted<'a>(
        &mut self,
        part: &ProxyPart,
        outcomes: Vec<Outcome<'a>>,
    ) -> Vec<Outcome<'a>> {
        let live = self.newest.as_ref().unwrap_or(&part.live);
        let Some((words, stacks)) = common(&outcomes) else { return outcomes };
        let mentioned = live.mentioned(words);
        if live.config.is_null() || (stacks < 2 && mentioned.is_none()) {
            return outcomes;
        }
        let Err(error) = self.admin.write_again(live).await else { return outcomes };
        let NotWritten::Refused(words) = self.not_written(&error, &live.config) else {
            return outcomes;
        };
        let mentioned = mentioned.map(|what| format!(", because of {what}")).unwrap_or_default();
        let words = format!("{words}; it does not take what it has any more{mentioned}");
        let passing = |(step, _)| (step, Err(NotWritten::Passing(words.clone())));
        outcomes.into_iter().map(passing).collect()
    }

    /// Writes what the proxy has beside routes: what all stacks share, and then each stack for itself.
    async fn beside_routes(
        &mut self,
        part: &ProxyPart,
        steps: &[&Step],
    ) -> Result<Written, NotWritten> {
        let mut written = self.attempt(part, &Settled::default()).await?;
        let mut refused = BTreeMap::new();
        for stack in settled(steps).stacks {
            let alone = Settled { stacks: [stack.clone()].into(), ..Settled::default() };
            match self.attempt(part, &alone).await {
                Ok(Written::Not) => {}
                Ok(Written::Anew) => written = Written::Anew,
                Err(NotWritten::Refused(words)) => {
                    refused.insert(stack, words);
                }
                Err(why) => return Err(why),
            }
        }
        if refused.is_empty() { Ok(written) } else { Err(NotWritten::RefusedOf(refused)) }
    }

    async fn attempt(
        &mut self,
        part: &ProxyPart,
        settled: &Settled,
    ) -> Result<Written, NotWritten> {
        let live = self.newest.as_ref().unwrap_or(&part.live);
        let merged = part.with(live, settled).map_err(|error| NotWritten::Stale(chain(&error)))?;
        if !merged.is_changed {
            return Ok(Written::Not);
        }
        let written = self.admin.write(live, &merged.config).await;
        let written = written.map_err(|error| self.not_written(&error, &merged.config))?;
        self.newest = Some(Arc::new(written));
        Ok(Written::Anew)
    }

    /// Why `config` was not written, without the secrets that were sent with it.
    fn not_written(&self, error: &AdminError, config: &Value) -> NotWritten {
        let known = secrets(config, &self.sensitivity).into_iter();
        let scrub = known.fold(Scrub::new(self.sensitivity.clone()), |scrub, secret| {
            scrub.with_secret(secret.as_bytes())
        });
        match error {
            AdminError::Refused { words, needed, .. } => {
                let words = scrub.scrub(words);
                let needed = needed.map(|needed| format!("; it needs {needed}"));
                let needed = needed.unwrap_or_default();
                let words = format!("Caddy refuses it: {words}{needed}");
                if error.is_passing() {
                    NotWritten::Passing(words)
                } else {
                    NotWritten::Refused(words)
                }
            }
            AdminError::Stale { .. } => NotWritten::Stale(chain(error)),
            AdminError::Lost { .. } | AdminError::Unreachable { .. } => {
                NotWritten::Unknown(chain(error))
            }
            AdminError::Prepare { .. }
            | AdminError::Forbidden { .. }
            | AdminError::Unexpected { .. } => NotWritten::Unexpected(scrub.scrub(&chain(error))),
        }
    }
}

impl NotWritten {
    const fn is_refusal(&self) -> bool {
        match self {
            Self::Refused(_) | Self::RefusedOf(_) => true,
            Self::Passing(_) | Self::Stale(_) | Self::Unknown(_) | Self::Unexpected(_) => false,
        }
    }

    /// Whether it would be the same with any other write.
    const fn ends_all(&self) -> bool {
        match self {
            Self::Refused(_) | Self::RefusedOf(_) | Self::Passing(_) => false,
            Self::Stale(_) | Self::Unknown(_) | Self::Unexpected(_) => true,
        }
    }
}

/// What the proxy said to all steps, and of how many stacks these are; `None` if it did not say the same to all.
fn common<'o>(outcomes: &'o [Outcome<'_>]) -> Option<(&'o str, usize)> {
    let mut said: BTreeMap<&str, &str> = BTreeMap::new();
    let mut stacks: BTreeSet<&str> = BTreeSet::new();
    for (step, outcome) in outcomes {
        match outcome {
            Err(NotWritten::Refused(words)) => {
                said.insert(cause(words), words);
                stacks.extend(stack(step));
            }
            Err(NotWritten::RefusedOf(refused)) => {
                said.extend(refused.values().map(|words| (cause(words), words.as_str())));
                stacks.extend(refused.keys().map(StackName::as_str));
            }
            _ => return None,
        }
    }
    let (_, words) = said.pop_first()?;
    said.is_empty().then_some((words, stacks.len()))
}

/// What is left of Caddy's words without which of its apps it was about to load: it loads them in any order, and one may have
/// another one loaded (caddyserver/caddy `caddy.go`).
fn cause(words: &str) -> &str {
    words.rsplit(" app module: ").next().unwrap_or(words)
}

/// The steps of each stack, and those that concern all.
fn by_stack<'a>(steps: &[&'a Step]) -> BTreeMap<Option<&'a str>, Vec<&'a Step>> {
    let mut stacks: BTreeMap<_, Vec<&'a Step>> = BTreeMap::new();
    for step in steps {
        stacks.entry(stack(step)).or_default().push(step);
    }
    stacks
}

/// Whether steps are of one stack, so that trying them by stack is trying them all.
fn is_single(steps: &[&Step]) -> bool {
    by_stack(steps).len() == 1 && steps.iter().all(|step| concerned(step) == 1)
}

fn all<'a>(steps: &[&'a Step], outcome: &Result<Written, NotWritten>) -> Vec<Outcome<'a>> {
    steps.iter().map(|step| (*step, outcome.clone())).collect()
}

fn is_raw(step: &Step) -> bool {
    matches!(&step.write, Write::Route(write) if write.is_raw)
}

/// How many stacks a step is about.
fn concerned(step: &Step) -> usize {
    match &step.write {
        Write::Proxy { stacks, .. } => stacks.len(),
        _ => 1,
    }
}

/// The stack that a step is of; none for what concerns all.
fn stack(step: &Step) -> Option<&str> {
    match &step.write {
        Write::Route(write) => write.ids.first().map(|id| id.stack.as_str()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::model::key::{Kind, ObjectKey};
    use crate::model::place::Place;
    use crate::model::secret::Redacted;
    use crate::proxy::{Compiled, CompiledRoute, Endpoint, Features, RouteId, Servers};
    use crate::reconciler::step::RouteWrite;

    const SECRET: &str = "Bearer kX9-unguessable";

    /// A route of each stack, with a secret in a header, and the step that makes it.
    fn routes(stacks: &[&str]) -> (ProxyPart, Vec<Step>) {
        let ids = stacks.iter().map(|stack| {
            RouteId::parse(&format!("skep:default:{stack}:https:{stack}.example.com~*")).unwrap()
        });
        let object = |id: &RouteId| {
            let set = json!({ "Authorization": [SECRET] });
            json!({ "@id": id.to_string(), "handle": [{ "handler": "headers", "request": { "set": set } }] })
        };
        let compiled = ids.clone().map(|id| CompiledRoute {
            service: None,
            is_raw: false,
            place: Place::file("stack.yaml"),
            object: object(&id),
            id,
        });
        let steps = ids.map(|id| {
            let write = RouteWrite {
                before: Redacted::new(Vec::new()),
                after: Redacted::new(vec![object(&id)]),
                is_raw: false,
                ids: vec![id.clone()],
            };
            let object = ObjectKey::new(Kind::Route, id.key.to_string());
            Step { object, write: Write::Route(Box::new(write)), needs: Vec::new() }
        });
        let part = ProxyPart {
            fleet: "default".parse().unwrap(),
            servers: Servers::Own(crate::proxy::OwnServers::default()),
            live: Arc::new(Live { config: json!({}), etag: None, features: Features::MODERN }),
            wanted: Arc::new(Compiled { routes: compiled.collect(), ..Compiled::default() }),
        };
        (part, steps.collect())
    }

    #[test]
    fn caddy_says_the_same_whichever_app_it_loads_first() {
        let said = |by: &str| {
            let words = "loading tls app module: provision tls: open /a.pem: no such file";
            format!("Caddy refuses it: loading new config: {by}{words}")
        };
        let by_http = said("loading http app module: provision http: getting tls app: ");
        assert_eq!(cause(&by_http), cause(&said("")));
        assert_eq!(cause("no"), "no");
    }

    /// A server that gives these answers, and the last one for ever; and how many it gave.
    async fn caddy(answers: Vec<(u16, String)>) -> (Gateway, Arc<Mutex<usize>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let count = Arc::new(Mutex::new(0));
        let given = Arc::clone(&count);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
                // The body ends with the configuration that it began with.
                while !request.ends_with(b"}") {
                    let read = stream.read(&mut buffer).await.unwrap();
                    request.extend_from_slice(&buffer[..read]);
                }
                let (status, body) = {
                    let mut given = given.lock().unwrap();
                    *given += 1;
                    answers[(*given - 1).min(answers.len() - 1)].clone()
                };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let endpoint = Endpoint::parse(&address).unwrap();
        let address = ProxyAddress { endpoint, identity: None, authority: None, entry: None };
        (Gateway::new(&address, Sensitivity::default()).unwrap(), count)
    }

    fn refusal() -> (u16, String) {
        (400, json!({ "error": format!("cannot use {SECRET} here") }).to_string())
    }

    #[tokio::test]
    async fn secrets_that_were_written_are_masked_in_what_caddy_says_of_them() {
        for (answer, words) in [
            (refusal(), "Caddy refuses it: cannot use (sensitive) here"),
            ((502, format!("bad: {SECRET}")), "answers 502 as Caddy does not: bad: (sensitive)"),
        ] {
            let (part, steps) = routes(&["a"]);
            let (mut gateway, _) = caddy(vec![answer]).await;
            let steps: Vec<&Step> = steps.iter().collect();
            let outcomes = gateway.write(&part, &steps).await;
            let [(_, Err(NotWritten::Refused(said) | NotWritten::Unexpected(said)))] =
                outcomes.as_slice()
            else {
                panic!("{outcomes:?}")
            };
            assert!(said.ends_with(words), "{said}");
        }
    }

    #[tokio::test]
    async fn nobody_is_to_blame_for_the_machine_and_so_nobody_is_left_out() {
        let words = "listening on :80: listen tcp :80: bind: address already in use";
        let (part, steps) = routes(&["a", "b"]);
        let answer = (500, json!({ "error": words }).to_string());
        let (mut gateway, given) = caddy(vec![answer]).await;
        let steps: Vec<&Step> = steps.iter().collect();
        let outcomes = gateway.write(&part, &steps).await;
        let passing = Err(NotWritten::Passing(format!("Caddy refuses it: {words}")));
        assert!(outcomes.iter().all(|(_, outcome)| *outcome == passing), "{outcomes:?}");
        assert_eq!(*given.lock().unwrap(), 1);
    }

    #[tokio::test]
    async fn a_raw_handler_that_is_named_like_a_fault_of_the_machine_stops_nobody_else() {
        let words = "unknown module: http.handlers.x: address already in use";
        let (part, mut steps) = routes(&["a", "b"]);
        let Write::Route(write) = &mut steps[0].write else { unreachable!() };
        write.is_raw = true;
        let answer = (400, json!({ "error": words }).to_string());
        let (mut gateway, given) = caddy(vec![answer.clone(), refusal(), answer]).await;
        let steps: Vec<&Step> = steps.iter().collect();
        let outcomes = gateway.write(&part, &steps).await;
        let [(_, Err(NotWritten::Refused(_))), (_, Err(NotWritten::Passing(_)))] =
            outcomes.as_slice()
        else {
            panic!("{outcomes:?}")
        };
        assert_eq!(*given.lock().unwrap(), 3, "each is tried without the other one");
    }

    #[tokio::test]
    async fn nothing_in_own_words_is_tried_once_the_machine_is_to_blame_for_what_is_not() {
        let words = "listening on :80: listen tcp :80: bind: address already in use";
        let (part, mut steps) = routes(&["a", "b", "c"]);
        for step in &mut steps[1..] {
            let Write::Route(write) = &mut step.write else { unreachable!() };
            write.is_raw = true;
        }
        let answer = (500, json!({ "error": words }).to_string());
        let (mut gateway, given) = caddy(vec![answer]).await;
        let steps: Vec<&Step> = steps.iter().collect();
        let outcomes = gateway.write(&part, &steps).await;
        let is_passing =
            |(_, outcome): &Outcome<'_>| matches!(outcome, Err(NotWritten::Passing(_)));
        assert!(outcomes.len() == 3 && outcomes.iter().all(is_passing), "{outcomes:?}");
        assert_eq!(*given.lock().unwrap(), 2, "all, and then what is in nobody's own words");
    }

    #[tokio::test]
    async fn stacks_are_tried_one_by_one_until_an_answer_is_none_of_caddys() {
        let (part, steps) = routes(&["a", "b", "c"]);
        let (mut gateway, given) = caddy(vec![refusal(), refusal(), (502, String::new())]).await;
        let steps: Vec<&Step> = steps.iter().collect();
        let outcomes = gateway.write(&part, &steps).await;
        let refused: Vec<bool> = outcomes
            .iter()
            .map(|(_, outcome)| outcome.as_ref().is_err_and(NotWritten::is_refusal))
            .collect();
        assert_eq!(refused, [true, false, false], "{outcomes:?}");
        assert_eq!(*given.lock().unwrap(), 3, "the last stack is not tried");
    }
}
