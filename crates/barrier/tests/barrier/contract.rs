//! The open barrier keeps the contract of a store.

use std::sync::Arc;

use strongroom_core::{
    PLAIN_LIMITS, Tenant,
    conformance::{Subject, run_on},
};

use crate::db::{Db, SYSTEM};

#[test]
fn keeps_the_contract() {
    run_on(&|| {
        let unsealed = Db::new().by_file();
        let tenants = [Tenant::SYSTEM, unsealed.first_tenant(), unsealed.create_tenant(&SYSTEM).unwrap()];
        Subject { store: Arc::new(unsealed), tenants, limits: PLAIN_LIMITS }
    });
}
