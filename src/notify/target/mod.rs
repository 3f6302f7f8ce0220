//! Where messages go: one file for each kind of target, which knows its settings and what it is sent.

mod discord;
mod email;
mod ntfy;
mod slack;
mod template;
mod webhook;

use schemars::JsonSchema;

use crate::spec::decode::{Cursor, Decode, Fields, Report};

use super::delivery::Delivery;
use super::error::SendError;
use super::message::Message;
use super::wire::Wire;

pub use discord::Discord;
pub use email::{Email, Encryption};
pub use ntfy::Ntfy;
pub use slack::Slack;
pub use template::Template;
pub use webhook::Webhook;

/// The list of kinds: another one is a file and a line here.
macro_rules! targets {
    ($($(#[doc = $doc:literal])+ $variant:ident($settings:ident) = $key:ident;)+) => {
        /// The keys of all kinds of target.
        pub const KINDS: &[&str] = &[$(stringify!($key),)+];

        /// Where messages go.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Target {
            $($(#[doc = $doc])+ $variant($settings),)+
        }

        /// The kinds of target, for the schema: exactly one of them is given.
        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "it only describes the schema")]
        pub struct WrittenTarget {
            $($(#[doc = $doc])+ $key: Option<$settings>,)+
        }

        impl Target {
            /// Reads the one kind that `fields` have.
            pub fn decode(fields: &mut Fields<'_>, report: &mut Report) -> Option<Self> {
                let mut found: Vec<(Cursor<'_>, Option<Self>)> = Vec::new();
                $(if let Some(at) = fields.at(stringify!($key)) {
                    let settings = $settings::decode(&at, report).map(Self::$variant);
                    found.push((at, settings));
                })+
                let cursor = fields.cursor();
                match found.as_slice() {
                    [_] => {}
                    [] => {
                        let finding = cursor.error("missing-key", "says no kind of target");
                        report.push(finding.hint(format!("give it one of {}", KINDS.join(", "))));
                    }
                    [(first, _), (second, _), ..] => {
                        let finding = second.error("conflicting-keys", "is a second kind of one target");
                        report.push(finding.related(first.place().clone(), "the first one"));
                    }
                }
                found.into_iter().next()?.1
            }

            /// Delivers a message to those who do not have it yet; `delivery` is what became of it in tries before.
            ///
            /// # Errors
            /// When it is not delivered, with whether trying again may help.
            pub async fn send(
                &self,
                message: &Message,
                wire: &Wire,
                delivery: &mut Delivery,
            ) -> Result<(), SendError> {
                match self {
                    $(Self::$variant(target) => target.send(message, wire, delivery).await,)+
                }
            }
        }
    };
}

targets! {
    /// A program, which gets JSON or what a template says, signed.
    Webhook(Webhook) = webhook;
    /// Slack, Mattermost or Rocket.Chat, by an incoming webhook.
    Slack(Slack) = slack;
    /// Discord, by a webhook.
    Discord(Discord) = discord;
    /// Phones and desktops, through a server of ntfy.
    Ntfy(Ntfy) = ntfy;
    /// Mailboxes.
    Email(Email) = email;
}
