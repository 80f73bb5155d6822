//! The stack machine that executes a pickle.

use std::collections::HashMap;

use super::super::byte_cursor::ByteCursor;
use super::super::error::{CheckpointError, Result, expect, invalid, quoted};
use super::globals::Global;
use super::known_calls;
use super::value::{PickleHeap, PickleValue};

/// Maximum number of instructions; the base model with its optimizer takes 100,000.
const MAX_INSTRUCTIONS: usize = 2_000_000;
/// Highest supported protocol, that of Python 3.8 and later.
const MAX_PROTOCOL: u8 = 5;

/// Runs the pickle at the start of the bytes; returns the created values, the result and the pickle's length.
pub(in super::super) fn load(bytes: &[u8]) -> Result<(PickleHeap<'_>, PickleValue<'_>, usize)> {
    let mut machine = StackMachine {
        bytes: ByteCursor::new(bytes),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        heap: PickleHeap::default(),
    };
    for _ in 0..MAX_INSTRUCTIONS {
        let at = machine.bytes.position();
        let opcode = machine.bytes.u8()?;
        if opcode == b'.' {
            let result = machine.pop()?;
            return Ok((machine.heap, result, machine.bytes.position()));
        }
        machine.step(opcode).map_err(|problem| place(problem, at))?;
    }
    Err(invalid(format!("its pickle has more than {MAX_INSTRUCTIONS} instructions")))
}

/// Adds the byte offset in the pickle to a problem.
fn place(problem: CheckpointError, at: usize) -> CheckpointError {
    match problem {
        CheckpointError::Invalid(problem) => {
            CheckpointError::Invalid(format!("{problem} (byte {at} of the pickle)"))
        }
        CheckpointError::Io(_)
        | CheckpointError::ForbiddenCall(_)
        | CheckpointError::ForeignFile(_) => problem,
    }
}

struct StackMachine<'a> {
    bytes: ByteCursor<'a>,
    stack: Vec<PickleValue<'a>>,
    /// Stack heights of the marks.
    marks: Vec<usize>,
    memo: HashMap<u32, PickleValue<'a>>,
    heap: PickleHeap<'a>,
}

