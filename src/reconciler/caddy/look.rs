//! Looks at the proxy once in a pass, and leaves one that does not answer alone for a while.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::model::error::chain;
use crate::proxy::AdminReader;

use super::aim::{ProxyAddress, ProxyAim};
use super::sight::Sight;

/// How long an answer may take: services wait for it in every pass.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one that let that time pass is not asked again.
const REST: Duration = Duration::from_secs(30);

/// Reads proxies. It has no way to write.
#[derive(Debug, Default)]
pub struct ProxyReader {
    known: Mutex<Option<Known>>,
}

/// The proxy that was last read.
#[derive(Debug)]
struct Known {
    address: ProxyAddress,
    admin: AdminReader,
    /// Why it could not be read, if it could not, and since when.
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Trouble {
    reason: String,
    /// Until when it is not asked again.
    until: Instant,
}

impl ProxyReader {
    /// What there is to see of the proxy.
    pub async fn look(&self, aim: Option<&ProxyAim>) -> Sight {
        let Some(ProxyAim { address, rules: _ }) = aim else { return Sight::Nowhere };
        let mut known = self.known.lock().await;
        let fitting = known.take().filter(|known| known.address == *address);
        let mut current = match fitting {
            Some(current) => current,
            None => match address.admin() {
                Ok(admin) => Known {
                    address: address.clone(),
                    admin: AdminReader::new(admin),
                    trouble: None,
                },
                Err(error) => return Sight::Lost(chain(&error)),
            },
        };
        let sight = current.look().await;
        *known = Some(current);
        sight
    }
}

impl Known {
    async fn look(&mut self) -> Sight {
        if let Some(trouble) = &self.trouble
            && Instant::now() < trouble.until
        {
            return Sight::Lost(trouble.reason.clone());
        }
        let (reason, rest) = match timeout(PATIENCE, self.admin.read()).await {
            Ok(Ok(live)) => {
                self.trouble = None;
                return Sight::Seen(Arc::new(live));
            }
            Ok(Err(error)) => {
                let rest = if error.is_timeout() { REST } else { Duration::ZERO };
                (chain(&error), rest)
            }
            Err(_) => {
                let endpoint = &self.address.endpoint;
                let seconds = PATIENCE.as_secs();
                (format!("Caddy at {endpoint} did not answer within {seconds} s"), REST)
            }
        };
        self.trouble = Some(Trouble { reason: reason.clone(), until: Instant::now() + rest });
        Sight::Lost(reason)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::proxy::Endpoint;
    use crate::reconciler::caddy::ProxyRules;

    #[tokio::test(start_paused = true)]
    async fn one_whose_connection_takes_too_long_is_left_alone_for_a_while() {
        // The kernel takes the connection, and nobody ever says a word of TLS.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let endpoint = Endpoint::parse(&address).unwrap();
        let address = ProxyAddress { endpoint, identity: None, authority: None, entry: None };
        let aim = ProxyAim { address, rules: ProxyRules::default() };
        let reader = ProxyReader::default();
        let begin = Instant::now();
        assert!(matches!(reader.look(Some(&aim)).await, Sight::Lost(_)));
        assert!(begin.elapsed() < PATIENCE, "it is the connection that took too long");
        let begin = Instant::now();
        assert!(matches!(reader.look(Some(&aim)).await, Sight::Lost(_)));
        assert_eq!(begin.elapsed(), Duration::ZERO);
        tokio::time::advance(REST).await;
        let begin = Instant::now();
        assert!(matches!(reader.look(Some(&aim)).await, Sight::Lost(_)));
        assert!(begin.elapsed() > Duration::ZERO, "it is asked again");
    }
}
