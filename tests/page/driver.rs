//! A real Chromium without a window, as `chromedriver` starts it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// How long a page may take to become what is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A theme that a system may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    Light,
    Dark,
}

/// A driver, which ends with the test.
pub(crate) struct Driver {
    process: Child,
    url: String,
}

impl Driver {
    /// `None` where there is no driver; the tests are passed over then, as `scripts/test` says.
    pub(crate) fn start() -> Option<Self> {
        let spawned = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).spawn();
        let Ok(mut process) = spawned else {
            let words = "there is no chromedriver; nothing was looked at in a browser";
            let _ = writeln!(std::io::stderr(), "{words}");
            return None;
        };
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        Some(Self { url: format!("http://127.0.0.1:{}", port.unwrap()), process })
    }

    /// A browser with a screen of this size.
    pub(crate) async fn browser(&self, theme: Theme, (width, height): (u32, u32)) -> Browser {
        let scheme = u8::from(theme == Theme::Light);
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--window-size={},{height}", width.max(500)),
            format!("--blink-settings=preferredColorScheme={scheme}"),
        ];
        let mut options = json!({ "args": arguments });
        if width < 500 {
            // Windows are not narrower than that.
            let metrics = json!({ "width": width, "height": height, "pixelRatio": 1.0 });
            options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
        }
        let wanted = json!({
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let Value::Object(wanted) = wanted else { unreachable!() };
        let wanted: Capabilities = wanted;
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted)
            .connect(&self.url)
            .await
            .unwrap();
        Browser(client)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A browser.
pub(crate) struct Browser(pub(crate) Client);

impl Browser {
    /// Opens a page and waits until news reach it.
    pub(crate) async fn open_live(&self, url: &str) {
        self.0.goto(url).await.unwrap();
        self.until("document.getElementById('live').textContent === 'Live'").await;
    }

    /// What a function without arguments returns there.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.0.execute(script, Vec::new()).await.unwrap()
    }

    /// Waits until an expression is true.
    pub(crate) async fn until(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.run(&format!("return !!({expression})")).await != Value::Bool(true) {
            assert!(Instant::now() < deadline, "it never came to `{expression}`");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// What was written to the console since the last call, violations of the policy among it.
    pub(crate) async fn console(&self) -> Vec<String> {
        let lines = self.0.issue_cmd(ConsoleLog).await.unwrap();
        let lines = lines.as_array().cloned().unwrap_or_default();
        lines.iter().map(|line| line["message"].to_string()).collect()
    }
}

/// The log of the browser's console, which chromedriver gives away.
#[derive(Debug)]
struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}
