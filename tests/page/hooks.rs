//! Webhooks: only who knows the secret may say that there is something new.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use skep::http::{Access, Hook, Hooks};
use skep::model::secret::Redacted;

use crate::server::Server;
use crate::world;

fn signature(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").unwrap();
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

#[tokio::test]
async fn a_hook_wants_a_signature_of_exactly_what_is_sent() {
    let knocks = Arc::new(AtomicUsize::new(0));
    let knocked = Arc::clone(&knocks);
    let knock = Box::new(move || {
        knocked.fetch_add(1, Ordering::Relaxed);
    });
    let hook = Hook { secret: Redacted::new(b"secret".to_vec()), knock };
    let hooks = Hooks::from([("main".to_owned(), hook)]);
    // Servers know no token of ours.
    let access = Access { token: Some(Redacted::new("token".to_owned())), ..Access::default() };
    let server = Server::start(world::report(), access, hooks).await;
    let body = b"{\"ref\":\"refs/heads/main\"}";
    let good = signature(body);
    for header in [
        format!("x-hub-signature-256: sha256={good}\r\n"),
        format!("x-gitea-signature: {good}\r\n"),
        format!("x-forgejo-signature: {good}\r\n"),
        "x-gitlab-token: secret\r\n".to_owned(),
    ] {
        let before = knocks.load(Ordering::Relaxed);
        let answer = server.ask("POST", "/hooks/main", &header, body).await;
        assert_eq!(answer.status, 202, "{header}: {}", answer.body);
        assert_eq!(knocks.load(Ordering::Relaxed), before + 1, "{header}");
    }
    let before = knocks.load(Ordering::Relaxed);
    for header in [
        String::new(),
        format!("x-hub-signature-256: {good}\r\n"),
        format!("x-hub-signature-256: sha256={}\r\n", signature(b"other")),
        "x-gitea-signature: zz\r\n".to_owned(),
        format!("x-gitea-signature: {}\r\n", &good[..62]),
        "x-gitlab-token: secre\r\n".to_owned(),
        "x-gitlab-token:\r\n".to_owned(),
    ] {
        let answer = server.ask("POST", "/hooks/main", &header, body).await;
        assert_eq!(answer.status, 401, "{header}: {}", answer.body);
    }
    let signed = format!("x-hub-signature-256: sha256={good}\r\n");
    for (method, path) in
        [("POST", "/hooks/other"), ("POST", "/hooks/"), ("PUT", "/hooks/main"), ("POST", "/")]
    {
        let answer = server.ask(method, path, &signed, body).await;
        assert_eq!(answer.status, 405, "{method} {path}");
    }
    let long = vec![b' '; 26 * 1024 * 1024];
    let answer = server.ask("POST", "/hooks/main", &signed, &long).await;
    assert!([401, 413].contains(&answer.status), "{}", answer.head);
    assert_eq!(knocks.load(Ordering::Relaxed), before);
}
