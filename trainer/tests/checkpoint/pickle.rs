//! Writes pickles, instruction by instruction.

/// A pickle that is being written.
pub(crate) struct Pickle(Vec<u8>);

impl Pickle {
    /// Starts a pickle of protocol 2, which `torch.save` uses.
    pub(crate) fn new() -> Self {
        Self(vec![0x80, 2])
    }

    /// Appends raw bytes.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.raw(b"X").raw(&(text.len() as u32).to_le_bytes()).raw(text.as_bytes())
    }

    /// Appends a 64-bit integer.
    pub(crate) fn int(&mut self, value: i64) -> &mut Self {
        self.raw(&[0x8a, 8]).raw(&value.to_le_bytes())
    }

    /// Appends a tuple of integers.
    pub(crate) fn ints(&mut self, values: &[i64]) -> &mut Self {
        self.raw(b"(");
        for value in values {
            self.int(*value);
        }
        self.raw(b"t")
    }

    pub(crate) fn global(&mut self, module: &str, name: &str) -> &mut Self {
        self.raw(format!("c{module}\n{name}\n").as_bytes())
    }

    /// Appends a storage of a class of `torch`.
    pub(crate) fn storage(&mut self, class: &str, key: &str, n: i64) -> &mut Self {
        self.raw(b"(").text("storage").global("torch", class).text(key).text("cpu").int(n);
        self.raw(b"tQ")
    }

    /// Appends a tensor of 32-bit floats.
    pub(crate) fn tensor(
        &mut self,
        (key, n): (&str, i64),
        first: i64,
        shape: &[i64],
        strides: &[i64],
    ) -> &mut Self {
        self.global("torch._utils", "_rebuild_tensor_v2").raw(b"(");
        self.storage("FloatStorage", key, n).int(first).ints(shape).ints(strides).raw(b"\x89");
        self.global("collections", "OrderedDict").raw(b")RtR")
    }

    /// Ends the pickle.
    pub(crate) fn stop(&mut self) -> Vec<u8> {
        self.raw(b".");
        self.0.clone()
    }
}

/// Returns the pickle of `{"w": tensor}` over a storage `0` of `n` 32-bit floats.
pub(crate) fn one_tensor(n: i64, first: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    Pickle::new().raw(b"}").text("w").tensor(("0", n), first, shape, strides).raw(b"s").stop()
}
