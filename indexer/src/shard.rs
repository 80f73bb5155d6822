//! Shards: disjoint parts of an archive, so that several indexers share the work.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use nocturne_psg::RecordingId;
use sha2::{Digest, Sha256};

/// One of N parts of a set of recordings.
///
/// A recording belongs to the shard whose number is SHA-256 of its id, taken as a big-endian integer, modulo N, plus 1. So
/// the shards of one N are disjoint and complete, and nearly equal in size, and no indexer needs to know of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: NonZeroU32,
    count: NonZeroU32,
}

/// A text that does not name a shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a shard; expected `I/N` with I from 1 to N, such as `2/16`")]
pub struct InvalidShard {
    text: String,
}

impl Shard {
    /// Returns shard `number` of `count`, if the number is from 1 to the count.
    pub fn new(number: u32, count: u32) -> Option<Self> {
        let (number, count) = (NonZeroU32::new(number)?, NonZeroU32::new(count)?);
        (number <= count).then_some(Self { number, count })
    }

    /// Returns whether a recording belongs to the shard.
    pub fn contains(self, id: &RecordingId) -> bool {
        let count = u64::from(self.count.get());
        // The remainder is below 2^32, so that shifting in a byte cannot overflow.
        let remainder = Sha256::digest(id.as_str().as_bytes())
            .iter()
            .fold(0, |remainder: u64, byte| (remainder << 8 | u64::from(*byte)) % count);
        remainder + 1 == u64::from(self.number.get())
    }

    /// Returns whether this is shard 1, which reports what belongs to no recording.
    pub fn is_first(self) -> bool {
        self.number.get() == 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

impl FromStr for Shard {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<Self, InvalidShard> {
        let parse = || {
            let (number, count) = text.split_once('/')?;
            Self::new(number.parse().ok()?, count.parse().ok()?)
        };
        parse().ok_or_else(|| InvalidShard { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shards(count: u32) -> impl Iterator<Item = Shard> {
        (1..=count).map(move |number| Shard::new(number, count).unwrap())
    }

    proptest! {
        #[test]
        fn shards_partition_any_set_of_ids(
            ids in prop::collection::hash_set("[a-zA-Z0-9/._-]{1,20}", 0..50),
            count in 1..100_u32,
        ) {
            for id in ids.iter().filter_map(|id| RecordingId::new(id.as_str()).ok()) {
                let n = shards(count).filter(|shard| shard.contains(&id)).count();
                prop_assert_eq!(n, 1, "{}", id);
            }
        }
    }

    /// Computed in Python: `int.from_bytes(sha256(id).digest(), "big") % n + 1`.
    #[test]
    fn shard_of_a_recording_never_changes() {
        for (id, count, number) in [
            ("night-0001", 2, 2),
            ("night-0001", 3, 2),
            ("shhs/night 2", 1000, 626),
            ("night-0001", u32::MAX, 1175738873),
        ] {
            let shard = Shard::new(number, count).unwrap();
            assert!(shard.contains(&RecordingId::new(id).unwrap()), "{id} is not in {shard}");
        }
    }

    #[test]
    fn shards_are_nearly_equal_in_size() {
        let ids: Vec<_> =
            (0..2000).map(|n| RecordingId::new(format!("night-{n:04}")).unwrap()).collect();
        for shard in shards(8) {
            let n = ids.iter().filter(|id| shard.contains(id)).count();
            assert!((200..300).contains(&n), "{shard} has {n} of 2000 recordings");
        }
    }

    #[test]
    fn shards_are_parsed_and_written() {
        for text in ["1/1", "2/16", "4294967295/4294967295"] {
            assert_eq!(text.parse::<Shard>().unwrap().to_string(), text);
        }
        for text in ["", "1", "0/4", "5/4", "1/0", "-1/4", "1/4/4", "a/b", "1 / 4", "1/4294967296"]
        {
            let error = text.parse::<Shard>().unwrap_err();
            let expected = format!(
                "`{text}` is not a shard; expected `I/N` with I from 1 to N, such as `2/16`"
            );
            assert_eq!(error.to_string(), expected);
        }
    }
}
