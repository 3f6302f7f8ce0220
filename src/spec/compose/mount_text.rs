//! The short form of a mount: `data:/var/lib/data:ro`.

/// A parsed short form (docker/cli `internal/volumespec`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spec {
    /// Volume name or host path; empty for an anonymous volume.
    pub source: String,
    /// Path in the container.
    pub target: String,
    /// `ro`.
    pub read_only: bool,
    /// `nocopy`.
    pub no_copy: bool,
    /// Mount propagation, such as `rslave`.
    pub propagation: Option<String>,
    /// Options that docker ignores.
    pub unknown: Vec<String>,
}

/// Why a short form cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MountError {
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// Nothing between two colons.
    #[error("there is nothing between two colons")]
    EmptySection,
    /// More than source, target and options.
    #[error("it has too many colons")]
    TooManyColons,
}

/// The values of `bind.propagation` (moby `api/types/mount`).
pub const PROPAGATIONS: [&str; 6] = ["rprivate", "private", "rshared", "shared", "rslave", "slave"];

/// Reads a short form. A single letter before a colon is a Windows drive, as docker has it.
pub fn parse(text: &str) -> Result<Spec, MountError> {
    if text.is_empty() {
        return Err(MountError::Empty);
    }
    if text.len() <= 2 {
        return Ok(Spec { target: text.to_owned(), ..Spec::default() });
    }
    let sections = sections(text);
    if sections.iter().any(String::is_empty) {
        return Err(MountError::EmptySection);
    }
    let mut sections = sections.into_iter();
    let mut spec = Spec::default();
    match (sections.next(), sections.next(), sections.next(), sections.next()) {
        (Some(target), None, ..) => spec.target = target,
        (Some(source), Some(target), options, None) => {
            spec.source = source;
            spec.target = target;
            for option in options.iter().flat_map(|options| options.split(',')) {
                match option {
                    "ro" => spec.read_only = true,
                    "rw" => spec.read_only = false,
                    "nocopy" => spec.no_copy = true,
                    other if PROPAGATIONS.contains(&other) => {
                        spec.propagation = Some(other.to_owned());
                    }
                    other => spec.unknown.push(other.to_owned()),
                }
            }
        }
        _ => return Err(MountError::TooManyColons),
    }
    Ok(spec)
}

fn sections(text: &str) -> Vec<String> {
    let mut sections = vec![];
    let mut section = String::new();
    for c in text.chars() {
        let drive = section.chars().count() == 1 && section.starts_with(char::is_alphabetic);
        if c == ':' && !drive {
            sections.push(std::mem::take(&mut section));
        } else {
            section.push(c);
        }
    }
    sections.push(section);
    sections
}

/// Whether the source of a short form is a path on the host rather than the name of a volume.
pub fn is_path(source: &str) -> bool {
    if source.starts_with(['.', '/', '~']) || source.starts_with(r"\\") {
        return true;
    }
    let mut chars = source.chars();
    chars.next().is_some_and(char::is_alphabetic) && chars.next() == Some(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, String), MountError> {
        parse(text).map(|spec| (spec.source, spec.target))
    }

    #[test]
    fn short_forms_are_read_as_docker_reads_them() {
        let pair = |source: &str, target: &str| Ok((source.to_owned(), target.to_owned()));
        assert_eq!(read("/data"), pair("", "/data"));
        assert_eq!(read("data:/data"), pair("data", "/data"));
        assert_eq!(read("./conf:/etc/app:ro"), pair("./conf", "/etc/app"));
        assert_eq!(read(r"C:\data:D:\data"), pair(r"C:\data", r"D:\data"));
        assert_eq!(read("v:/x"), pair("", "v:/x"));
        assert_eq!(read("aa::b"), Err(MountError::EmptySection));
        assert_eq!(read("aa:bb:ro:cc"), Err(MountError::TooManyColons));
        assert_eq!(read(""), Err(MountError::Empty));
        let spec = parse("data:/data:ro,nocopy,rslave,z").unwrap();
        assert!(spec.read_only && spec.no_copy);
        assert_eq!(spec.propagation.as_deref(), Some("rslave"));
        assert_eq!(spec.unknown, ["z"]);
        assert!(is_path("~/x") && is_path(r"\\.\pipe\x") && is_path(r"C:\x") && !is_path("data"));
    }
}
