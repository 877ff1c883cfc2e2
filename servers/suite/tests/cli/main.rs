//! The binary `strongroom` from end to end: what it promises to those who start it, and against what happens to
//! it.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod dev;
#[cfg(test)]
mod durable;
#[cfg(test)]
mod events;
#[cfg(test)]
mod first_start;
#[cfg(test)]
mod help;
#[cfg(test)]
mod kill;
#[cfg(test)]
#[path = "../../../../crates/kms/tests/rings/linear/mod.rs"]
mod linear;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod offline;
#[cfg(test)]
mod recorder;
#[cfg(test)]
mod scan;
#[cfg(test)]
mod seal;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod server;
#[cfg(test)]
mod slot;
#[cfg(test)]
mod slots;
#[cfg(test)]
mod store;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod transit;
#[cfg(test)]
mod upkeep;

/// As the binary has it: the tests run the same server in a process of their own.
#[cfg(test)]
#[global_allocator]
static MEMORY: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);
