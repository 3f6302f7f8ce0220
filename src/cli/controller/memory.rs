//! How the controller has its memory from the system.

/// Asks the system for no huge pages. They make a command that ends in a second a little quicker. In a process that rests
/// for months they keep whole megabytes for the few kilobytes of each that are still in use.
pub(in crate::cli) fn in_small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "memory may come in huge pages");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn no_huge_pages_are_asked_for() {
        in_small_pages();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let enabled = status.lines().find_map(|line| line.strip_prefix("THP_enabled:"));
        // Old kernels do not tell.
        assert!(enabled.is_none_or(|enabled| enabled.trim() == "0"), "{status}");
    }
}
