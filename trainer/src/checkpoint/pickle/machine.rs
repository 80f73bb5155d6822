//! The stack machine that pickles are written for.

use std::collections::HashMap;

use super::super::bytes::Bytes;
use super::super::problem::{Problem, Result, broken, expect, quoted};
use super::call;
use super::globals::Global;
use super::value::{Loaded, Value};

/// Most instructions; the base model with its optimiser takes 100,000.
const MOST_INSTRUCTIONS: usize = 2_000_000;
/// Highest protocol, that of Python 3.8 and newer.
const NEWEST: u8 = 5;

/// Runs the pickle that begins the bytes; returns what it has made, its result and its length.
pub(in super::super) fn load(bytes: &[u8]) -> Result<(Loaded<'_>, Value<'_>, usize)> {
    let mut machine = Machine {
        bytes: Bytes::new(bytes),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        loaded: Loaded::default(),
    };
    for _ in 0..MOST_INSTRUCTIONS {
        let at = machine.bytes.position();
        let opcode = machine.bytes.u8()?;
        if opcode == b'.' {
            let result = machine.pop()?;
            return Ok((machine.loaded, result, machine.bytes.position()));
        }
        machine.step(opcode).map_err(|problem| place(problem, at))?;
    }
    Err(broken(format!("its pickle has over {MOST_INSTRUCTIONS} instructions")))
}

/// Says at which byte of the pickle a problem is.
fn place(problem: Problem, at: usize) -> Problem {
    match problem {
        Problem::Broken(problem) => Problem::Broken(format!("{problem} (byte {at} of the pickle)")),
        Problem::Io(_) | Problem::Code(_) | Problem::Mistaken(_) => problem,
    }
}

struct Machine<'a> {
    bytes: Bytes<'a>,
    stack: Vec<Value<'a>>,
    /// Heights of the stack at which a mark stands.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    loaded: Loaded<'a>,
}

