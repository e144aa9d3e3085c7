//! Members of an input, with AWS's constraints and AWS's words for a breach.

use serde_json::{Map, Value};

use super::{ApiError, Service};

/// What a text must look like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) shortest: usize,
    pub(crate) longest: usize,
    /// The pattern as AWS words it.
    pub(crate) pattern: &'static str,
    pub(crate) fits: fn(&str) -> bool,
}

/// The members of one call's input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    service: Service,
    members: &'a Map<String, Value>,
}

impl<'a> Input<'a> {
    pub(crate) fn new(service: Service, members: &'a Map<String, Value>) -> Self {
        Self { service, members }
    }

    pub(crate) fn service(&self) -> Service {
        self.service
    }

    pub(crate) fn members(&self) -> &'a Map<String, Value> {
        self.members
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// A text, if it is there.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ApiError::serialization()),
        }
    }

    /// A text of this shape, which must be there.
    pub(crate) fn required(&self, name: &str, shape: Shape) -> Result<&'a str, ApiError> {
        let text = self.text(name)?.ok_or_else(|| self.missing(name))?;
        self.fits(name, text, shape)?;
        Ok(text)
    }

    /// One of these words, if it is there.
    pub(crate) fn word(
        &self,
        name: &str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, ApiError> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        match words.iter().find(|word| **word == text) {
            Some(word) => Ok(Some(word)),
            None => Err(self.breach(
                name,
                text,
                &format!("Member must satisfy enum value set: [{}]", words.join(", ")),
            )),
        }
    }

    /// One of these words, which must be there.
    pub(crate) fn required_word(
        &self,
        name: &str,
        words: &[&'static str],
    ) -> Result<&'static str, ApiError> {
        self.word(name, words)?.ok_or_else(|| self.missing(name))
    }

    /// A whole number within bounds, if it is there.
    pub(crate) fn number(
        &self,
        name: &str,
        least: u64,
        most: u64,
    ) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let number = match value {
            // A form knows nothing but texts.
            Value::String(text) if self.service.is_query() => text
                .parse()
                .map_err(|_| ApiError::new("MalformedInput", format!("Invalid {name}")))?,
            other => other.as_i64().ok_or_else(ApiError::serialization)?,
        };
        let bound = match u64::try_from(number) {
            Ok(fine) if (least..=most).contains(&fine) => return Ok(Some(fine)),
            Ok(big) if big > most => format!("less than or equal to {most}"),
            _ => format!("greater than or equal to {least}"),
        };
        Err(self.breach(
            name,
            &number.to_string(),
            &format!("Member must have value {bound}"),
        ))
    }

    /// A nested object, if it is there.
    pub(crate) fn object(&self, name: &str) -> Result<Option<Input<'a>>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Input {
                service: self.service,
                members,
            })),
            Some(_) => Err(ApiError::serialization()),
        }
    }

    /// A nested object, which must be there.
    pub(crate) fn required_object(&self, name: &str) -> Result<Input<'a>, ApiError> {
        self.object(name)?.ok_or_else(|| self.missing(name))
    }

    /// A list, if it is there.
    pub(crate) fn list(&self, name: &str) -> Result<Option<&'a [Value]>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(ApiError::serialization()),
        }
    }

    pub(crate) fn fits(&self, name: &str, text: &str, shape: Shape) -> Result<(), ApiError> {
        let length = text.chars().count();
        if length < shape.shortest {
            let least = format!(
                "Member must have length greater than or equal to {}",
                shape.shortest
            );
            return Err(self.breach(name, text, &least));
        }
        if length > shape.longest {
            let most = format!(
                "Member must have length less than or equal to {}",
                shape.longest
            );
            return Err(self.breach(name, text, &most));
        }
        if !(shape.fits)(text) {
            let pattern = format!(
                "Member must satisfy regular expression pattern: {}",
                shape.pattern
            );
            return Err(self.breach(name, text, &pattern));
        }
        Ok(())
    }

    pub(crate) fn missing(&self, name: &str) -> ApiError {
        ApiError::validation(
            self.service,
            format!(
                "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
                member_name(name)
            ),
        )
    }

    pub(crate) fn breach(&self, name: &str, value: &str, constraint: &str) -> ApiError {
        ApiError::validation(
            self.service,
            format!(
                "1 validation error detected: Value '{value}' at '{}' failed to satisfy constraint: {constraint}",
                member_name(name)
            ),
        )
    }
}

/// AWS writes members small in its messages and events: `targetId`.
pub(crate) fn member_name(name: &str) -> String {
    let mut chars = name.chars();
    match chars.next() {
        Some(first) => first.to_ascii_lowercase().to_string() + chars.as_str(),
        None => String::new(),
    }
}
