/// Reads a fuzzer's bytes as instructions. It never runs dry: behind the end are zeros.
pub(crate) struct Input<'d>(&'d [u8]);

impl<'d> Input<'d> {
    pub(crate) fn new(data: &'d [u8]) -> Self {
        Self(data)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.bytes(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    /// A number below `end`, from two bytes; zero where there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(u16::from_be_bytes(self.array())) % end.max(1)
    }

    /// At most so many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> &'d [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Bytes with their number, one byte, before them.
    pub(crate) fn short(&mut self) -> &'d [u8] {
        let count = self.byte();
        self.bytes(count.into())
    }

    pub(crate) fn rest(&mut self) -> &'d [u8] {
        std::mem::take(&mut self.0)
    }
}
