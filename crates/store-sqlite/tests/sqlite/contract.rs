use strongroom_store_sqlite::SqliteStore;

#[test]
fn keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    strongroom_core::conformance::run(&|| {
        number.set(number.get() + 1);
        Box::new(SqliteStore::create(folder.path().join(format!("{}.db", number.get()))).unwrap())
    });
}
