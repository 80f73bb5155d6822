//! Failures of a server, at a call that a test chooses.

use std::sync::Mutex;
use std::time::Duration;

use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not carried out.
    Unavailable,
    /// It is carried out, and the answer is lost.
    AnswerLost,
    /// Half of the points of an upsert of several are carried out, and it fails.
    HalfAndFail,
    /// Half of the points of an upsert of several are carried out, and the answer says all is well.
    HalfInSilence,
    /// The server is exhausted and says when to come back.
    Exhausted,
    /// It is lost on the way, and arrives when the test [delivers](super::Double::deliver) it.
    Late,
    /// It is carried out, and answered after the client has lost patience.
    Slow(Duration),
    /// It is refused for good.
    Refused,
}

/// Which calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The n-th call, counted from 0.
    At(usize),
    /// The n-th call and every one after it, as if the client's machine had died there.
    From(usize),
}

/// What a call has to do with its failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    All,
    Half,
    Nothing,
}

/// The calls so far, and which of them fail.
#[derive(Debug, Default)]
pub struct Faults {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    plan: Option<(When, Fault)>,
    /// Names of the calls so far.
    calls: Vec<&'static str>,
}

impl Faults {
    /// Lets calls fail from now on, counted from the next one.
    pub fn plan(&self, when: When, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        *state = State { plan: Some((when, fault)), calls: Vec::new() };
    }

    /// Lets every call succeed from now on, and forgets those before.
    pub fn heal(&self) {
        *self.state.lock().unwrap() = State::default();
    }

    /// Returns the names of the calls since the last plan or healing.
    pub fn calls(&self) -> Vec<&'static str> {
        self.state.lock().unwrap().calls.clone()
    }

    /// Counts a call and returns how it fails, if it does.
    pub(super) fn next(&self, call: &'static str) -> Option<Fault> {
        let mut state = self.state.lock().unwrap();
        let number = state.calls.len();
        state.calls.push(call);
        let (when, fault) = state.plan?;
        let is_due = match when {
            When::At(at) => number == at,
            When::From(from) => number >= from,
        };
        is_due.then_some(fault)
    }
}

impl Fault {
    pub(super) fn extent(self) -> Extent {
        match self {
            Self::Unavailable | Self::Late | Self::Exhausted | Self::Refused => Extent::Nothing,
            Self::HalfAndFail | Self::HalfInSilence => Extent::Half,
            Self::AnswerLost | Self::Slow(_) => Extent::All,
        }
    }

    /// Returns what the client is told in place of the answer, if anything.
    pub(super) fn status(self) -> Option<Status> {
        match self {
            Self::Unavailable | Self::Late | Self::AnswerLost | Self::HalfAndFail => {
                Some(Status::unavailable("the double is not there"))
            }
            Self::Refused => Some(Status::new(Code::InvalidArgument, "the double will not")),
            Self::Exhausted => {
                let mut status = Status::resource_exhausted("the double is exhausted");
                status.metadata_mut().insert("retry-after", MetadataValue::from_static("3600"));
                Some(status)
            }
            Self::HalfInSilence | Self::Slow(_) => None,
        }
    }
}
