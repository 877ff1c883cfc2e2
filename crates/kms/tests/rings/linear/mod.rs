//! Whether what clients of several nodes were answered can have happened one after the other: a checker of
//! linearisability after Wing and Gong, with the memory of Lowe, and what a ring is to it.
//!
//! The tests of this package use it within one process, those of the program with servers of their own.

mod dice;
mod history;
mod load;
mod ring;
pub(crate) mod search;
mod texts;

pub(crate) use dice::Dice;
pub(crate) use history::History;
pub(crate) use load::{Client, Load, ROLES};
pub(crate) use ring::{Act, Answer, Call, Shown, State, Text, To};
pub(crate) use search::Operation;
pub(crate) use texts::Texts;
