use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use strongroom_core::{Name, Tenant};

/// What an entry costs beside its value: its places in map and queue, its name in both, and its tenant's map.
pub(crate) const ENTRY: usize = 512;
/// Entries that one call spares at most, so that nobody waits long for a lock where all were used.
const SPARED: usize = 64;

/// What is kept, and how much memory it takes as of now.
pub(crate) trait Weigh {
    fn bytes(&self) -> usize;
}

/// Values within a budget of bytes. What has to go is what came first, but what was used since it was last looked at
/// is spared once (the "second chance" of CLOCK): so a look-up only sets a mark and needs no write lock.
pub(crate) struct Clock<V> {
    tenants: HashMap<Tenant, HashMap<Name, Entry<V>>>,
    /// What is looked at next, in order.
    queue: BTreeMap<u64, (Tenant, Name)>,
    /// The place of the next one.
    next: u64,
    bytes: usize,
    room: usize,
}

struct Entry<V> {
    value: Arc<V>,
    /// What was counted for it.
    bytes: usize,
    place: u64,
    used: AtomicBool,
}

/// What is kept no more. It is dropped, and wiped, by whoever has let go of the lock.
pub(crate) type Gone<V> = Vec<Arc<V>>;

impl<V: Weigh> Clock<V> {
    pub(crate) fn new(room: usize) -> Self {
        Self { tenants: HashMap::new(), queue: BTreeMap::new(), next: 0, bytes: 0, room }
    }

    pub(crate) fn find(&self, tenant: Tenant, name: &str) -> Option<&Arc<V>> {
        let entry = self.tenants.get(&tenant)?.get(name)?;
        // A line that all threads read is not written again and again.
        if !entry.used.load(Ordering::Relaxed) {
            entry.used.store(true, Ordering::Relaxed);
        }
        Some(&entry.value)
    }

    /// Keeps a value, unless it takes more than half of all room: one cannot push out all others.
    pub(crate) fn insert(&mut self, tenant: Tenant, name: Name, value: Arc<V>) -> Gone<V> {
        let mut gone = Gone::from_iter(self.remove(tenant, &name));
        let bytes = ENTRY + value.bytes();
        if self.is_too_large(bytes) {
            return gone;
        }
        self.make_room(bytes, &mut gone);
        self.bytes += bytes;
        let place = self.queued(tenant, name.clone());
        let entry = Entry { value, bytes, place, used: AtomicBool::new(false) };
        self.tenants.entry(tenant).or_default().insert(name, entry);
        gone
    }

    /// Counts anew what `value` takes, if it is the one that is kept.
    pub(crate) fn weigh(&mut self, tenant: Tenant, name: &str, value: &Arc<V>) -> Gone<V> {
        let mut gone = Gone::new();
        let kept = self.tenants.get_mut(&tenant).and_then(|values| values.get_mut(name));
        let Some(entry) = kept.filter(|entry| Arc::ptr_eq(&entry.value, value)) else { return gone };
        let bytes = ENTRY + value.bytes();
        self.bytes = self.bytes - entry.bytes + bytes;
        entry.bytes = bytes;
        if self.is_too_large(bytes) {
            gone.extend(self.remove(tenant, name));
        }
        self.make_room(0, &mut gone);
        gone
    }

    pub(crate) fn remove(&mut self, tenant: Tenant, name: &str) -> Option<Arc<V>> {
        let values = self.tenants.get_mut(&tenant)?;
        let entry = values.remove(name)?;
        if values.is_empty() {
            self.tenants.remove(&tenant);
        }
        self.queue.remove(&entry.place);
        self.bytes -= entry.bytes;
        Some(entry.value)
    }

    pub(crate) fn remove_tenant(&mut self, tenant: Tenant) -> Gone<V> {
        let entries = self.tenants.remove(&tenant).unwrap_or_default().into_values();
        let removed = entries.map(|entry| {
            self.queue.remove(&entry.place);
            self.bytes -= entry.bytes;
            entry.value
        });
        removed.collect()
    }

