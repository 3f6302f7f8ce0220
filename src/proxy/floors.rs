//! What a running Caddy knows.

/// What a running Caddy knows, as far as it differs between versions from 2.6 on.
///
/// The admin API does not tell the version. How it hands out `ETag` does: a header since 2.8, a trailer before
/// (caddyserver/caddy#6208).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// `log_append`, and whatever else 2.8 has: `client_ip`, `trusted_proxies`, `stream_close_delay` (2.7).
    pub is_modern: bool,
}

impl Features {
    /// Caddy 2.8 and newer.
    pub const MODERN: Self = Self { is_modern: true };
    /// Caddy 2.6 and 2.7.
    pub const OLD: Self = Self { is_modern: false };
}

/// The modules and fields that not every Caddy has, by the words with which one refuses them.
const FLOORS: [(&str, &str); 7] = [
    ("http.handlers.log_append", "Caddy 2.8 or newer"),
    ("stream_close_delay", "Caddy 2.7 or newer"),
    ("stream_timeout", "Caddy 2.7 or newer"),
    ("http.matchers.client_ip", "Caddy 2.7 or newer"),
    ("trusted_proxies", "Caddy 2.7 or newer"),
    ("dns.providers.", "a Caddy that was built with this DNS provider"),
    ("unknown module:", "a Caddy that was built with this module"),
];

/// What a configuration needs that Caddy refused with `words`, if that was the reason.
pub(super) fn needed(words: &str) -> Option<&'static str> {
    let is_floor = words.contains("unknown module") || words.contains("unknown field");
    let floor = FLOORS.iter().find(|(part, _)| words.contains(part));
    floor.filter(|_| is_floor).map(|(_, needed)| *needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_version_or_module_that_is_needed() {
        // As 2.6.2 words it.
        let words = "loading new config: loading http app module: provision http: server s: setting up route handlers: route 0: loading handler modules: position 0: loading module 'log_append': unknown module: http.handlers.log_append";
        assert_eq!(needed(words), Some("Caddy 2.8 or newer"));
        let words = "decoding module config: http.handlers.reverse_proxy: json: unknown field \"stream_close_delay\"";
        assert_eq!(needed(words), Some("Caddy 2.7 or newer"));
        assert!(needed("unknown module: http.handlers.replace").unwrap().contains("this module"));
        assert_eq!(needed("listening on :80: bind: address already in use"), None);
    }
}
