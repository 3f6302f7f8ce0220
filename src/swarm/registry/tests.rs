//! Which credentials go with which image.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Value, json};

use super::*;

fn decoded(header: &HeaderValue) -> Value {
    serde_json::from_slice(&URL_SAFE.decode(header.as_bytes()).unwrap()).unwrap()
}

fn settings(host: &str, file: &Path, confined_to: Option<&Path>) -> Registry {
    Registry {
        host: host.into(),
        identity: RegistryIdentity::Password { username: "robot".into(), file: file.to_owned() },
        confined_to: confined_to.map(Path::to_owned),
    }
}

#[tokio::test]
async fn credentials_follow_the_registry_of_the_image() {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({"auths": {
        "https://index.docker.io/v1/": {"auth": "aHViOnB3"},
        "reg.example:5000": {"auth": "bWU6cD8+fg=="},
    }, "credHelpers": {"broken.example": "no-such-helper"}});
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let credentials = Credentials::new(Some(folder.path().to_owned()), Vec::new());

    let hub = credentials.header("nginx:1").await.unwrap();
    assert_eq!(decoded(&hub), json!({"username": "hub", "password": "pw", "serveraddress": HUB}));
    let own = credentials.header("reg.example:5000/a/b").await.unwrap();
    assert_eq!(decoded(&own)["password"], "p?>~");
    assert_eq!(credentials.header("other.example/a").await, None);
    assert_eq!(credentials.header("broken.example/a").await, None);
    let error = credentials.find("broken.example/a").await.unwrap_err();
    assert_eq!(error.to_string(), "docker-credential-no-such-helper is not installed");

    let moved = credentials.header_for_move("reg.example:5000/a", "other.example/a").await;
    assert_eq!(moved.as_ref().map(decoded), Some(json!({})));
    assert_eq!(credentials.header_for_move("other.example/a:1", "other.example/a:2").await, None);
}

#[tokio::test]
async fn the_settings_go_before_docker_and_are_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let auths = json!({"auths": {"reg.example": {"auth": "bWU6cHc="}}});
    fs::write(folder.path().join("config.json"), auths.to_string()).unwrap();
    let file = folder.path().join("password");
    fs::write(&file, "first\n").unwrap();
    let registries = vec![settings("reg.example", &file, None), settings("docker.io", &file, None)];
    let credentials = Credentials::new(Some(folder.path().to_owned()), registries);
    let own = credentials.header("reg.example/a").await.unwrap();
    assert_eq!(
        decoded(&own),
        json!({"username": "robot", "password": "first", "serveraddress": "reg.example"})
    );
    fs::write(&file, "second\r\n").unwrap();
    let own = credentials.header("reg.example/a").await.unwrap();
    assert_eq!(decoded(&own)["password"], "second");
    assert_eq!(decoded(&credentials.header("nginx").await.unwrap())["serveraddress"], HUB);
    assert!(credentials.lasting("reg.example/a").unwrap().is_some());
    fs::write(&file, "\n").unwrap();
    assert!(matches!(credentials.lasting("reg.example/a"), Err(CredentialsError::NoSecret(_))));
    fs::remove_file(&file).unwrap();
    assert!(matches!(credentials.lasting("reg.example/a"), Err(CredentialsError::Read { .. })));
}

#[test]
fn settings_that_came_with_the_stacks_name_no_files_elsewhere() {
    let (stacks, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let own = elsewhere.path().join("id_rsa");
    fs::write(&own, "key").unwrap();
    let link = stacks.path().join("link");
    std::os::unix::fs::symlink(&own, &link).unwrap();
    fs::write(stacks.path().join("inside"), "pw").unwrap();
    let up = stacks.path().join("../").join(elsewhere.path().file_name().unwrap()).join("id_rsa");
    for (file, is_read) in
        [(own, false), (link, false), (up, false), (stacks.path().join("inside"), true)]
    {
        let registry = settings("evil.example", &file, Some(stacks.path()));
        let found = Credentials::new(None, vec![registry]).lasting("evil.example/a");
        match found {
            Ok(login) => assert!(is_read && login.is_some(), "{file:?}"),
            Err(error) => {
                assert!(!is_read && matches!(error, CredentialsError::Outside { .. }), "{error}");
            }
        }
    }
}
