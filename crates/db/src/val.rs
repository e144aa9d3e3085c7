//! Values on their way into a statement. Each carries its type, also when it is null:
//! PostgreSQL wants to know.

use serde_json::Value;
use stint_domain::{Span, Time};
use uuid::Uuid;

/// One value of a statement. Made with `Val::from` or [`args!`](crate::args).
#[derive(Debug, Clone, PartialEq)]
pub enum Val {
    /// A whole number.
    Int(Option<i64>),
    /// True or false.
    Bool(Option<bool>),
    /// Text.
    Text(Option<String>),
    /// An id.
    Uuid(Option<Uuid>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
    /// JSON: `text` on SQLite, `jsonb` on PostgreSQL.
    Json(Option<Value>),
}

impl Val {
    /// Many ids as one value, for `{ids $n}` in a statement.
    pub fn ids<I: Into<Uuid>>(ids: impl IntoIterator<Item = I>) -> Self {
        let list = ids.into_iter().map(|id| {
            let id: Uuid = id.into();
            Value::String(id.simple().to_string())
        });
        Self::Json(Some(Value::Array(list.collect())))
    }

    /// Many rows as one value, for `{rows $n …}` in a statement: each with its values in the order
    /// of the columns named there.
    pub fn rows(rows: impl IntoIterator<Item = Vec<Self>>) -> Self {
        let row = |row: Vec<Self>| Value::Array(row.into_iter().map(Self::into_json).collect());
        Self::Json(Some(Value::Array(rows.into_iter().map(row).collect())))
    }

    fn into_json(self) -> Value {
        match self {
            Self::Int(value) => value.into(),
            Self::Bool(value) => value.into(),
            Self::Text(value) => value.into(),
            Self::Uuid(value) => value.map(|id| id.simple().to_string()).into(),
            Self::Bytes(value) => value.into(),
            Self::Json(value) => value.unwrap_or(Value::Null),
        }
    }
}

macro_rules! plain {
    ($($type:ty => $variant:ident, |$v:ident| $convert:expr;)*) => {
        $(
            impl From<$type> for Val {
                fn from($v: $type) -> Self {
                    Self::$variant(Some($convert))
                }
            }
            impl From<Option<$type>> for Val {
                fn from(value: Option<$type>) -> Self {
                    Self::$variant(value.map(|$v| $convert))
                }
            }
        )*
    };
}

plain! {
    i64 => Int, |v| v;
    u32 => Int, |v| i64::from(v);
    i32 => Int, |v| i64::from(v);
    bool => Bool, |v| v;
    String => Text, |v| v;
    &str => Text, |v| v.to_owned();
    &String => Text, |v| v.clone();
    Uuid => Uuid, |v| v;
    Time => Int, |v| v.micros();
    Span => Int, |v| v.as_micros();
    Vec<u8> => Bytes, |v| v;
    &[u8] => Bytes, |v| v.to_vec();
    [u8; 32] => Bytes, |v| v.to_vec();
    Value => Json, |v| v;
    &Value => Json, |v| v.clone();
}

macro_rules! ids {
    ($($id:ident)*) => {
        plain! { $(stint_domain::$id => Uuid, |v| v.0;)* }
    };
}
stint_domain::for_each_id!(ids);
