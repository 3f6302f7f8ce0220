//! The pictures of the documentation, taken when they are asked for: `SKEP_SCREENSHOTS=1`. With `SKEP_SCREENSHOTS=all`,
//! also those that only their makers look at, of every page in both themes and on three screens, in `target/pictures`.

use std::path::Path;

use crate::driver::{Driver, Theme};
use crate::reading::PAGES;
use crate::server::Server;
use crate::world;

#[tokio::test(flavor = "multi_thread")]
async fn the_pictures_of_the_documentation() {
    if std::env::var_os("SKEP_SCREENSHOTS").is_none() {
        return;
    }
    let driver = Driver::start().expect("chromedriver");
    let server = Server::of(world::report()).await;
    let take = async |file: &Path, path: &str, theme, screen| {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let browser = driver.browser(theme, screen).await;
        browser.open_live(&format!("http://{}{path}", server.address)).await;
        std::fs::write(file, browser.0.screenshot().await.unwrap()).unwrap();
        browser.0.close().await.unwrap();
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, path, theme, screen) in [
        ("overview", "/", Theme::Light, (1280, 1080)),
        ("overview-dark", "/", Theme::Dark, (1280, 1080)),
        ("overview-phone", "/", Theme::Light, (390, 844)),
        ("stack", "/stacks/shop", Theme::Light, (1280, 1080)),
        ("service", "/services/mail_relay", Theme::Dark, (1280, 900)),
        ("cluster", "/cluster", Theme::Light, (1280, 560)),
        ("routes", "/routes", Theme::Light, (1280, 820)),
    ] {
        take(&root.join(format!("docs/pictures/{name}.png")), path, theme, screen).await;
    }
    if std::env::var("SKEP_SCREENSHOTS").is_ok_and(|wanted| wanted == "all") {
        for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
            for screen in [(390, 1400), (820, 1400), (1440, 1400)] {
                for path in PAGES {
                    let page = path.replace('/', "-");
                    let file = format!("target/pictures/{}-{name}{page}.png", screen.0);
                    take(&root.join(file), path, theme, screen).await;
                }
            }
        }
    }
}