impl<'a> StackMachine<'a> {
    fn step(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            0x80 => self.protocol(),
            0x95 => self.frame(),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.discard(),
            b'1' => self.pop_mark().map(drop),
            b'2' => {
                let top = self.pop()?;
                self.push(top);
                self.push(top);
                Ok(())
            }
            b'h' | b'j' | b'q' | b'r' | 0x94 => self.memoize(opcode),
            b'c' | 0x93 => self.global(opcode),
            b'R' | 0x81 => {
                let arguments = self.pop()?;
                let callable = self.pop()?;
                let value = known_calls::call(&mut self.heap, callable, arguments)?;
                self.push(value);
                Ok(())
            }
            b'b' => self.build(),
            b'Q' => {
                let id = self.pop()?;
                let storage = known_calls::storage(&mut self.heap, id)?;
                self.push(storage);
                Ok(())
            }
            b']'
            | b'}'
            | b')'
            | b't'
            | 0x85..=0x87
            | 0x8f
            | 0x90
            | 0x91
            | b'a'
            | b'e'
            | b's'
            | b'u' => self.collect(opcode),
            _ => {
                let value = self.literal(opcode)?;
                self.push(value);
                Ok(())
            }
        }
    }

    fn protocol(&mut self) -> Result<()> {
        let protocol = self.bytes.u8()?;
        expect(protocol <= MAX_PROTOCOL, || {
            format!("its pickle has protocol {protocol}; the highest supported is {MAX_PROTOCOL}")
        })
    }

    /// A frame states how many bytes follow; only their presence is checked.
    fn frame(&mut self) -> Result<()> {
        let length = self.bytes.u64()?;
        self.bytes.clone().take(length).map(drop)
    }

    fn push(&mut self, value: PickleValue<'a>) {
        self.stack.push(value);
    }

    /// Takes the top value above the last mark.
    fn pop(&mut self) -> Result<PickleValue<'a>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let value = if self.stack.len() > floor { self.stack.pop() } else { None };
        value.ok_or_else(|| invalid("its pickle pops from an empty stack"))
    }

    /// Takes the `n` top values above the last mark.
    fn pop_many(&mut self, n: usize) -> Result<Vec<PickleValue<'a>>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let first = self.stack.len().checked_sub(n).filter(|first| *first >= floor);
        let first = first.ok_or_else(|| invalid("its pickle pops from an empty stack"))?;
        Ok(self.stack.split_off(first))
    }

    /// Takes all values above the last mark, and the mark.
    fn pop_mark(&mut self) -> Result<Vec<PickleValue<'a>>> {
        let mark = self.marks.pop();
        let mark = mark.ok_or_else(|| invalid("its pickle refers to a mark that is not set"))?;
        Ok(self.stack.split_off(mark))
    }

    /// Drops the top value, or the mark if it is on top.
    fn discard(&mut self) -> Result<()> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(drop)
    }

    fn top(&self) -> Result<PickleValue<'a>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let top = self.stack[floor..].last().copied();
        top.ok_or_else(|| invalid("its pickle reads from an empty stack"))
    }

    fn memoize(&mut self, opcode: u8) -> Result<()> {
        let index = match opcode {
            b'h' | b'q' => self.bytes.u8()?.into(),
            b'j' | b'r' => self.bytes.u32()?,
            _ => self.memo.len() as u32,
        };
        if matches!(opcode, b'h' | b'j') {
            let value = self.memo.get(&index).copied();
            let value = value.ok_or_else(|| {
                invalid(format!("its pickle recalls {index}, which is not in the memo"))
            })?;
            self.push(value);
        } else {
            let top = self.top()?;
            self.memo.insert(index, top);
        }
        Ok(())
    }

    /// Looks up a name. This is where code is rejected.
    fn global(&mut self, opcode: u8) -> Result<()> {
        let (module, name) = if opcode == b'c' {
            (text(self.bytes.line()?)?, text(self.bytes.line()?)?)
        } else {
            let name = self.pop()?;
            match (self.pop()?, name) {
                (PickleValue::Text(module), PickleValue::Text(name)) => (module, name),
                _ => return Err(invalid("a name in its pickle is not text")),
            }
        };
        let global = Global::find(module, name);
        let global = global
            .ok_or_else(|| CheckpointError::ForbiddenCall(quoted(format!("{module}.{name}"))))?;
        self.push(PickleValue::Global(global));
        Ok(())
    }

    /// Gives an object its state, which is ignored: attributes of a dictionary, fields of an inert class.
    fn build(&mut self) -> Result<()> {
        self.pop()?;
        let top = self.top()?;
        let has_state =
            matches!(top, PickleValue::Object(_) | PickleValue::Dict(_) | PickleValue::Tensor(_));
        expect(has_state, || format!("its pickle sets the state of {}", self.heap.describe(top)))
    }

    fn collect(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            // Sets are lists here: membership is never tested.
            b']' | 0x8f => self.push_list(Vec::new()),
            b'}' => {
                self.heap.dicts.push(Vec::new());
                self.push(PickleValue::Dict(self.heap.dicts.len() - 1));
            }
            b')' => self.push_tuple(Vec::new()),
            b't' => {
                let values = self.pop_mark()?;
                self.push_tuple(values);
            }
            0x85..=0x87 => {
                let values = self.pop_many(usize::from(opcode - 0x84))?;
                self.push_tuple(values);
            }
            0x91 => {
                let values = self.pop_mark()?;
                self.push_list(values);
            }
            b'a' => {
                let value = self.pop()?;
                self.append(vec![value])?;
            }
            b'e' | 0x90 => {
                let values = self.pop_mark()?;
                self.append(values)?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set(&[key, value])?;
            }
            _ => {
                let values = self.pop_mark()?;
                self.set(&values)?;
            }
        }
        Ok(())
    }

    fn push_list(&mut self, values: Vec<PickleValue<'a>>) {
        self.heap.lists.push(values);
        self.push(PickleValue::List(self.heap.lists.len() - 1));
    }

    fn push_tuple(&mut self, values: Vec<PickleValue<'a>>) {
        self.heap.tuples.push(values);
        self.push(PickleValue::Tuple(self.heap.tuples.len() - 1));
    }

    fn append(&mut self, values: Vec<PickleValue<'a>>) -> Result<()> {
        let top = self.top()?;
        if let PickleValue::List(index) = top {
            self.heap.lists[index].extend(values);
            return Ok(());
        }
        // The contents of an inert class are dropped.
        let is_inert = matches!(top, PickleValue::Object(_));
        expect(is_inert, || format!("its pickle appends to {}", self.heap.describe(top)))
    }

    fn set(&mut self, values: &[PickleValue<'a>]) -> Result<()> {
        let (pairs, rest) = values.as_chunks::<2>();
        expect(rest.is_empty(), || "its pickle sets a key without a value".to_owned())?;
        let top = self.top()?;
        if let PickleValue::Dict(index) = top {
            self.heap.dicts[index].extend(pairs.iter().map(|[key, value]| (*key, *value)));
            return Ok(());
        }
        let is_inert = matches!(top, PickleValue::Object(_));
        expect(is_inert, || format!("its pickle sets keys of {}", self.heap.describe(top)))
    }

    fn literal(&mut self, opcode: u8) -> Result<PickleValue<'a>> {
        let bytes = &mut self.bytes;
        Ok(match opcode {
            b'N' => PickleValue::None,
            0x88 => PickleValue::Bool(true),
            0x89 => PickleValue::Bool(false),
            b'J' => PickleValue::Int(i32::from_le_bytes(bytes.array()?).into()),
            b'K' => PickleValue::Int(bytes.u8()?.into()),
            b'M' => PickleValue::Int(bytes.u16()?.into()),
            0x8a => {
                let length = bytes.u8()?;
                integer(bytes.take(length.into())?)
            }
            0x8b => {
                let length = bytes.u32()?;
                integer(bytes.take(length.into())?)
            }
            b'G' => PickleValue::Float(f64::from_be_bytes(bytes.array()?)),
            // Text opcodes differ in the width of the length.
            0x8c => {
                let length = bytes.u8()?;
                PickleValue::Text(text(bytes.take(length.into())?)?)
            }
            b'X' => {
                let length = bytes.u32()?;
                PickleValue::Text(text(bytes.take(length.into())?)?)
            }
            0x8d => {
                let length = bytes.u64()?;
                PickleValue::Text(text(bytes.take(length)?)?)
            }
            b'U' | b'C' => {
                let length = bytes.u8()?;
                string(opcode == b'U', bytes.take(length.into())?)
            }
            b'T' | b'B' => {
                let length = bytes.u32()?;
                string(opcode == b'T', bytes.take(length.into())?)
            }
            0x8e | 0x96 => {
                let length = bytes.u64()?;
                PickleValue::Bytes(bytes.take(length)?)
            }
            other => return Err(unknown(other)),
        })
    }
}

