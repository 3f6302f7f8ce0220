//! Every target of notifications as the settings declare it, against a local server that speaks its protocol.

#![expect(clippy::unwrap_used, reason = "what these tests share may fail them as they do")]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use skep::notify::{Delivery, Message, SendError, Wire};
use skep::reconciler::journal::{Event, Numbered};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::receiver::{HttpReceiver, MailServer, Mood};

const SECRET: &str = "hunter2-c4n4ry";

/// Settings beside files with secrets.
struct Station(TempDir);

impl Station {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), format!("{text}\n")).unwrap();
        }
        Self(directory)
    }

    /// Sends a message to the target that is declared so.
    async fn send(&self, target: &str, message: &Message) -> Result<(), SendError> {
        self.send_rest(target, message, &mut Delivery::default()).await
    }

    /// Sends it to those who do not have it yet.
    async fn send_rest(
        &self,
        target: &str,
        message: &Message,
        delivery: &mut Delivery,
    ) -> Result<(), SendError> {
        let text = format!("notifications: {{ targets: [{{ name: t, {target} }}] }}");
        let (settings, findings) = skep::settings::parse(text.as_bytes(), "skep.yaml".into());
        assert_eq!(findings, [], "{text}");
        let notifications = settings.unwrap().notifications.unwrap();
        assert!(!format!("{notifications:?}").contains(SECRET));
        notifications.targets[0].target.send(message, &Wire::new(self.0.path()), delivery).await
    }
}

fn event(message: &str, severity: &str, recovered: bool) -> Arc<Numbered> {
    let event: Event = serde_json::from_value(json!({
        "at": "2026-11-21T18:00:00Z", "severity": severity, "kind": "release-rolled-back", "recovered": recovered,
        "key": "service/shop_web", "stack": "shop", "service": "shop_web", "revision": "sha1:4f2c",
        "reason": "crash-loop", "message": message,
    }))
    .unwrap();
    Arc::new(Numbered { id: 7, event })
}

fn message() -> Message {
    Message::new(
        "prod",
        42,
        vec![event("service shop_web rolled back <@all> *x* & é", "error", false)],
        false,
    )
}

fn over() -> Message {
    Message::new("prod", 43, vec![event("service shop_web is well again", "info", true)], false)
}

const TITLE: &str = "[prod] service shop_web rolled back <@all> *x* & é";