    pub(crate) fn clear(&mut self) -> Gone<V> {
        let tenants = self.tenants.keys().copied().collect::<Vec<_>>();
        tenants.into_iter().flat_map(|tenant| self.remove_tenant(tenant)).collect()
    }

    fn is_too_large(&self, bytes: usize) -> bool {
        bytes > self.room / 2
    }

    fn queued(&mut self, tenant: Tenant, name: Name) -> u64 {
        let place = self.next;
        self.next += 1;
        self.queue.insert(place, (tenant, name));
        place
    }

    /// Lets go of what is next, until `more` bytes fit.
    fn make_room(&mut self, more: usize, gone: &mut Gone<V>) {
        let mut spared = 0;
        while self.bytes + more > self.room {
            let Some((_, (tenant, name))) = self.queue.pop_first() else { return };
            if spared < SPARED && self.was_used(tenant, &name) {
                spared += 1;
                let place = self.queued(tenant, name.clone());
                if let Some(entry) = self.entry(tenant, &name) {
                    entry.place = place;
                }
            } else {
                gone.extend(self.remove(tenant, &name));
            }
        }
    }

    /// Whether it was used since this was last asked.
    fn was_used(&mut self, tenant: Tenant, name: &str) -> bool {
        self.entry(tenant, name).is_some_and(|entry| std::mem::take(entry.used.get_mut()))
    }

    fn entry(&mut self, tenant: Tenant, name: &str) -> Option<&mut Entry<V>> {
        self.tenants.get_mut(&tenant)?.get_mut(name)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, sync::atomic::AtomicUsize};

    use proptest::prelude::*;

    use super::*;

    const ROOM: usize = 10 * ENTRY;

    /// Takes as much as it says.
    struct Block(AtomicUsize);

