//! Whose a live object is, told from its labels alone.

use crate::model::key::ObjectKey;
use crate::model::labels::{self, Labels};
use crate::model::name::{FleetName, StackName};

/// Whose a live object is, as seen by one stack of one fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// This stack's: fleet, stack and object are named on it.
    Ours,
    /// Nobody's, with the stack's namespace label: made by `docker stack deploy`.
    Unowned,
    /// Somebody else's; the text says whose.
    Foreign(String),
}

/// Whose the object `key` with `labels` is, for `stack` of `fleet`.
pub fn owner(key: &ObjectKey, labels: &Labels, stack: &StackName, fleet: &FleetName) -> Owner {
    let label = |name: &str| labels.get(name).map(String::as_str);
    let namespace = label(labels::NAMESPACE);
    match (label(labels::FLEET), label(labels::STACK)) {
        (Some(owner), _) if owner != fleet.as_str() => {
            Owner::Foreign(format!("it belongs to fleet \"{owner}\""))
        }
        (Some(_), Some(owner)) if owner == stack.as_str() => {
            if label(labels::OBJECT) == Some(key.to_string().as_str()) {
                Owner::Ours
            } else {
                // Labels were copied from another object together with its spec.
                Owner::Unowned
            }
        }
        (Some(_), Some(owner)) => Owner::Foreign(format!("it belongs to stack \"{owner}\"")),
        (Some(_), None) | (None, _) => match namespace {
            Some(namespace) if namespace == stack.as_str() => Owner::Unowned,
            Some(namespace) => Owner::Foreign(format!("it belongs to stack \"{namespace}\"")),
            None => Owner::Foreign("no label says that it belongs to a stack".to_owned()),
        },
    }
}

/// The stack of `fleet` that a live object names as its owner, if the labels are its own and not copied.
pub fn owning_stack(key: &ObjectKey, labels: &Labels, fleet: &FleetName) -> Option<StackName> {
    let own = labels.get(labels::FLEET).is_some_and(|owner| owner == fleet.as_str())
        && labels.get(labels::OBJECT).is_some_and(|object| *object == key.to_string());
    if own { labels.get(labels::STACK)?.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::Kind;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn only_matching_fleet_stack_and_object_make_it_ours() {
        let key = ObjectKey::new(Kind::Service, "shop_web");
        let (stack, fleet) = ("shop".parse().unwrap(), "default".parse().unwrap());
        let whose = |pairs: &[(&str, &str)]| owner(&key, &labels(pairs), &stack, &fleet);
        let ours = [
            (labels::FLEET, "default"),
            (labels::STACK, "shop"),
            (labels::OBJECT, "service shop_web"),
            (labels::NAMESPACE, "shop"),
        ];
        assert_eq!(whose(&ours), Owner::Ours);
        assert_eq!(whose(&[(labels::NAMESPACE, "shop")]), Owner::Unowned);
        assert!(matches!(whose(&[]), Owner::Foreign(_)));
        assert!(matches!(whose(&[(labels::NAMESPACE, "other")]), Owner::Foreign(_)));
        let mut copied = ours;
        copied[2].1 = "service shop_api";
        assert_eq!(whose(&copied), Owner::Unowned);
        let mut other_fleet = ours;
        other_fleet[0].1 = "staging";
        assert!(matches!(whose(&other_fleet), Owner::Foreign(_)));
        let mut other_stack = ours;
        other_stack[1].1 = "blog";
        assert!(matches!(whose(&other_stack), Owner::Foreign(_)));
    }
}
