//! A text as every short form: ports, mounts, images, durations, sizes, shares of processors, command lines.

use skep::spec::compose::{cpus, duration, mount_text, port_text, size, words};
use skep::spec::decode::parse_bool;
use skep::spec::image::Reference;

pub(crate) fn read(text: &str) {
    if let Ok(ports) = port_text::parse(text) {
        let last =
            ports.published.map_or(ports.target.last, |range| range.last.max(ports.target.last));
        assert!(last <= 65_535 && ports.count() <= 65_536);
    }
    if let Ok(mount) = mount_text::parse(text) {
        assert!(!mount.target.is_empty());
        let _ = mount_text::is_path(&mount.source);
    }
    if let Ok(reference) = Reference::parse(text) {
        let shown = reference.clone().tagged().to_string();
        let again = Reference::parse(&shown).expect("what is shown can be read");
        assert_eq!(again, reference.tagged());
    }
    if let Ok(words) = words::split(text) {
        assert!(words.iter().map(String::len).sum::<usize>() <= text.len());
    }
    assert!(size::parse(text).is_none_or(|bytes| bytes >= 0));
    let _ = (duration::parse(text), cpus::parse(text), parse_bool(text));
}
