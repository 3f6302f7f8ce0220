//! Which values the Engine leaves out of its answers, so that both sides of a comparison leave them out.

/// Whether a value is the zero of its type, which Go's `omitempty` drops.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
