//! Credential helpers: programs that the operator's docker configuration names, asked as docker asks them
//! (docker/docker-credential-helpers, `client/client.go`).

use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use super::error::CredentialsError;
use super::login::{Login, Proof};
use crate::model::secret::Redacted;

/// How long a helper may take: time enough for a cloud's token, too short to wait for ever for a locked keychain.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much of an answer is read.
const LIMIT: u64 = 64 * 1024;
/// What a helper says on standard output, as it fails, when it has nothing (docker-credential-helpers,
/// `credentials/error.go`).
const NOT_FOUND: &[u8] = b"credentials not found in native keychain";
/// The user name that says that the secret is an identity token (docker/cli, `cli/config/credentials/native_store.go`).
const TOKEN: &str = "<token>";

/// What `docker-credential-HELPER` has for `server`.
pub(super) async fn ask(helper: &str, server: &str) -> Result<Option<Login>, CredentialsError> {
    ask_within(PATIENCE, helper, server).await
}

async fn ask_within(
    patience: Duration,
    helper: &str,
    server: &str,
) -> Result<Option<Login>, CredentialsError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if helper.is_empty() || !helper.chars().all(plain) {
        return Err(CredentialsError::HelperName(helper.to_owned()));
    }
    let answer = timeout(patience, run(helper, server)).await;
    let (status, answer) = answer
        .map_err(|_| CredentialsError::Slow { helper: helper.to_owned(), after: patience })?
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => CredentialsError::NoHelper(helper.to_owned()),
            _ => CredentialsError::Run { helper: helper.to_owned(), source: Arc::new(error) },
        })?;
    if !status.success() {
        return if answer.expose().trim_ascii() == NOT_FOUND {
            Ok(None)
        } else {
            Err(CredentialsError::Failed { helper: helper.to_owned(), status })
        };
    }
    read(answer.expose(), server)
        .map(Some)
        .ok_or_else(|| CredentialsError::Answer(helper.to_owned()))
}

async fn run(
    helper: &str,
    server: &str,
) -> io::Result<(std::process::ExitStatus, Redacted<Vec<u8>>)> {
    let mut child = Command::new(format!("docker-credential-{helper}"))
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that knows its answer without the question has closed its end.
        drop(stdin.write_all(server.as_bytes()).await);
    }
    let mut answer = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LIMIT).read_to_end(&mut answer).await?;
    }
    Ok((child.wait().await?, Redacted::new(answer)))
}

fn read(answer: &[u8], server: &str) -> Option<Login> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let username = answer.get("Username")?.as_str()?.to_owned();
    let secret = Redacted::new(answer.get("Secret")?.as_str()?.to_owned());
    let proof = if username == TOKEN {
        Proof::IdentityToken(secret)
    } else {
        Proof::Password { username, password: secret }
    };
    Some(Login { server: server.to_owned(), proof })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_password_or_a_token() {
        let password = read(br#"{"ServerURL":"x","Username":"me","Secret":"pw"}"#, "r").unwrap();
        assert!(matches!(password.proof, Proof::Password { ref username, .. } if username == "me"));
        let token = read(br#"{"Username":"<token>","Secret":"t"}"#, "r").unwrap();
        assert_eq!(token.proof, Proof::IdentityToken(Redacted::new("t".into())));
        assert_eq!(read(b"hunter2", "r"), None);
    }

    #[tokio::test]
    async fn a_helper_is_a_plain_name_of_a_program_that_exists() {
        let error = ask("../evil", "r").await.unwrap_err();
        assert!(matches!(error, CredentialsError::HelperName(_)), "{error}");
        let error = ask("no-such-helper", "r").await.unwrap_err();
        assert_eq!(error.to_string(), "docker-credential-no-such-helper is not installed");
    }
}
