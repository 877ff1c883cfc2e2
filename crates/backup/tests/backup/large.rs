//! A stream that nobody holds as a whole.

use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
    thread,
};

use strongroom_backup::read;

use crate::support::{House, again, folder_of_child};

/// Several times what one pass holds. Longer ones take long where tests are built without optimisation.
const LENGTH: u64 = 24 << 20;

/// Counts in words of 8 bytes.
struct Numbers {
    next: u64,
    left: u64,
}

impl Read for Numbers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        for word in buffer.chunks_exact_mut(8).take((self.left / 8) as usize) {
            word.copy_from_slice(&self.next.to_le_bytes());
            self.next += 1;
            filled += 8;
        }
        self.left -= filled as u64;
        Ok(filled)
    }
}

/// Expects what [`Numbers`] gives.
struct Expect(Numbers);

impl Write for Expect {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut expected = vec![0; bytes.len()];
        let filled = self.0.read(&mut expected)?;
        assert!(filled == bytes.len() && expected == bytes, "another stream came out");
        Ok(filled)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The most memory that this process ever had, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn a_long_stream_passes_through_in_constant_memory() {
    // In a process of its own, as others may use more memory.
    if folder_of_child().is_none() {
        let child = again("large::a_long_stream_passes_through_in_constant_memory", Path::new(".")).output();
        let child = child.unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        return;
    }
    let house = House::new();
    let (mut backup, to) = io::pipe().unwrap();
    let mut out = Expect(Numbers { next: 0, left: LENGTH });
    let verified = thread::scope(|scope| {
        let writer = scope.spawn(|| house.write(Numbers { next: 0, left: LENGTH }, to).unwrap());
        let (trusted, provider) = (house.trusted(), &house.provider);
        let verified = read(provider, &house.recovery, &trusted, &mut backup, &mut out, &mut |_| ()).unwrap();
        assert_eq!(writer.join().unwrap().length, LENGTH);
        verified
    });
    assert_eq!((verified.length, out.0.left), (LENGTH, 0));
    assert!(peak() < 16 << 20, "{} bytes", peak());
}