fn integer(bytes: &[u8]) -> PickleValue<'_> {
    let is_negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
    let mut wide = [if is_negative { 0xff } else { 0 }; 8];
    match wide.get_mut(..bytes.len()) {
        Some(low) => low.copy_from_slice(bytes),
        None => return PickleValue::Long(bytes),
    }
    PickleValue::Int(i64::from_le_bytes(wide))
}

/// Reads a Python 2 `str`, which may be text or bytes.
fn string(is_str: bool, bytes: &[u8]) -> PickleValue<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_str => PickleValue::Text(text),
        Ok(_) | Err(_) => PickleValue::Bytes(bytes),
    }
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| invalid("a text in its pickle is not UTF-8"))
}

/// Rejects an instruction, by its name in Python's `pickletools` if it has one.
fn unknown(opcode: u8) -> CheckpointError {
    let name = match opcode {
        b'i' => "INST",
        b'o' => "OBJ",
        b'P' => "PERSID",
        0x92 => "NEWOBJ_EX",
        0x82..=0x84 => "EXT",
        0x97 => "NEXT_BUFFER",
        0x98 => "READONLY_BUFFER",
        b'I' | b'L' | b'F' | b'S' | b'V' | b'l' | b'd' | b'g' | b'p' => "of protocol 0",
        _ => return invalid(format!("its pickle has an unknown instruction {opcode:#04x}")),
    };
    invalid(format!("its pickle has an instruction {name}, which checkpoints do not need"))
}
