use strongroom_core::{Store, conformance};
use strongroom_store_postgres::{PostgresStore, testing::database};

#[test]
fn keeps_the_contract() {
    if database().is_none() {
        return;
    }
    conformance::run(&|| -> Box<dyn Store> {
        Box::new(PostgresStore::create(database().unwrap().config()).unwrap())
    });
}
