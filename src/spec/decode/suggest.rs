//! "Did you mean": the nearest of the words that would have been right.

/// How many words are looked at: nobody has more, but a hostile file might.
const CANDIDATES: usize = 1000;

/// The one of `known` that `word` most likely stands for, if any is near enough.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    let word = plain(word);
    let near =
        |candidate: &&str| candidate.len().abs_diff(word.len()) <= candidate.len().min(word.len());
    known
        .into_iter()
        .take(CANDIDATES)
        .filter(near)
        .map(|candidate| (strsim::damerau_levenshtein(&word, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().min(word.len()) / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_different_word_is_not() {
        let known = ["image", "environment", "env_file", "tty", "ports"];
        assert_eq!(closest("imgae", known), Some("image"));
        assert_eq!(closest("enviroment", known), Some("environment"));
        assert_eq!(closest("envFile", known), Some("env_file"));
        assert_eq!(closest("port", known), Some("ports"));
        assert_eq!(closest("restart", known), None);
    }
}
