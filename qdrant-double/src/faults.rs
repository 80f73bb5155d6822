//! Faults: which call of a client fails, and how.

use std::sync::Mutex;
use std::time::Duration;

use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call is not executed.
    Unavailable,
    /// The call is executed, and its answer is lost.
    AnswerLost,
    /// Only the first half of the points of an upsert is written, and the call fails.
    HalfAndFail,
    /// Only the first half of the points of an upsert is written, and the call reports success.
    HalfSilently,
    /// The call is not executed; the server is exhausted and asks for an hour of patience.
    Exhausted,
    /// The call fails, and arrives at the server when the test
    /// [delivers](crate::QdrantDouble::deliver_late_requests) it.
    Late,
    /// The call is executed, and answered after a pause.
    Slow(Duration),
    /// The call is refused with an error that does not go away.
    Refused,
}

/// Which calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The n-th call, counted from 0.
    At(usize),
    /// The n-th call and every one after it, as if the client had been killed there.
    From(usize),
}

/// How much of a call is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Execution {
    Whole,
    Half,
    None,
}

/// The faults of one port of the server, and the calls that it has received.
#[derive(Debug, Default)]
pub struct Faults {
    state: Mutex<FaultPlan>,
}

#[derive(Debug, Default)]
struct FaultPlan {
    fault: Option<(When, Fault)>,
    /// Names of the calls received so far.
    calls: Vec<&'static str>,
}

impl Faults {
    /// Makes calls fail from now on; they are counted from the next one, which is call 0.
    pub fn plan(&self, when: When, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        *state = FaultPlan { fault: Some((when, fault)), calls: Vec::new() };
    }

    /// Lets every call succeed from now on, and forgets the calls received so far.
    pub fn clear(&self) {
        *self.state.lock().unwrap() = FaultPlan::default();
    }

    /// Returns the names of the calls since the last [`plan`](Self::plan) or [`clear`](Self::clear).
    pub fn calls(&self) -> Vec<&'static str> {
        self.state.lock().unwrap().calls.clone()
    }

    /// Counts a call, and returns its fault if it is to fail.
    pub(crate) fn next(&self, call: &'static str) -> Option<Fault> {
        let mut state = self.state.lock().unwrap();
        let number = state.calls.len();
        state.calls.push(call);
        let (when, fault) = state.fault?;
        let is_due = match when {
            When::At(at) => number == at,
            When::From(from) => number >= from,
        };
        is_due.then_some(fault)
    }
}

impl Fault {
    pub(crate) fn execution(self) -> Execution {
        match self {
            Self::Unavailable | Self::Late | Self::Exhausted | Self::Refused => Execution::None,
            Self::HalfAndFail | Self::HalfSilently => Execution::Half,
            Self::AnswerLost | Self::Slow(_) => Execution::Whole,
        }
    }

    /// Returns the error that the client gets in place of the answer, if there is one.
    pub(crate) fn status(self) -> Option<Status> {
        match self {
            Self::Unavailable | Self::Late | Self::AnswerLost | Self::HalfAndFail => {
                Some(Status::unavailable("the double is unavailable"))
            }
            Self::Refused => Some(Status::new(Code::InvalidArgument, "the double refuses")),
            Self::Exhausted => {
                let mut status = Status::resource_exhausted("the double is exhausted");
                status.metadata_mut().insert("retry-after", MetadataValue::from_static("3600"));
                Some(status)
            }
            Self::HalfSilently | Self::Slow(_) => None,
        }
    }
}