impl<'a> Machine<'a> {
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
                let value = call::call(&mut self.loaded, callable, arguments)?;
                self.push(value);
                Ok(())
            }
            b'b' => self.build(),
            b'Q' => {
                let id = self.pop()?;
                let storage = call::storage(&mut self.loaded, id)?;
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
        expect(protocol <= NEWEST, || {
            format!("its pickle is of protocol {protocol}; up to {NEWEST} are read")
        })
    }

    /// A frame says how many bytes come next; that they are there is all that matters.
    fn frame(&mut self) -> Result<()> {
        let length = self.bytes.u64()?;
        self.bytes.clone().take(length).map(drop)
    }

    fn push(&mut self, value: Value<'a>) {
        self.stack.push(value);
    }

    /// Takes the topmost value above the last mark.
    fn pop(&mut self) -> Result<Value<'a>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let value = if self.stack.len() > floor { self.stack.pop() } else { None };
        value.ok_or_else(|| broken("its pickle takes a value where none is"))
    }

    /// Takes the `n` topmost values above the last mark.
    fn pop_many(&mut self, n: usize) -> Result<Vec<Value<'a>>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let first = self.stack.len().checked_sub(n).filter(|first| *first >= floor);
        let first = first.ok_or_else(|| broken("its pickle takes a value where none is"))?;
        Ok(self.stack.split_off(first))
    }

    /// Takes all values above the last mark, and the mark.
    fn pop_mark(&mut self) -> Result<Vec<Value<'a>>> {
        let mark = self.marks.pop();
        let mark = mark.ok_or_else(|| broken("its pickle goes back to a mark that is not set"))?;
        Ok(self.stack.split_off(mark))
    }

    /// Drops the topmost value, or the mark where that is on top.
    fn discard(&mut self) -> Result<()> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(drop)
    }

    fn top(&self) -> Result<Value<'a>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let top = self.stack[floor..].last().copied();
        top.ok_or_else(|| broken("its pickle looks at a value where none is"))
    }

    fn memoize(&mut self, opcode: u8) -> Result<()> {
        let index = match opcode {
            b'h' | b'q' => self.bytes.u8()?.into(),
            b'j' | b'r' => self.bytes.u32()?,
            _ => self.memo.len() as u32,
        };
        if matches!(opcode, b'h' | b'j') {
            let value = self.memo.get(&index).copied();
            let value = value
                .ok_or_else(|| broken(format!("its pickle recalls {index}, which is not kept")))?;
            self.push(value);
        } else {
            let top = self.top()?;
            self.memo.insert(index, top);
        }
        Ok(())
    }

    /// Looks a name up. This is where code is refused.
    fn global(&mut self, opcode: u8) -> Result<()> {
        let (module, name) = if opcode == b'c' {
            (text(self.bytes.line()?)?, text(self.bytes.line()?)?)
        } else {
            let name = self.pop()?;
            match (self.pop()?, name) {
                (Value::Text(module), Value::Text(name)) => (module, name),
                _ => return Err(broken("its pickle names something by what is no text")),
            }
        };
        let global = Global::find(module, name);
        let global = global.ok_or_else(|| Problem::Code(quoted(format!("{module}.{name}"))))?;
        self.push(Value::Global(global));
        Ok(())
    }

    /// Gives an object its state, which is not looked at: attributes of a dictionary, fields of an inert class.
    fn build(&mut self) -> Result<()> {
        self.pop()?;
        let top = self.top()?;
        let has_state = matches!(top, Value::Object(_) | Value::Dict(_) | Value::Tensor(_));
        expect(has_state, || format!("its pickle gives a state to {}", self.loaded.describe(top)))
    }

    fn collect(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            // Sets are lists here: nothing asks whether something is in them.
            b']' | 0x8f => self.push_list(Vec::new()),
            b'}' => {
                self.loaded.dicts.push(Vec::new());
                self.push(Value::Dict(self.loaded.dicts.len() - 1));
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

    fn push_list(&mut self, values: Vec<Value<'a>>) {
        self.loaded.lists.push(values);
        self.push(Value::List(self.loaded.lists.len() - 1));
    }

    fn push_tuple(&mut self, values: Vec<Value<'a>>) {
        self.loaded.tuples.push(values);
        self.push(Value::Tuple(self.loaded.tuples.len() - 1));
    }

    fn append(&mut self, values: Vec<Value<'a>>) -> Result<()> {
        let top = self.top()?;
        if let Value::List(index) = top {
            self.loaded.lists[index].extend(values);
            return Ok(());
        }
        // What an inert class holds is not kept.
        let is_inert = matches!(top, Value::Object(_));
        expect(is_inert, || format!("its pickle appends to {}", self.loaded.describe(top)))
    }

    fn set(&mut self, values: &[Value<'a>]) -> Result<()> {
        let (pairs, rest) = values.as_chunks::<2>();
        expect(rest.is_empty(), || "its pickle sets a key without a value".to_owned())?;
        let top = self.top()?;
        if let Value::Dict(index) = top {
            self.loaded.dicts[index].extend(pairs.iter().map(|[key, value]| (*key, *value)));
            return Ok(());
        }
        let is_inert = matches!(top, Value::Object(_));
        expect(is_inert, || format!("its pickle sets keys of {}", self.loaded.describe(top)))
    }

    fn literal(&mut self, opcode: u8) -> Result<Value<'a>> {
        let bytes = &mut self.bytes;
        Ok(match opcode {
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'J' => Value::Int(i32::from_le_bytes(bytes.array()?).into()),
            b'K' => Value::Int(bytes.u8()?.into()),
            b'M' => Value::Int(bytes.u16()?.into()),
            0x8a => {
                let length = bytes.u8()?;
                integer(bytes.take(length.into())?)
            }
            0x8b => {
                let length = bytes.u32()?;
                integer(bytes.take(length.into())?)
            }
            b'G' => Value::Float(f64::from_be_bytes(bytes.array()?)),
            // Texts by the length of their length.
            0x8c => {
                let length = bytes.u8()?;
                Value::Text(text(bytes.take(length.into())?)?)
            }
            b'X' => {
                let length = bytes.u32()?;
                Value::Text(text(bytes.take(length.into())?)?)
            }
            0x8d => {
                let length = bytes.u64()?;
                Value::Text(text(bytes.take(length)?)?)
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
                Value::Bytes(bytes.take(length)?)
            }
            other => return Err(unknown(other)),
        })
    }
}

fn integer(bytes: &[u8]) -> Value<'_> {
    let is_negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
    let mut wide = [if is_negative { 0xff } else { 0 }; 8];
    match wide.get_mut(..bytes.len()) {
        Some(low) => low.copy_from_slice(bytes),
        None => return Value::Long(bytes),
    }
    Value::Int(i64::from_le_bytes(wide))
}

/// Reads a `str` of Python 2, which may be a text, or bytes.
fn string(is_str: bool, bytes: &[u8]) -> Value<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_str => Value::Text(text),
        Ok(_) | Err(_) => Value::Bytes(bytes),
    }
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| broken("a text in its pickle is not UTF-8"))
}

/// Refuses an instruction, by its name in Python's `pickletools` where it is one.
fn unknown(opcode: u8) -> Problem {
    let name = match opcode {
        b'i' => "INST",
        b'o' => "OBJ",
        b'P' => "PERSID",
        0x92 => "NEWOBJ_EX",
        0x82..=0x84 => "EXT",
        0x97 => "NEXT_BUFFER",
        0x98 => "READONLY_BUFFER",
        b'I' | b'L' | b'F' | b'S' | b'V' | b'l' | b'd' | b'g' | b'p' => "of protocol 0",
        _ => return broken(format!("its pickle has the byte {opcode:#04x} for an instruction")),
    };
    broken(format!("its pickle has an instruction {name}, which no checkpoint needs"))
}
