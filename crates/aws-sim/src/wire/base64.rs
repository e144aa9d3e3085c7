//! Bytes as text.

/// As most write it; the end is filled up by whoever needs that.
pub(crate) const STANDARD: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// For addresses.
pub(crate) const URL_SAFE: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Six bits a letter, without anything at the end.
pub(crate) fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let sixes = bytes.chunks(3).flat_map(|chunk| {
        let padded = chunk.iter().chain(&[0, 0]).take(3);
        let bits = padded.fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte));
        (0..=chunk.len()).map(move |n| (bits >> (18 - 6 * n)) & 63)
    });
    let letters = sixes.filter_map(|six| alphabet.get(six as usize));
    letters.map(|byte| char::from(*byte)).collect()
}
