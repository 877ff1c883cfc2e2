use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::linear::{Dice, Text};

/// The latest ciphertexts of each ring, for whoever wants to decrypt one: as bytes or as a text of HTTP.
pub(crate) struct Texts<T>(Mutex<HashMap<String, Vec<(T, Text)>>>);

const KEPT: usize = 8;

impl<T: Clone> Texts<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    pub(crate) fn keep(&self, ring: &str, sealed: T, text: Text, dice: &mut Dice) {
        let mut rings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let texts = rings.entry(ring.to_owned()).or_default();
        match texts.len() {
            KEPT => texts[dice.below(KEPT)] = (sealed, text),
            _ => texts.push((sealed, text)),
        }
    }

    pub(crate) fn one(&self, ring: &str, dice: &mut Dice) -> Option<(T, Text)> {
        let rings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let texts = rings.get(ring)?;
        Some(texts[dice.below(texts.len())].clone())
    }
}
