//! Image references: `registry.example.com:5000/team/app:1.2@sha256:…`.

use std::fmt;

/// A reference to an image, taken apart (grammar: distribution/reference).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The registry; `docker.io` unless the reference names one.
    pub domain: String,
    /// The path in the registry, with `library/` where docker leaves it out.
    pub path: String,
    /// The tag.
    pub tag: Option<String>,
    /// The digest, with its algorithm.
    pub digest: Option<String>,
}

/// Why a text is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// Capital letters in the path.
    #[error("the name must be lowercase")]
    Uppercase,
    /// Something else in the name.
    #[error("\"{0}\" is no name of an image")]
    Name(String),
    /// No registry.
    #[error("\"{0}\" is no host name")]
    Domain(String),
    /// No tag.
    #[error("\"{0}\" is no tag")]
    Tag(String),
    /// No digest.
    #[error("\"{0}\" is no digest")]
    Digest(String),
    /// Too long.
    #[error("the name is longer than 255 characters")]
    TooLong,
}

impl ImageError {
    /// The same without the text.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Empty => "it is empty",
            Self::Uppercase => "the name must be lowercase",
            Self::Name(_) => "its name is not that of an image",
            Self::Domain(_) => "its registry is no host name",
            Self::Tag(_) => "its tag is not allowed",
            Self::Digest(_) => "its digest is not allowed",
            Self::TooLong => "the name is longer than 255 characters",
        }
    }
}

const HUB: &str = "docker.io";
const OFFICIAL: &str = "library/";

impl Reference {
    /// Reads a reference as docker does.
    ///
    /// # Errors
    /// See [`ImageError`].
    pub fn parse(text: &str) -> Result<Self, ImageError> {
        if text.is_empty() {
            return Err(ImageError::Empty);
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let (domain, rest) = match rest.split_once('/') {
            Some((first, rest)) if is_host(first) => (first, rest),
            _ => (HUB, rest),
        };
        let domain = if domain == "index.docker.io" { HUB } else { domain };
        let (name, tag) = match rest.split_once(':') {
            Some((name, tag)) => (name, Some(tag)),
            None => (rest, None),
        };
        if !is_domain(domain) {
            return Err(ImageError::Domain(domain.to_owned()));
        }
        check_name(name)?;
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(ImageError::Tag(tag.to_owned()));
        }
        if let Some(digest) = digest.filter(|digest| !is_digest(digest)) {
            return Err(ImageError::Digest(digest.to_owned()));
        }
        let official = domain == HUB && !name.contains('/');
        let path = if official { format!("{OFFICIAL}{name}") } else { name.to_owned() };
        if domain.len() + 1 + path.len() > 255 {
            return Err(ImageError::TooLong);
        }
        Ok(Self {
            domain: domain.to_owned(),
            path,
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }

    /// The same image, tagged `latest` if neither tag nor digest says which.
    #[must_use]
    pub fn tagged(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some("latest".to_owned());
        }
        self
    }
}

/// As docker shows it: without `docker.io/` and `library/`.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domain, path, tag, digest } = self;
        if domain == HUB {
            f.write_str(path.strip_prefix(OFFICIAL).unwrap_or(path))?;
        } else {
            write!(f, "{domain}/{path}")?;
        }
        if let Some(tag) = tag {
            write!(f, ":{tag}")?;
        }
        digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

/// Whether the part before the first slash is a registry and not part of the path.
fn is_host(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost" || first.chars().any(char::is_uppercase)
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            if !address.chars().all(|c| c.is_ascii_hexdigit() || c == ':') {
                return false;
            }
            ("localhost", port.strip_prefix(':').or_else(|| (!port.is_empty()).then_some("")))
        }
        None => match domain.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (domain, None),
        },
    };
    let label = |label: &str| {
        label.starts_with(|c: char| c.is_ascii_alphanumeric())
            && label.ends_with(|c: char| c.is_ascii_alphanumeric())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    host.split('.').all(label)
        && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit()))
}

fn check_name(name: &str) -> Result<(), ImageError> {
    if name.chars().any(|c| c.is_ascii_uppercase()) {
        return Err(ImageError::Uppercase);
    }
    let is_identifier = name.len() == 64 && name.bytes().all(|c| c.is_ascii_hexdigit());
    if is_identifier || !name.split('/').all(is_component) {
        return Err(ImageError::Name(name.to_owned()));
    }
    Ok(())
}

/// Lowercase letters and digits, in between one dot, one or two underscores, or any number of dashes.
fn is_component(component: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut separator = String::new();
    for c in component.chars() {
        match c {
            '.' | '_' | '-' => separator.push(c),
            c if plain(c) => {
                let dashes = !separator.is_empty() && separator.chars().all(|c| c == '-');
                if !(dashes || matches!(separator.as_str(), "" | "." | "_" | "__")) {
                    return false;
                }
                separator.clear();
            }
            _ => return false,
        }
    }
    component.starts_with(plain) && separator.is_empty()
}

fn is_tag(tag: &str) -> bool {
    tag.len() <= 128
        && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == length && hex.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_shown_as_docker_does() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let cases = [
            ("nginx", "nginx:latest".to_owned()),
            ("docker.io/library/nginx:1", "nginx:1".to_owned()),
            ("index.docker.io/a/b", "a/b:latest".to_owned()),
            ("localhost/x", "localhost/x:latest".to_owned()),
            ("localhost:5000/x/y:1.2", "localhost:5000/x/y:1.2".to_owned()),
            ("[::1]:5000/x", "[::1]:5000/x:latest".to_owned()),
            ("REG/x", "REG/x:latest".to_owned()),
            ("a__b/c-_d", String::new()),
            ("a__b/c--d", "a__b/c--d:latest".to_owned()),
            (&format!("nginx@{digest}"), format!("nginx@{digest}")),
            (&format!("ghcr.io/a/b:1@{digest}"), format!("ghcr.io/a/b:1@{digest}")),
        ];
        for (text, shown) in cases {
            let reference = Reference::parse(text).map(|reference| reference.tagged().to_string());
            assert_eq!(reference.unwrap_or_default(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_with_the_reason() {
        assert_eq!(Reference::parse(""), Err(ImageError::Empty));
        assert_eq!(Reference::parse("Nginx"), Err(ImageError::Uppercase));
        assert_eq!(Reference::parse("nginx:"), Err(ImageError::Tag(String::new())));
        assert_eq!(Reference::parse("a b"), Err(ImageError::Name("a b".to_owned())));
        assert_eq!(
            Reference::parse("x@sha256:12"),
            Err(ImageError::Digest("sha256:12".to_owned()))
        );
        assert_eq!(Reference::parse("a//b"), Err(ImageError::Name("a//b".to_owned())));
        assert!(Reference::parse(&"0".repeat(64)).is_err());
        assert!(Reference::parse(&"a/".repeat(200)).is_err());
    }
}
