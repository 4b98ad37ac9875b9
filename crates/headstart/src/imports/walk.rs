use std::fmt;

use headstart_types::{BlsPublicKey, FixedBytes};
use serde_json::Value;

/// What is wrong with a file, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    path: String,
    fault: String,
}

impl Fault {
    pub(crate) fn new(path: &str, fault: impl Into<String>) -> Self {
        Self { path: path.to_owned(), fault: fault.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.fault)
        } else {
            write!(f, "{}: {}", self.path, self.fault)
        }
    }
}

impl std::error::Error for Fault {}

/// A value of the file that knows its place.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { path: String::new(), value }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn fault(&self, fault: impl Into<String>) -> Fault {
        Fault::new(&self.path, fault)
    }

    /// A member; `None` when it is missing or null.
    pub(super) fn get(&self, name: &str) -> Option<Self> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Some(Self { path, value })
    }

    pub(super) fn field(&self, name: &str) -> Result<Self, Fault> {
        self.get(name).ok_or_else(|| self.fault(format!("{name} is missing")))
    }

    pub(super) fn items(&self) -> Result<impl ExactSizeIterator<Item = Self>, Fault> {
        let items = self.value.as_array().ok_or_else(|| self.fault("a list is expected"))?;
        let node = |(index, value)| Self { path: format!("{}[{index}]", self.path), value };
        Ok(items.iter().enumerate().map(node))
    }

    pub(super) fn text(&self) -> Result<&'a str, Fault> {
        self.value.as_str().ok_or_else(|| self.fault("a text is expected"))
    }

    /// A number, or its decimal digits as a text: both are written in the field.
    pub(super) fn number(&self) -> Result<u64, Fault> {
        let number = match self.value {
            Value::String(digits) => digits.parse().ok(),
            other => other.as_u64(),
        };
        number.ok_or_else(|| self.fault("a whole number is expected"))
    }

    /// So many bytes in hexadecimal, with or without `0x`.
    pub(super) fn hex<const N: usize>(&self, what: &str) -> Result<FixedBytes<N>, Fault> {
        let text = self.text()?;
        let fault = |_| self.fault(format!("{text:?} is no {what}: {N} bytes in hexadecimal are expected"));
        text.parse().map_err(fault)
    }

    pub(super) fn pubkey(&self) -> Result<BlsPublicKey, Fault> {
        self.hex("BLS public key").map(BlsPublicKey)
    }
}
