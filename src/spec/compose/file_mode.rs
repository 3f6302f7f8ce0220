//! Permission bits in every notation: `0440`, `"0440"`, `288`.

use schemars::json_schema;

use super::inline_schema::inline_schema;
use crate::spec::decode::{Cursor, Decode, Report};
use crate::spec::yaml::node::{Scalar, ScalarKind, Value};

/// Permission bits. YAML reads `0440` as an octal number; text is octal too, as in the Compose specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileMode(pub u32);

impl Decode for FileMode {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mode = match &at.node.value {
            Value::Scalar(Scalar { kind: ScalarKind::String, text, .. }) => {
                u32::from_str_radix(text.strip_prefix("0o").unwrap_or(text), 8).ok()
            }
            Value::Scalar(Scalar { kind: ScalarKind::Int(bits), .. }) => u32::try_from(*bits).ok(),
            Value::Scalar(_) | Value::Sequence(_) | Value::Mapping(_) => None,
        };
        let mode = mode.filter(|bits| *bits <= 0o7777);
        match mode {
            None => report.push(at.expected("permission bits such as 0440")),
            Some(bits) => {
                // `mode: 440` is decimal 440, which is 0670: nobody means that.
                if let Value::Scalar(Scalar { kind: ScalarKind::Int(_), text, .. }) = &at.node.value
                    && !text.starts_with('0')
                    && matches!(text.len(), 3 | 4)
                    && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit))
                {
                    report.push(
                        at.warning(
                            "decimal-mode",
                            format_args!(
                                "is the decimal number {text}, which is 0{bits:o} in octal"
                            ),
                        )
                        .hint(format!("write 0{text}")),
                    );
                }
            }
        }
        mode.map(Self)
    }
}

inline_schema!(FileMode, |_| json_schema!({ "type": ["integer", "string"], "examples": ["0440"] }));
