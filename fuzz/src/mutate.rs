/// Changes inputs here and there, as a fuzzer does but without looking: the same changes in every run.
#[derive(Debug)]
pub struct Mutator(u64);

/// Bytes that parsers tend to treat as special.
const TELLING: [u8; 16] = [0, 1, 2, 3, 4, 5, 0x7f, 0x80, 0xff, b'%', b'/', b'"', b'.', b':', b'=', b'\\'];

/// No input grows beyond this.
const LONGEST: usize = 4096;

impl Mutator {
    /// Two with the same number do the same.
    pub fn new(number: u64) -> Self {
        Self(number | 1)
    }

    /// One to four changes of `input`; `other` lends a piece now and then.
    pub fn mutate(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes, other);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    /// A number below `end`; zero where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end.max(1)
    }

    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len());
        let end = (at + 1 + self.below(16)).min(bytes.len());
        match self.below(9) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at.min(end)..end)),
            2 => bytes.extend_from_within(at.min(end)..end),
            3 => bytes.insert(at, self.telling()),
            4 => self.splice(bytes, at, other),
            _ if bytes.is_empty() => bytes.push(self.telling()),
            5 => bytes[at] = self.telling(),
            6 => bytes[at] = self.below(256) as u8,
            7 => bytes[at] = bytes[at].wrapping_add(1),
            _ => bytes[at] ^= 1 << self.below(8),
        }
    }

    fn splice(&mut self, bytes: &mut Vec<u8>, at: usize, other: &[u8]) {
        let from = self.below(other.len());
        let piece = &other[from..(from + 1 + self.below(64)).min(other.len()).max(from)];
        bytes.splice(at..at, piece.iter().copied());
    }

    fn telling(&mut self) -> u8 {
        TELLING[self.below(TELLING.len())]
    }
}
