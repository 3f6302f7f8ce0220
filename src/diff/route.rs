//! Routes: compared field by field, as the proxy takes them apart.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::desired::FieldPath;

use super::difference::{FieldDiff, ObjectDiff};
use super::document::Impact;
use super::fields::format::Written;
use super::fields::shape::Secrecy;
use super::mask::Sensitivity;

/// What differs between the fields of a declared route and those of the live one, of which there may be none.
pub fn route(desired: &BTreeMap<String, String>, live: &BTreeMap<String, String>) -> ObjectDiff {
    let mut difference = ObjectDiff::default();
    let sensitivity = Sensitivity::default();
    let paths: BTreeSet<&String> = desired.keys().chain(live.keys()).collect();
    for path in paths {
        let (before, after) = (live.get(path), desired.get(path));
        if before == after {
            difference.unchanged += 1;
            continue;
        }
        let written = |value: Option<&String>| value.map(|value| Written::Text(value.clone()));
        // One of the parts is a name that somebody gave, such as that of a header: as a rule the last one.
        let name = path
            .split('.')
            .find(|part| sensitivity.is_sensitive(part))
            .or_else(|| path.rsplit('.').find(|part| part.parse::<usize>().is_err()));
        difference.fields.push(FieldDiff {
            path: FieldPath(path.clone()),
            impact: Impact::InPlace,
            secrecy: Secrecy::Named(name.unwrap_or(path).to_owned()),
            before: written(before),
            after: written(after),
        });
    }
    difference
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::mask::Masker;

    #[test]
    fn values_of_sensitive_names_are_masked_in_lists_headers_and_below_such_a_name() {
        for path in [
            "authentication.providers.http_basic.accounts.1.password",
            "headers.request.set.Authorization",
            "headers.2.response.add.Set-Cookie",
            "headers.request.set.X-Vault-Token",
            "headers.request.replace.Authorization.1.replace",
        ] {
            let fields = |secret: &str| {
                BTreeMap::from([
                    (path.to_owned(), secret.to_owned()),
                    ("to".to_owned(), "shop_web:80".to_owned()),
                ])
            };
            let difference = route(&fields("$2a$14$b"), &fields("$2a$14$a"));
            assert_eq!((difference.fields.len(), difference.unchanged), (1, 1));
            let mut masker = Masker::new(Sensitivity::default());
            let shown = difference.fields[0].change(&mut masker, None, None);
            let shown = serde_json::to_string(&shown).unwrap();
            assert!(shown.contains("sensitive") && !shown.contains("$2a"), "{shown}");
        }
    }
}