    impl Weigh for Block {
        fn bytes(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    type Place = (u8, u8);

    fn tenant(of: Place) -> Tenant {
        Tenant::from_bytes([of.0; 16])
    }

    fn name(of: Place) -> Name {
        Name::parse(&of.1.to_string()).unwrap()
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(Place, usize),
        Find(Place),
        Grow(Place, usize),
        Remove(Place),
        RemoveTenant(Place),
        Clear,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let place = || (0..3_u8, 0..12_u8);
        let step = prop_oneof![
            6 => (place(), 0..6 * ENTRY).prop_map(|(place, bytes)| Step::Insert(place, bytes)),
            6 => place().prop_map(Step::Find),
            3 => (place(), 0..3 * ENTRY).prop_map(|(place, bytes)| Step::Grow(place, bytes)),
            1 => place().prop_map(Step::Remove),
            1 => place().prop_map(Step::RemoveTenant),
            1 => Just(Step::Clear),
        ];
        prop::collection::vec(step, 0..200)
    }

    /// The same with nothing but a list.
    #[derive(Default)]
    struct Model(VecDeque<Item>);

    struct Item {
        place: Place,
        bytes: usize,
        used: bool,
    }

    impl Model {
        fn bytes(&self) -> usize {
            self.0.iter().map(|item| item.bytes).sum()
        }

        fn item(&mut self, place: Place) -> Option<&mut Item> {
            self.0.iter_mut().find(|item| item.place == place)
        }

        fn make_room(&mut self, more: usize) {
            while self.bytes() + more > ROOM {
                let Some(first) = self.0.pop_front() else { return };
                if first.used {
                    self.0.push_back(Item { used: false, ..first });
                }
            }
        }

        fn step(&mut self, step: &Step) {
            match *step {
                Step::Insert(place, bytes) => {
                    let bytes = bytes + ENTRY;
                    self.0.retain(|item| item.place != place);
                    if bytes <= ROOM / 2 {
                        self.make_room(bytes);
                        self.0.push_back(Item { place, bytes, used: false });
                    }
                }
                Step::Find(place) => {
                    self.item(place).into_iter().for_each(|item| item.used = true);
                }
                Step::Grow(place, more) => {
                    self.item(place).into_iter().for_each(|item| item.bytes += more);
                    self.0.retain(|item| item.bytes <= ROOM / 2);
                    self.make_room(0);
                }
                Step::Remove(place) => self.0.retain(|item| item.place != place),
                Step::RemoveTenant(place) => self.0.retain(|item| item.place.0 != place.0),
                Step::Clear => self.0.clear(),
            }
        }
    }

    fn step(clock: &mut Clock<Block>, step: &Step) {
        match *step {
            Step::Insert(place, bytes) => {
                clock.insert(tenant(place), name(place), Arc::new(Block(bytes.into())));
            }
            Step::Find(place) => drop(clock.find(tenant(place), &name(place)).cloned()),
            Step::Grow(place, more) => {
                let kept = clock.entry(tenant(place), &name(place)).map(|entry| entry.value.clone());
                if let Some(value) = kept {
                    value.0.fetch_add(more, Ordering::Relaxed);
                    clock.weigh(tenant(place), &name(place), &value);
                }
            }
            Step::Remove(place) => drop(clock.remove(tenant(place), &name(place))),
            Step::RemoveTenant(place) => drop(clock.remove_tenant(tenant(place))),
            Step::Clear => drop(clock.clear()),
        }
    }

    proptest! {
        #[test]
        fn it_keeps_what_a_list_with_second_chances_keeps_and_never_more_than_its_room(steps in steps()) {
            let (mut clock, mut model) = (Clock::new(ROOM), Model::default());
            for each in steps {
                step(&mut clock, &each);
                model.step(&each);
                prop_assert_eq!(clock.bytes, model.bytes(), "{:?}", each);
                prop_assert!(clock.bytes <= ROOM);
                let kept = clock.queue.values().map(|(tenant, name)| (*tenant, name.clone()));
                let expected = model.0.iter().map(|item| (tenant(item.place), name(item.place)));
                prop_assert_eq!(kept.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{:?}", each);
                let entries: usize = clock.tenants.values().map(HashMap::len).sum();
                prop_assert_eq!(entries, clock.queue.len());
            }
        }
    }

    #[test]
    fn what_is_used_outlives_a_flood_of_what_is_used_once() {
        let mut clock = Clock::new(ROOM);
        clock.insert(tenant((0, 0)), name((0, 0)), Arc::new(Block(0.into())));
        for number in 0..200 {
            assert!(clock.find(tenant((0, 0)), "0").is_some(), "at {number}");
            clock.insert(tenant((1, number)), name((1, number)), Arc::new(Block(ENTRY.into())));
        }
    }

    #[test]
    fn one_huge_value_empties_nothing_and_neither_does_one_that_grows() {
        let mut clock = Clock::new(ROOM);
        (0..8).for_each(|number| {
            drop(clock.insert(tenant((0, 0)), name((0, number)), Arc::new(Block(0.into()))))
        });
        assert!(clock.insert(tenant((1, 0)), name((1, 0)), Arc::new(Block(ROOM.into()))).is_empty());
        let growing = Arc::new(Block(0.into()));
        assert!(clock.insert(tenant((1, 0)), name((1, 0)), growing.clone()).is_empty());
        growing.0.store(ROOM, Ordering::Relaxed);
        assert_eq!(clock.weigh(tenant((1, 0)), "0", &growing).len(), 1, "itself");
        assert_eq!(clock.queue.len(), 8);
    }

    #[test]
    fn what_is_not_kept_any_more_is_not_weighed() {
        let mut clock = Clock::new(ROOM);
        let (old, new) = (Arc::new(Block(0.into())), Arc::new(Block(0.into())));
        clock.insert(tenant((0, 0)), name((0, 0)), old.clone());
        clock.insert(tenant((0, 0)), name((0, 0)), new);
        old.0.store(ENTRY, Ordering::Relaxed);
        assert!(clock.weigh(tenant((0, 0)), "0", &old).is_empty());
        assert_eq!(clock.bytes, ENTRY);
    }
}
