//! Prefixes that PyTorch's wrappers add to the names of weights.

use std::collections::BTreeMap;

use super::error::{Result, invalid};

/// Of `DistributedDataParallel` and `torch.compile`.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

/// Removes wrappers' prefixes from all names and returns them.
///
/// Fails if only some names have a prefix: removing it would merge two models.
pub(super) fn strip_wrappers<T>(tensors: &mut BTreeMap<String, T>) -> Result<String> {
    let mut stripped = String::new();
    while let Some(wrapper) = WRAPPERS.iter().find(|wrapper| has_some(tensors, wrapper)) {
        let with = tensors.keys().filter(|name| name.starts_with(wrapper)).count();
        if with < tensors.len() {
            return Err(invalid(format!(
                "{with} of its {} names start with `{wrapper}`; expected all or none",
                tensors.len()
            )));
        }
        let rest = std::mem::take(tensors).into_iter();
        *tensors = rest.map(|(name, tensor)| (name[wrapper.len()..].to_owned(), tensor)).collect();
        stripped.push_str(wrapper);
    }
    Ok(stripped)
}

fn has_some<T>(tensors: &BTreeMap<String, T>, wrapper: &str) -> bool {
    tensors.keys().any(|name| name.starts_with(wrapper))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str], expected: &[&str], prefix: &str) {
        let mut tensors = names.iter().map(|name| ((*name).to_owned(), ())).collect();
        assert_eq!(strip_wrappers(&mut tensors).unwrap(), prefix);
        assert!(tensors.keys().eq(expected), "{tensors:?}");
    }

    #[test]
    fn prefixes_common_to_all_names_are_removed() {
        check(&["a", "b.module.c"], &["a", "b.module.c"], "");
        check(&["module.a", "module.b"], &["a", "b"], "module.");
        check(&["module._orig_mod.a"], &["a"], "module._orig_mod.");
        check(&["_orig_mod.module.module.a"], &["a"], "_orig_mod.module.module.");
    }

    #[test]
    fn rejects_prefixes_of_some_names() {
        let mut tensors = ["module.a", "b"].map(|name| (name.to_owned(), ())).into();
        let problem = strip_wrappers(&mut tensors).unwrap_err();
        let error = problem.in_file(std::path::Path::new("x.pt"));
        assert_eq!(
            error.to_string(),
            "`x.pt` is invalid: 1 of its 2 names start with `module.`; expected all or none"
        );
    }
}
