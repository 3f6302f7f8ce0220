//! Capabilities as docker sends them.

use std::collections::BTreeSet;

/// The capabilities to add and to drop (docker/cli `opts.EffectiveCapAddCapDrop`): upper-case with `CAP_`, sorted,
/// `ALL` swallows the others, and what is added is not dropped.
pub(super) fn effective(add: &[String], drop: &[String]) -> (Vec<String>, Vec<String>) {
    let add = normalised(add);
    let mut drop = normalised(drop);
    drop.retain(|capability| !add.contains(capability));
    (add.into_iter().collect(), drop.into_iter().collect())
}

fn normalised(capabilities: &[String]) -> BTreeSet<String> {
    let set: BTreeSet<String> = capabilities
        .iter()
        .map(|capability| {
            let name = capability.trim().to_uppercase();
            match name.as_str() {
                "ALL" | "RESET" => name,
                _ if name.starts_with("CAP_") => name,
                _ => format!("CAP_{name}"),
            }
        })
        .collect();
    if set.contains("ALL") { BTreeSet::from(["ALL".to_owned()]) } else { set }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_normalised_and_adding_wins() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (add, drop) = effective(
            &list(&["net_admin", "CAP_SYS_TIME"]),
            &list(&["NET_ADMIN", "kill", "CAP_KILL"]),
        );
        assert_eq!((add, drop), (list(&["CAP_NET_ADMIN", "CAP_SYS_TIME"]), list(&["CAP_KILL"])));
        assert_eq!(effective(&list(&["chown", "all"]), &[]), (list(&["ALL"]), vec![]));
    }
}
