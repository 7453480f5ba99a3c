//! A small body that becomes a large one if a client decodes it.

/// Compresses 8 MiB of spaces to 52 KiB. The only block has fixed codes for a space and then for copies of
/// 258 spaces.
pub(crate) fn gzip_bomb() -> Vec<u8> {
    const COPIES: usize = 8 * 1024 * 1024 / 258;
    let mut bits: Vec<bool> = Vec::new();
    let mut code = |value: u32, width: u32| {
        // Huffman codes begin with their highest bit.
        bits.extend((0..width).rev().map(|bit| (value >> bit) & 1 == 1));
    };
    // The last block (1), with fixed codes (1, sent from its lowest bit).
    code(0b110, 3);
    code(0x30 + u32::from(b' '), 8);
    for _ in 0..COPIES {
        // Length 258 is symbol 285, without more bits; distance 1 is symbol 0.
        code(0b1100_0101, 8);
        code(0, 5);
    }
    code(0, 7);
    let mut gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    gzip.extend(bits.chunks(8).map(|byte| {
        byte.iter().enumerate().fold(0, |sum, (index, bit)| sum | u8::from(*bit) << index)
    }));
    let size = 1 + 258 * COPIES;
    gzip.extend(crc(size).to_le_bytes());
    gzip.extend(u32::try_from(size).expect("8 MiB").to_le_bytes());
    gzip
}

/// Returns the CRC-32 of `count` spaces.
fn crc(count: usize) -> u32 {
    // A table of the state after one more byte.
    let table: Vec<u32> = (0..256)
        .map(|index| (0..8).fold(index, |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1))))
        .collect();
    let next = |crc: u32, _| {
        let [low, ..] = crc.to_le_bytes();
        table[usize::from(low ^ b' ')] ^ (crc >> 8)
    };
    !(0..count).fold(u32::MAX, next)
}
