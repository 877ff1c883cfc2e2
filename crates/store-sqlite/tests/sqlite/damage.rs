use std::{fs, path::Path};

use strongroom_core::{Direction, Range, Store};
use strongroom_store_sqlite::{OpenError, SqliteStore};

use crate::support::{TABLE, beside, contents, key, put, quick_place, tenant, try_commit, write};

/// The file of a closed store with records on some pages.
fn file(path: &Path) -> Vec<u8> {
    let store = SqliteStore::create(path).unwrap();
    let rows = (0..40).map(|row| (key(row), put(vec![row as u8; 50 * row as usize])));
    write(&store, rows.collect());
    drop(store);
    fs::read(path).unwrap()
}

/// Opens and uses a damaged file. It is refused and left as it is, or it opens, and what is read and written then
/// answers: a value is not the engine's to check, its barrier does that.
fn survives(path: &Path, damaged: &[u8]) -> Option<OpenError> {
    fs::write(path, damaged).unwrap();
    let _ = fs::remove_file(beside(path, ".owner"));
    let before = contents(path.parent().unwrap());
    match SqliteStore::open(path) {
        Err(error) => {
            let kept = contents(path.parent().unwrap()) == before;
            assert!(kept, "{error:?} changed the folder");
            Some(error)
        }
        Ok(store) => {
            let range = Range::under(tenant(1), TABLE, &[]).unwrap();
            let _ = store.scan(&range, Direction::Backward, 100);
            let _ = store.get_many(&[key(1), key(20), key(39)]);
            let _ = try_commit(&store, Vec::new(), vec![(key(20), put("new"))]);
            None
        }
    }
}

#[test]
fn a_flipped_bit_in_the_header_is_refused_or_harmless() {
    let (_folder, path) = quick_place();
    let good = file(&path);
    let mut refused = 0;
    for bit in 0..100 * 8 {
        let mut damaged = good.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        match survives(&path, &damaged) {
            None => {}
            Some(OpenError::Foreign | OpenError::Damaged) => refused += 1,
            Some(other) => panic!("bit {bit}: {other:?}"),
        }
    }
    assert!(refused >= 160, "the magic and the application id at least: {refused}");
}

#[test]
fn a_flipped_bit_in_a_page_is_no_panic() {
    let (_folder, path) = quick_place();
    let good = file(&path);
    // The headers and cell pointers of all pages, and steps through their content.
    let bytes =
        (0..good.len()).filter(|byte| byte % 4096 < 24 || byte % 509 == 0).filter(|byte| *byte >= 100);
    for byte in bytes {
        let mut damaged = good.clone();
        damaged[byte] ^= 1 << (byte % 8);
        let refusal = survives(&path, &damaged);
        assert!(matches!(refusal, None | Some(OpenError::Damaged)), "byte {byte}: {refusal:?}");
    }
}

#[test]
fn a_truncated_store_is_refused() {
    let (_folder, path) = quick_place();
    let good = file(&path);
    let pages = good.len() / 4096;
    assert!(pages > 8);
    let cuts = [1, 15, 16, 50, 99, 100, 511, 512, 4095, 4096, 4097, 8192, good.len() - 4096, good.len() - 1];
    for cut in cuts {
        let refusal = survives(&path, &good[..cut]);
        // Without the application id nobody can tell whose it was.
        let fits = match refusal {
            Some(OpenError::Foreign) => cut < 512,
            Some(OpenError::Damaged) => cut >= 72,
            _ => false,
        };
        assert!(fits, "cut to {cut} of {} bytes: {refusal:?}", good.len());
    }
}

#[test]
fn a_store_with_pages_of_zeros_is_refused_or_answers() {
    let (_folder, path) = quick_place();
    let good = file(&path);
    for page in 0..good.len() / 4096 {
        let mut damaged = good.clone();
        damaged[page * 4096..(page + 1) * 4096].fill(0);
        let refusal = survives(&path, &damaged);
        let fits = match refusal {
            Some(OpenError::Foreign) => page == 0,
            Some(OpenError::Damaged) | None => true,
            _ => false,
        };
        assert!(fits, "page {page}: {refusal:?}");
    }
}
