//! The forms in which a command writes its result.

/// Text for people or JSON for programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; `skep schema` prints its layout.
    Json,
}

/// A document as indented JSON.
pub(super) fn json(document: &impl serde::Serialize) -> Result<String, super::CommandError> {
    let text = serde_json::to_string_pretty(document);
    let text =
        text.map_err(|error| super::CommandError::failed(error).context("cannot write the JSON"))?;
    Ok(text + "\n")
}
