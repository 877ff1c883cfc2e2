use std::collections::BTreeMap;

/// What became of the tests of one or several sets of vectors: each was compared, or is an exception with its reason.
#[derive(Default)]
pub(crate) struct Tally {
    tests: usize,
    compared: usize,
    exceptions: BTreeMap<&'static str, usize>,
}

impl Tally {
    /// A set has so many tests.
    pub(crate) fn set(&mut self, tests: usize) {
        self.tests += tests;
    }

    /// One came out as the set says.
    pub(crate) fn compared(&mut self) {
        self.compared += 1;
    }

    /// So many are not compared, or have another outcome here on purpose.
    pub(crate) fn except(&mut self, reason: &'static str, tests: usize) {
        *self.exceptions.entry(reason).or_default() += tests;
    }

    /// Fails unless exactly so many were compared, the exceptions are exactly these, and there was no other test.
    pub(crate) fn is(&self, compared: usize, exceptions: &[(&'static str, usize)]) {
        let expected: BTreeMap<_, _> = exceptions.iter().copied().collect();
        assert_eq!((self.compared, &self.exceptions), (compared, &expected));
        assert_eq!(compared + expected.values().sum::<usize>(), self.tests, "a test was passed over");
    }
}
