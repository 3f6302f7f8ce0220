//! The admin API for those who may only read it.

use super::admin::Admin;
use super::error::AdminError;
use super::live::Live;

/// Caddy's admin API without its writes.
#[derive(Debug, Clone)]
pub struct AdminReader(Admin);

impl AdminReader {
    /// What reads through `admin` and does nothing else with it.
    pub const fn new(admin: Admin) -> Self {
        Self(admin)
    }

    /// The whole configuration.
    ///
    /// # Errors
    /// As [`Admin::read`].
    pub async fn read(&self) -> Result<Live, AdminError> {
        self.0.read().await
    }
}
