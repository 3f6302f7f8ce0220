//! The pictures of the documentation, taken when they are asked for: `SKEP_SCREENSHOTS=1`.

use std::path::Path;

use crate::driver::{Driver, Theme};
use crate::server::Server;
use crate::world;

#[tokio::test(flavor = "multi_thread")]
async fn the_pictures_of_the_documentation() {
    if std::env::var_os("SKEP_SCREENSHOTS").is_none() {
        return;
    }
    let driver = Driver::start().expect("chromedriver");
    let server = Server::of(world::report()).await;
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    std::fs::create_dir_all(&directory).unwrap();
    for (name, path, theme, screen) in [
        ("overview", "/", Theme::Light, (1280, 1080)),
        ("overview-dark", "/", Theme::Dark, (1280, 1080)),
        ("overview-phone", "/", Theme::Light, (390, 844)),
        ("stack", "/stacks/shop", Theme::Light, (1280, 1080)),
        ("service", "/services/mail_relay", Theme::Dark, (1280, 900)),
        ("cluster", "/cluster", Theme::Light, (1280, 560)),
    ] {
        let browser = driver.browser(theme, screen).await;
        browser.0.goto(&format!("http://{}{path}", server.address)).await.unwrap();
        browser.until("document.getElementById('live').textContent === 'Live'").await;
        let picture = browser.0.screenshot().await.unwrap();
        std::fs::write(directory.join(format!("{name}.png")), picture).unwrap();
        browser.0.close().await.unwrap();
    }
}
