use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";
const LINE_LETTERS: usize = 64;

/// The label and the content of the only block in `text`.
pub(crate) fn decode(text: &str) -> Option<(&str, Vec<u8>)> {
    let (label, rest) = text.trim().strip_prefix(BEGIN)?.split_once(DASHES)?;
    let body = rest.strip_suffix(DASHES)?.strip_suffix(label)?.strip_suffix("-----END ")?;
    let letters: String = body.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    Some((label, STANDARD.decode(letters).ok()?))
}

pub(crate) fn encode(label: &str, content: &[u8]) -> String {
    let letters = STANDARD.encode(content);
    let mut text = format!("{BEGIN}{label}{DASHES}\n");
    let mut rest = letters.as_str();
    while !rest.is_empty() {
        let (line, others) = rest.split_at(rest.len().min(LINE_LETTERS));
        text += line;
        text += "\n";
        rest = others;
    }
    text + &format!("-----END {label}{DASHES}\n")
}
