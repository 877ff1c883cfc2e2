use std::io::{self, ErrorKind, Read};

/// Reads until the buffer is full or the stream ends, and answers what was read.
pub(crate) fn fill<'b>(from: &mut dyn Read, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    let mut filled = 0;
    loop {
        // A reader that claims more than it was asked for is broken.
        let free = buffer.get_mut(filled..).ok_or(ErrorKind::InvalidData)?;
        if free.is_empty() {
            break;
        }
        match from.read(free) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(buffer.get(..filled).unwrap_or_default())
}
