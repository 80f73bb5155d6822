//! Evaluates filters of Qdrant on payloads; conditions that Nocturne never sends are refused.

use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{Condition, FieldCondition, Filter, HasIdCondition, Range};
use tonic::Status;

use crate::point::{Payload, StoredPoint};

type Verdict = Result<bool, Status>;

/// Returns whether a point meets a filter; without a filter every point does.
pub(crate) fn meets(id: &str, point: &StoredPoint, filter: Option<&Filter>) -> Verdict {
    let Some(Filter { should, must, must_not, min_should }) = filter else { return Ok(true) };
    if min_should.is_some() {
        return Err(Status::unimplemented("`min_should`"));
    }
    let holds = |condition: &Condition| holds(id, point, condition);
    for condition in must {
        if !holds(condition)? {
            return Ok(false);
        }
    }
    for condition in must_not {
        if holds(condition)? {
            return Ok(false);
        }
    }
    for condition in should {
        if holds(condition)? {
            return Ok(true);
        }
    }
    Ok(should.is_empty())
}

fn holds(id: &str, point: &StoredPoint, condition: &Condition) -> Verdict {
    match &condition.condition_one_of {
        Some(ConditionOneOf::Field(condition)) => field(&point.payload, condition),
        Some(ConditionOneOf::IsEmpty(empty)) => Ok(!point.payload.contains_key(&empty.key)),
        Some(ConditionOneOf::Filter(filter)) => meets(id, point, Some(filter)),
        Some(ConditionOneOf::HasId(HasIdCondition { has_id })) => {
            let is_it = |it: &PointIdOptions| matches!(it, PointIdOptions::Uuid(it) if it == id);
            Ok(has_id.iter().filter_map(|it| it.point_id_options.as_ref()).any(is_it))
        }
        other => Err(Status::unimplemented(format!("{other:?}"))),
    }
}

fn field(payload: &Payload, condition: &FieldCondition) -> Verdict {
    let expected = condition.r#match.as_ref().and_then(|it| it.match_value.as_ref());
    let accepts = |kind: &Kind| match (expected, kind) {
        (None, kind) => in_range(condition.range.as_ref(), kind),
        (Some(MatchValue::Keyword(expected)), Kind::StringValue(word)) => Ok(word == expected),
        (Some(MatchValue::Keywords(expected)), Kind::StringValue(word)) => {
            Ok(expected.strings.contains(word))
        }
        (Some(MatchValue::Integer(expected)), Kind::IntegerValue(number)) => Ok(number == expected),
        (Some(MatchValue::Keyword(_) | MatchValue::Keywords(_) | MatchValue::Integer(_)), _) => {
            Ok(false)
        }
        (other, _) => Err(Status::unimplemented(format!("{other:?}"))),
    };
    let mut path = condition.key.split('.');
    let mut kind = path.next().and_then(|name| payload.get(name)?.kind.as_ref());
    for name in path {
        kind = match kind {
            Some(Kind::StructValue(inner)) => {
                inner.fields.get(name).and_then(|value| value.kind.as_ref())
            }
            _ => None,
        };
    }
    match kind {
        None => Ok(false),
        Some(Kind::ListValue(list)) => {
            for kind in list.values.iter().filter_map(|value| value.kind.as_ref()) {
                if accepts(kind)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Some(kind) => accepts(kind),
    }
}

fn in_range(range: Option<&Range>, kind: &Kind) -> Verdict {
    let Some(Range { lt, gt, gte, lte }) = range else {
        return Err(Status::unimplemented("neither a match nor a range"));
    };
    let number = match kind {
        Kind::IntegerValue(number) => *number as f64,
        Kind::DoubleValue(number) => *number,
        Kind::NullValue(_)
        | Kind::StringValue(_)
        | Kind::BoolValue(_)
        | Kind::StructValue(_)
        | Kind::ListValue(_) => return Ok(false),
    };
    Ok(lt.is_none_or(|end| number < end)
        && lte.is_none_or(|end| number <= end)
        && gt.is_none_or(|end| number > end)
        && gte.is_none_or(|end| number >= end))
}
