//! Service tokens over a real barrier and over two nodes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]

mod bounds;
mod life;
mod model;
mod nodes;
mod tree;
mod world;
