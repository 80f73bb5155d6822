//! A resource that a test needs and this machine does not have.

use std::fmt;

use crate::resource::Resource;

/// Why a test cannot run here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    resource: Resource,
    reason: String,
}

impl Absent {
    /// Records which resource is absent and why, such as `ORT_DYLIB_PATH is not set`.
    pub fn new(resource: Resource, reason: impl fmt::Display) -> Self {
        Self { resource, reason: reason.to_string() }
    }

    /// Returns the resource that is absent.
    pub fn resource(&self) -> Resource {
        self.resource
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.resource, self.reason)
    }
}
