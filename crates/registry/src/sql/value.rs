use headstart_types::{BlsPublicKey, FixedBytes, UnixMillis};

use crate::{Error, sql::Result};

/// What a column holds, on either database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Int(flag.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<UnixMillis> for Value {
    fn from(time: UnixMillis) -> Self {
        Self::Int(time.0)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<&BlsPublicKey> for Value {
    fn from(key: &BlsPublicKey) -> Self {
        Self::from(key.0.as_slice())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of an answer; its columns are taken in the order in which they were selected.
pub(crate) struct Row {
    values: std::vec::IntoIter<Value>,
}

impl Row {
    pub(super) fn new(values: Vec<Value>) -> Self {
        Self { values: values.into_iter() }
    }

    pub(crate) fn int(&mut self) -> Result<i64> {
        self.int_or_null()?.ok_or_else(|| Error::damaged("a number"))
    }

    pub(crate) fn int_or_null(&mut self) -> Result<Option<i64>> {
        match self.values.next() {
            Some(Value::Int(number)) => Ok(Some(number)),
            Some(Value::Null) => Ok(None),
            _ => Err(Error::damaged("a number")),
        }
    }

    pub(crate) fn u32_or_null(&mut self) -> Result<Option<u32>> {
        let number = self.int_or_null()?;
        number.map(|number| u32::try_from(number).map_err(|_| Error::damaged("a number"))).transpose()
    }

    pub(crate) fn flag_or_null(&mut self) -> Result<Option<bool>> {
        Ok(self.int_or_null()?.map(|number| number != 0))
    }

    pub(crate) fn time(&mut self) -> Result<UnixMillis> {
        self.int().map(UnixMillis)
    }

    pub(crate) fn text(&mut self) -> Result<String> {
        self.text_or_null()?.ok_or_else(|| Error::damaged("a text"))
    }

    pub(crate) fn text_or_null(&mut self) -> Result<Option<String>> {
        match self.values.next() {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            _ => Err(Error::damaged("a text")),
        }
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>> {
        match self.values.next() {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            _ => Err(Error::damaged("a column of bytes")),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<FixedBytes<N>> {
        FixedBytes::try_from(self.bytes()?.as_slice()).map_err(|_| Error::damaged("a column of bytes"))
    }

    pub(crate) fn pubkey_or_null(&mut self) -> Result<Option<BlsPublicKey>> {
        if self.values.as_slice().first() == Some(&Value::Null) {
            self.values.next();
            return Ok(None);
        }
        self.pubkey().map(Some)
    }

    pub(crate) fn pubkey(&mut self) -> Result<BlsPublicKey> {
        self.array().map(BlsPublicKey)
    }
}
