//! Stand-in until the real module lands.
pub(crate) fn fix_text(text: &str) -> String {
    text.to_owned()
}
pub(crate) fn unescape(text: &str) -> String {
    text.to_owned()
}
