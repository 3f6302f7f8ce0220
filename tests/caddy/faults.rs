//! The client of the admin API against servers that Caddy cannot be made to be.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use skep::proxy::{Admin, AdminError, Endpoint, Features, Live};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a server does with a connection once it has read the request.
#[derive(Clone)]
enum Reaction {
    /// These bytes, then the end.
    Bytes(String),
    /// The end.
    Cut,
    /// Nothing, for ever.
    Silence,
}

/// A server that reacts to its first connection as the first of these says, and so on.
struct Script {
    admin: Admin,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Script {
    async fn of(reactions: &[Reaction]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, reactions) = (Arc::clone(&seen), reactions.to_vec());
        tokio::spawn(async move {
            let mut open = Vec::new();
            for reaction in reactions {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = request(&mut stream).await;
                log.lock().unwrap().push(request);
                match reaction {
                    Reaction::Bytes(bytes) => stream.write_all(bytes.as_bytes()).await.unwrap(),
                    Reaction::Cut => drop(stream),
                    Reaction::Silence => open.push(stream),
                }
            }
        });
        let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{port}")).unwrap();
        Self { admin: Admin::new(endpoint, None, None).unwrap(), seen }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// One request, head and body.
async fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    head + &String::from_utf8(body).unwrap()
}

fn answer(status: &str, headers: &str, body: &str) -> Reaction {
    let length = body.len();
    Reaction::Bytes(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"))
}

fn json_answer(status: &str, body: &str) -> Reaction {
    answer(status, "Content-Type: application/json\r\n", body)
}

fn before() -> Live {
    let etag = Some("\"/config/ 7335\"".to_owned());
    Live { config: json!({ "apps": {} }), etag, features: Features::MODERN }
}

fn wanted() -> Value {
    json!({ "apps": { "http": {} } })
}

/// The error without what differs from test to test.
fn shown(error: &AdminError) -> String {
    let text = error.to_string();
    let (at, rest) = (text.find("127.0.0.1:").unwrap(), "127.0.0.1:".len());
    let end =
        text[at + rest..].find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len() - at - rest);
    format!("{}HERE{}", &text[..at], &text[at + rest + end..])
}

#[tokio::test]
async fn whatever_is_no_configuration_of_caddy_is_not_taken_for_one() {
    let cases = [
        (
            answer("200 OK", "", "<html>welcome</html>"),
            "http://HERE answers 200 as Caddy does not: <html>welcome</html>",
        ),
        (
            json_answer("200 OK", "{\"message\": \"hello\"}"),
            "http://HERE answers 200 as Caddy does not: {\"message\": \"hello\"}",
        ),
        (json_answer("200 OK", "[]"), "http://HERE answers 200 as Caddy does not: []"),
        (
            json_answer("200 OK", "{\"apps\": {"),
            "http://HERE answers 200 as Caddy does not: {\"apps\": {",
        ),
        (
            answer("404 Not Found", "", "404 page not found\n"),
            "http://HERE answers 404 as Caddy does not: 404 page not found",
        ),
        (
            answer("301 Moved Permanently", "Location: /elsewhere\r\n", ""),
            "http://HERE answers 301 as Caddy does not: ",
        ),
        (
            answer("307 Temporary Redirect", "Location: http://127.0.0.1:1/config/\r\n", ""),
            "http://HERE answers 307 as Caddy does not: ",
        ),
        (
            json_answer("500 Internal Server Error", "{\"error\": \"no\"}"),
            "http://HERE answers 500 as Caddy does not: no",
        ),
        (
            answer("502 Bad Gateway", "", "\u{1b}[31mred\u{1b}[0m\r\n"),
            "http://HERE answers 502 as Caddy does not: [31mred [0m",
        ),
        (
            json_answer("403 Forbidden", "{\"error\": \"host not allowed: a\"}"),
            "Caddy at http://HERE does not let skep in: host not allowed: a",
        ),
        (
            Reaction::Bytes("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}".to_owned()),
            "cannot read the configuration of Caddy at http://HERE",
        ),
        (
            Reaction::Bytes("SSH-2.0-OpenSSH_9.2\r\n".to_owned()),
            "cannot read the configuration of Caddy at http://HERE",
        ),
        (Reaction::Cut, "cannot read the configuration of Caddy at http://HERE"),
    ];
    for (reaction, words) in cases {
        let is_cut = words.starts_with("cannot read");
        let script = Script::of(&[reaction.clone(), reaction.clone(), reaction]).await;
        let error = script.admin.read().await.unwrap_err();
        assert_eq!(shown(&error), words);
        assert_eq!(script.seen().len(), if is_cut { 3 } else { 1 }, "{words}");
        assert_eq!(error.is_passing(), is_cut, "{words}");
    }
}

#[tokio::test]
async fn a_read_that_is_cut_is_repeated() {
    let script = Script::of(&[Reaction::Cut, Reaction::Cut, json_answer("200 OK", "{}")]).await;
    assert_eq!(script.admin.read().await.unwrap().config, json!({}));
}

#[tokio::test]
async fn a_configuration_is_read_with_its_etag_wherever_that_is() {
    let header = "ETag: \"/config/ 1a\"\r\nTrailer: ETag\r\n";
    let trailer = "HTTP/1.1 200 OK\r\nTrailer: ETag\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nnull\n\r\n0\r\nETag: \"/config/ 1a\"\r\n\r\n";
    let cases = [
        (answer("200 OK", header, "null\n"), Some("\"/config/ 1a\""), Features::MODERN),
        (Reaction::Bytes(trailer.to_owned()), Some("\"/config/ 1a\""), Features::OLD),
        (answer("200 OK", "", "null\n"), None, Features::OLD),
    ];
    for (reaction, etag, features) in cases {
        let script = Script::of(&[reaction]).await;
        let live = script.admin.read().await.unwrap();
        assert_eq!(
            (live.config, live.etag.as_deref(), live.features),
            (Value::Null, etag, features)
        );
        assert!(
            script.seen()[0].to_lowercase().contains("\r\nte: trailers\r\n"),
            "{:?}",
            script.seen()
        );
    }
}

#[tokio::test]
async fn a_write_that_is_not_taken_says_why_and_is_not_repeated() {
    let unknown = r#"{"error":"loading module 'x': unknown module: http.handlers.log_append"}"#;
    let cases = [
        (
            json_answer("412 Precondition Failed", "{\"error\": \"stale\"}"),
            "the configuration of Caddy at http://HERE was changed in between",
        ),
        (
            json_answer("500 Internal Server Error", unknown),
            "Caddy at http://HERE refuses the configuration: loading module 'x': unknown module: http.handlers.log_append",
        ),
        (
            json_answer("400 Bad Request", "{\"error\": \"bad\"}"),
            "Caddy at http://HERE refuses the configuration: bad",
        ),
        (
            answer("405 Method Not Allowed", "", "no"),
            "http://HERE answers 405 as Caddy does not: no",
        ),
        (
            answer("307 Temporary Redirect", "Location: /load\r\n", ""),
            "http://HERE answers 307 as Caddy does not: ",
        ),
        (
            json_answer("401 Unauthorized", "{\"error\": \"who?\"}"),
            "Caddy at http://HERE does not let skep in: who?",
        ),
    ];
    for (reaction, words) in cases {
        let script = Script::of(&[reaction, json_answer("200 OK", "{}")]).await;
        let error = script.admin.write(&before(), &wanted()).await.unwrap_err();
        assert_eq!(shown(&error), words);
        if let AdminError::Refused { needed, words, .. } = &error {
            assert_eq!(needed.is_some(), words.contains("unknown module"));
        }
        let seen = script.seen();
        assert_eq!(seen.len(), 1, "{words}");
        assert!(seen[0].starts_with("POST /config/ HTTP/1.1\r\n"), "{seen:?}");
        assert!(seen[0].contains("\r\nif-match: \"/config/ 7335\"\r\n"), "{seen:?}");
        assert!(seen[0].ends_with(&wanted().to_string()), "{seen:?}");
    }
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_looked_up() {
    let new = json_answer("200 OK", &wanted().to_string());
    let old = json_answer("200 OK", &before().config.to_string());
    let taken = answer("200 OK", "", "");

    let script = Script::of(&[Reaction::Cut, new.clone()]).await;
    script.admin.write(&before(), &wanted()).await.unwrap();

    for after in [old.clone(), Reaction::Cut] {
        let script = Script::of(&[Reaction::Cut, after.clone(), after.clone(), after]).await;
        let error = script.admin.write(&before(), &wanted()).await.unwrap_err();
        assert_eq!(shown(&error), "cannot write the configuration of Caddy at http://HERE");
        assert!(error.is_passing());
    }

    script_of_success(&[taken.clone(), new]).await;
    let script = Script::of(&[taken, old]).await;
    let error = script.admin.write(&before(), &wanted()).await.unwrap_err();
    assert!(matches!(error, AdminError::Lost { .. }), "{error}");
}

async fn script_of_success(reactions: &[Reaction]) {
    let script = Script::of(reactions).await;
    script.admin.write(&before(), &wanted()).await.unwrap();
    assert_eq!(script.seen().len(), reactions.len());
}

/// The clock of the test runs ahead whenever everybody waits.
#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up_in_time() {
    let script = Script::of(&[Reaction::Silence, Reaction::Silence]).await;
    let error = script.admin.read().await.unwrap_err();
    let AdminError::Unreachable { source, .. } = &error else { panic!("{error}") };
    assert!(source.is_timeout(), "{source:?}");
    assert!(error.is_passing());
}

#[tokio::test]
async fn an_origin_is_said_where_one_is_wanted_and_nowhere_else() {
    let wants = json_answer(
        "403 Forbidden",
        "{\"error\": \"client is not allowed to access from origin ''\"}",
    );
    let fine = json_answer("200 OK", "null");
    let script = Script::of(&[wants, fine.clone(), fine.clone()]).await;
    script.admin.read().await.unwrap();
    script.admin.read().await.unwrap();
    let says: Vec<bool> = script
        .seen()
        .iter()
        .map(|request| request.contains("\r\norigin: http://127.0.0.1:"))
        .collect();
    assert_eq!(says, [false, true, true]);

    let script = Script::of(&[fine]).await;
    script.admin.read().await.unwrap();
    assert!(!script.seen()[0].contains("origin"));
}
