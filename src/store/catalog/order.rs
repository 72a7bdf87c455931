//! Sort orders and sets of ids.

/// Keys in ascending order, changed in place. A key ends with the id, so that none occurs twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order<K>(Vec<K>);

impl<K> Default for Order<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord + Copy> Order<K> {
    pub(super) fn rebuild(&mut self, keys: impl Iterator<Item = K>) {
        self.0 = keys.collect();
        self.0.sort_unstable();
    }

    pub(super) fn replace(&mut self, before: Option<K>, after: Option<K>) {
        if before == after {
            return;
        }
        if let Some(Ok(at)) = before.map(|key| self.0.binary_search(&key)) {
            self.0.remove(at);
        }
        if let Some(key) = after
            && let Err(at) = self.0.binary_search(&key)
        {
            self.0.insert(at, key);
        }
    }

    pub(super) fn keys(&self) -> &[K] {
        &self.0
    }
}

/// A set of ids.
#[derive(Debug, Clone)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// The ids below `len` that pass.
    pub(super) fn of(len: usize, mut pass: impl FnMut(usize) -> bool) -> Self {
        let mut words = vec![0_u64; len.div_ceil(64)];
        for (n, word) in words.iter_mut().enumerate() {
            let base = n * 64;
            for bit in 0..(len - base).min(64) {
                *word |= u64::from(pass(base + bit)) << bit;
            }
        }
        Self(words)
    }

    pub(super) fn has(&self, id: u32) -> bool {
        self.0.get(id as usize / 64).is_some_and(|word| word >> (id % 64) & 1 == 1)
    }

    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|w| w.count_ones() as usize).sum()
    }

    pub(super) fn ids(&self) -> impl DoubleEndedIterator<Item = u32> {
        (0..self.0.len() as u32 * 64).filter(|id| self.has(*id))
    }

    /// Those of `ids` that are in the set, in their order. They are written without a branch: which ids pass is
    /// unforeseeable, and a branch missed at every third row would cost more than all the rest.
    pub(super) fn pick(&self, ids: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut out = vec![0; self.count() + 1];
        let mut n = 0;
        for id in ids {
            out[n] = id;
            n = (n + usize::from(self.has(id))).min(out.len() - 1);
        }
        out.truncate(n);
        out
    }
}
