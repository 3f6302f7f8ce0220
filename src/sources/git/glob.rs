//! Patterns with `*` and `?`, as OpenSSH's lists have them.

/// Whether a name fits a pattern, in time that is at worst their lengths multiplied.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last `*` stands, and how much of the name it has taken.
    let mut star = None;
    while let Some(c) = name.get(n) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == c => {
                p += 1;
                n += 1;
            }
            Some(_) | None => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|c| *c == '*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_anything() {
        for pattern in ["git", "*", "g*t", "g??", "*git*", "g*i*t", "**"] {
            assert!(matches(pattern, "git"), "{pattern}");
        }
        for pattern in ["gi", "git?", "g", "t*", "", "*x*"] {
            assert!(!matches(pattern, "git"), "{pattern}");
        }
        assert!(!matches(&"*a".repeat(50), &"a".repeat(10)));
    }
}
