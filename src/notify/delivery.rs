//! What became of a message so far, over all tries: a target may be several people, and each of them gets it once.

use std::collections::{BTreeMap, BTreeSet};

use super::error::SendError;

/// How many of those who were refused are named.
const NAMED: usize = 5;

/// What became of a message so far, over all tries.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Who has it.
    reached: BTreeSet<String>,
    /// Who will never get it, and why.
    refused: BTreeMap<String, String>,
}

/// Somebody for whom a message was not taken.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Whom it is for.
    pub(super) who: String,
    /// Why, in short.
    pub(super) words: String,
    /// Whether there is no use in trying again.
    pub(super) is_final: bool,
}

impl Delivery {
    /// Who of several will not get the message that others have, and why. `None` if all have it.
    pub fn refusals(&self) -> Option<String> {
        (!self.refused.is_empty()).then(|| listed(&self.refused))
    }

    /// Whether `who` has it, or never will.
    pub(super) fn is_settled(&self, who: &str) -> bool {
        self.reached.contains(who) || self.refused.contains_key(who)
    }

    /// Takes note of a try for all of `tried`, which was not taken for some, and says how it ended: nobody goes without
    /// because of the address of somebody else.
    ///
    /// # Errors
    /// When somebody may get it later, or nobody has it.
    pub(super) fn note(
        &mut self,
        tried: Vec<String>,
        refusals: Vec<Refusal>,
    ) -> Result<(), SendError> {
        let mut waiting = BTreeMap::new();
        for Refusal { who, words, is_final } in refusals {
            let those = if is_final { &mut self.refused } else { &mut waiting };
            those.insert(who, words);
        }
        let refused = &self.refused;
        let is_reached = |who: &String| !waiting.contains_key(who) && !refused.contains_key(who);
        self.reached.extend(tried.into_iter().filter(is_reached));
        if !waiting.is_empty() {
            waiting.extend(self.refused.clone());
            return Err(SendError::Busy { after: None, words: listed(&waiting) });
        }
        if self.reached.is_empty() {
            return Err(SendError::Refused { words: listed(&self.refused) });
        }
        Ok(())
    }
}

/// Who, and why: `ann@example.com (no such mailbox), bob@example.com (full) and 3 more`.
fn listed(people: &BTreeMap<String, String>) -> String {
    let named = people.iter().take(NAMED).map(|(who, words)| format!("{who} ({words})"));
    let named = named.collect::<Vec<_>>().join(", ");
    match people.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(who: &str, is_final: bool) -> Refusal {
        Refusal { who: who.to_owned(), words: "no".to_owned(), is_final }
    }

    #[test]
    fn each_of_several_people_is_tried_until_they_have_it_or_never_will() {
        let all = || ["ann", "bob", "eve"].map(str::to_owned).to_vec();
        let mut delivery = Delivery::default();
        let ended = delivery.note(all(), vec![refusal("ann", true), refusal("bob", false)]);
        assert_eq!(ended.unwrap_err().to_string(), "the target has no time: ann (no), bob (no)");
        let settled = ["ann", "bob", "eve"].map(|who| delivery.is_settled(who));
        assert_eq!(settled, [true, false, true]);
        assert!(delivery.note(vec!["bob".to_owned()], Vec::new()).is_ok());
        assert_eq!(delivery.refusals().as_deref(), Some("ann (no)"));
        // Of one whom everybody refuses, that is how it ended.
        let mut delivery = Delivery::default();
        let many: Vec<String> = (0..7).map(|number| format!("p{number}")).collect();
        let refused = many.iter().map(|who| refusal(who, true)).collect();
        let ended = delivery.note(many, refused).unwrap_err();
        assert!(!ended.may_pass() && ended.to_string().ends_with("p4 (no) and 2 more"), "{ended}");
    }
}