#[tokio::test]
async fn a_program_gets_json_that_is_signed_with_the_time() {
    let server = HttpReceiver::start().await;
    let station = Station::new(&[("key", SECRET), ("token", "t0ken")]);
    let target =
        format!("webhook: {{ url: '{}/hook', key_file: key, token_file: token }}", server.address);
    station.send(&target, &message()).await.unwrap();
    let taken = server.taken();
    let body = taken.json();
    assert_eq!(
        (taken.path.as_str(), &body["title"], &body["severity"]),
        ("/hook", &json!(TITLE), &json!("error"))
    );
    assert_eq!(body["events"][0]["kind"], "release-rolled-back");
    assert_eq!(body["events"][0]["reason"], "crash-loop");
    assert_eq!((&body["recovered"], &body["format_version"]), (&json!(false), &json!(1)));
    assert_eq!(taken.header("authorization"), "Bearer t0ken");
    assert_eq!(
        (taken.header("content-type"), taken.header("x-skep-delivery")),
        ("application/json", "42")
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{}.{}", taken.header("x-skep-timestamp"), taken.body).as_bytes());
    let expected = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert_eq!(taken.header("x-skep-signature-256"), expected);
    assert!(!format!("{taken:?}").contains(SECRET));
}

#[tokio::test]
async fn a_program_gets_what_its_template_says() {
    let server = HttpReceiver::start().await;
    let station = Station::new(&[("url", &format!("{}/{SECRET}", server.address))]);
    let template = r#"template: '{"summary": "{{title}}", "over": {{recovered}}}'"#;
    station.send(&format!("webhook: {{ url_file: url, {template} }}"), &message()).await.unwrap();
    assert_eq!(server.taken().json(), json!({ "summary": TITLE, "over": false }));
    assert_eq!(server.taken().path, format!("/{SECRET}"));
    let quoted = Message::new("prod", 44, vec![event(r#"says "no" \ é"#, "error", false)], false);
    for media_type in ["Application/JSON; charset=utf-8", "application/vnd.ops+json"] {
        let typed = format!("webhook: {{ url_file: url, {template}, media_type: '{media_type}' }}");
        station.send(&typed, &quoted).await.unwrap();
        let taken = server.taken();
        assert_eq!(taken.header("content-type"), media_type);
        assert_eq!(taken.json()["summary"], r#"[prod] says "no" \ é"#);
    }
    let plain =
        "webhook: { url_file: url, template: '{{severity}} {{title}}', media_type: text/plain }";
    station.send(plain, &over()).await.unwrap();
    let taken = server.taken();
    assert_eq!(taken.body, "info [prod] service shop_web is well again");
    assert_eq!(
        (taken.header("content-type"), taken.header("x-skep-signature-256")),
        ("text/plain", "")
    );
}

#[tokio::test]
async fn chats_get_text_in_which_nothing_is_markup_and_nobody_is_called() {
    let server = HttpReceiver::start().await;
    let station = Station::new(&[("url", &format!("{}/{SECRET}", server.address))]);
    station.send("slack: { url_file: url, channel: '#ops' }", &message()).await.unwrap();
    let slack = server.taken().json();
    assert_eq!(slack["text"], "*[prod] service shop_web rolled back &lt;@all&gt; *x* &amp; é*");
    assert_eq!(
        (&slack["channel"], &slack["attachments"][0]["color"]),
        (&json!("#ops"), &json!("#c0392b"))
    );
    let text = "error: service shop_web rolled back &lt;@all&gt; *x* &amp; é";
    assert_eq!(slack["attachments"][0]["text"], text);
    station.send("slack: { url_file: url }", &over()).await.unwrap();
    let slack = server.taken().json();
    assert_eq!(
        (&slack["channel"], &slack["attachments"][0]["color"]),
        (&Value::Null, &json!("#2e8b57"))
    );
    server.answers(204, None, "");
    station.send("discord: { url_file: url }", &message()).await.unwrap();
    let discord = server.taken().json();
    assert_eq!(discord["allowed_mentions"], json!({ "parse": [] }));
    let title = r"\[prod\] service shop\_web rolled back <@all\> \*x\* & é";
    assert_eq!(discord["embeds"][0]["title"], title);
}

#[tokio::test]
async fn phones_get_the_priority_that_it_deserves() {
    let server = HttpReceiver::start().await;
    let station = Station::new(&[("token", "t0ken"), ("topic", "a-topic")]);
    let target = format!("ntfy: {{ url: '{}', topic: swarm, token_file: token }}", server.address);
    station.send(&target, &message()).await.unwrap();
    let taken = server.taken();
    assert_eq!(taken.header("authorization"), "Bearer t0ken");
    let body = taken.json();
    assert_eq!(
        (&body["topic"], &body["title"], &body["priority"]),
        (&json!("swarm"), &json!(TITLE), &json!(5))
    );
    let target = format!("ntfy: {{ url: '{}', topic_file: topic }}", server.address);
    station.send(&target, &over()).await.unwrap();
    let body = server.taken().json();
    assert_eq!((&body["topic"], &body["priority"]), (&json!("a-topic"), &json!(3)));
    assert_eq!(body["tags"], json!(["white_check_mark"]));
}

#[tokio::test]
async fn what_a_server_says_decides_whether_it_is_tried_again() {
    let server = HttpReceiver::start().await;
    let station = Station::new(&[("url", &format!("{}/{SECRET}", server.address))]);
    let target = "slack: { url_file: url }";
    for (status, retry_after, may_pass, after) in [
        (429, Some("7"), true, Some(7.0)),
        (429, Some("0.5"), true, Some(0.5)),
        (429, Some("soon"), true, None),
        (503, Some("120"), true, Some(120.0)),
        (500, None, true, None),
        (408, None, true, None),
        (404, None, false, None),
        (301, None, false, None),
    ] {
        // Some repeat what they were asked.
        server.answers(status, retry_after, &format!("no such hook: /{SECRET}"));
        let error = station.send(target, &message()).await.unwrap_err();
        let expected = (may_pass, after.map(Duration::from_secs_f64));
        assert_eq!((error.may_pass(), error.after()), expected, "{status}: {error}");
        assert!(error.to_string().contains("no such hook"), "{error}");
        assert!(!format!("{error:?} {error}").contains(SECRET), "{error:?}");
    }
    drop(server);
    let error = station.send(target, &message()).await.unwrap_err();
    assert!(error.may_pass() && !format!("{error:?}").contains(SECRET), "{error:?}");
    let missing = station.send("slack: { url_file: nowhere }", &message()).await.unwrap_err();
    assert!(missing.may_pass() && missing.to_string().ends_with("nowhere"), "{missing}");
    let station = Station::new(&[("url", SECRET)]);
    let wrong = station.send(target, &message()).await.unwrap_err();
    assert!(!format!("{wrong:?} {wrong}").contains(SECRET), "{wrong}");
}

fn mail(server: &MailServer) -> String {
    format!(
        "email: {{ host: localhost, port: {}, username: me, password_file: password, ca_file: ca.pem, \
         from: 'skep <skep@example.com>', to: [ops@example.com, 'Ann <ann@example.com>'] }}",
        server.port
    )
}

#[tokio::test]
async fn mail_is_sent_after_starttls_and_a_login() {
    let server = MailServer::start(Mood::Well).await;
    let station = Station::new(&[("password", SECRET), ("ca.pem", &server.authority)]);
    station.send(&mail(&server), &message()).await.unwrap();
    let said = server.said();
    let at = |words: &str| said.iter().position(|line| line.starts_with(words));
    assert!(at("(secret)").is_some() && at("(secret)") < at("AUTH"), "{said:#?}");
    for line in [
        "MAIL FROM:<skep@example.com>",
        "RCPT TO:<ops@example.com>",
        "RCPT TO:<ann@example.com>",
        "Subject: ",
        "Message-ID: <42.skep@example.com>",
        "Content-Type: text/plain",
        "error: service shop_web rolled back",
    ] {
        assert!(at(line).is_some(), "{line} is not in {said:#?}");
    }
}

#[tokio::test]
async fn those_who_can_get_mail_get_it_once_whatever_the_addresses_of_others() {
    let server = MailServer::start(Mood::Picky).await;
    let station = Station::new(&[("password", SECRET), ("ca.pem", &server.authority)]);
    let target = mail(&server).replace("to: [", "to: ['Eve <eve@example.com>', ");
    let (message, mut delivery) = (message(), Delivery::default());
    let error = station.send_rest(&target, &message, &mut delivery).await.unwrap_err();
    let said = error.to_string();
    assert!(error.may_pass() && said.contains("ann@example.com (transient error (451)"), "{said}");
    station.send_rest(&target, &message, &mut delivery).await.unwrap();
    let refusals = "ops@example.com (permanent error (550): 5.1.1 who is that)";
    assert_eq!(delivery.refusals().as_deref(), Some(refusals));
    let said = server.said();
    let asked: Vec<&str> = said.iter().filter_map(|line| line.strip_prefix("RCPT TO:")).collect();
    let (ann, eve, ops) = ("<ann@example.com>", "<eve@example.com>", "<ops@example.com>");
    assert_eq!(asked, [eve, ops, ann, ann]);
    let ids = said.iter().filter(|line| line.starts_with("Message-ID: <42.")).count();
    assert_eq!(ids, 2, "both tries have the same");
}

#[tokio::test]
async fn a_mail_server_that_falls_silent_is_not_waited_for_for_ever() {
    let commands = ["(greeting)", "EHLO", "(secret)", "AUTH", "MAIL", "RCPT", "DATA", ".", "QUIT"];
    for command in commands {
        let server = MailServer::start(Mood::Silent(command)).await;
        let station = Station::new(&[("password", SECRET), ("ca.pem", &server.authority)]);
        let (target, message) = (mail(&server), message());
        let silenced = async {
            server.silenced().await;
            // From here on, nothing but time passes.
            tokio::time::pause();
            Instant::now()
        };
        let (sent, begun) = tokio::join!(station.send(&target, &message), silenced);
        assert!(begun.elapsed() <= Duration::from_secs(61), "{command}: {:?}", begun.elapsed());
        tokio::time::resume();
        match sent {
            // Whoever has it and does not part has it.
            Ok(()) => assert_eq!(command, "QUIT"),
            Err(SendError::TimedOut(_)) => assert_ne!(command, "QUIT"),
            Err(error) => panic!("{command}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn no_password_is_said_where_anybody_could_listen() {
    let server = MailServer::start(Mood::Clear).await;
    let station = Station::new(&[("password", SECRET), ("ca.pem", &server.authority)]);
    let error = station.send(&mail(&server), &message()).await.unwrap_err();
    assert!(error.may_pass(), "{error:?}");
    assert!(server.said().iter().all(|line| !line.starts_with("AUTH")), "{:?}", server.said());
    // A server that shows a certificate of somebody else.
    let other = MailServer::start(Mood::Well).await;
    let error = station.send(&mail(&other), &message()).await.unwrap_err();
    assert!(error.may_pass(), "{error:?}");
    assert!(!other.said().iter().any(|line| line == "(secret)"), "{:?}", other.said());
}

#[tokio::test]
async fn what_a_mail_server_says_decides_whether_it_is_tried_again() {
    for (mood, may_pass) in [(Mood::Full, true), (Mood::Strict, false), (Mood::Locked, true)] {
        let server = MailServer::start(mood).await;
        let station = Station::new(&[("password", SECRET), ("ca.pem", &server.authority)]);
        let error = station.send(&mail(&server), &message()).await.unwrap_err();
        assert_eq!(error.may_pass(), may_pass, "{mood:?}: {error:?}");
        assert!(!format!("{error:?} {error}").contains(SECRET));
    }
}
