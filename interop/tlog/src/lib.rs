//! Opens an exported audit log with `signed_note` and `tlog_tiles`, which know nothing of Strongroom: the checkpoint is
//! a note, its root is that of the tiles, and every entry is the leaf that the tiles say.

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
};

use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{
    Checkpoint, Error, HashReader, Tile, TileHashReader, TileReader, check_record, check_tree, prove_record,
    prove_tree, record_hash, stored_hash_index, tree_hash,
};

/// The height of the tiles of C2SP tlog-tiles.
const HEIGHT: u8 = 8;

/// A log that was opened and verified.
#[derive(Debug)]
pub struct Log {
    /// The first line of its checkpoint.
    pub origin: String,
    /// The lines after the root.
    pub extension: String,
    /// All entries.
    pub entries: Vec<Vec<u8>>,
}

/// Reads a log from a folder and verifies all of it with the verifier key: signature, root, every entry, and a proof of
/// inclusion and of consistency for each size.
///
/// # Errors
/// What did not hold.
pub fn read(folder: &Path, key: &str) -> Result<Log, String> {
    let note = fs::read(folder.join("checkpoint")).map_err(text)?;
    let note = Note::from_bytes(&note).map_err(text)?;
    let verifier = StandardVerifier::new(key).map_err(text)?;
    note.verify(&VerifierList::new(vec![Box::new(verifier)])).map_err(text)?;
    let checkpoint = Checkpoint::from_bytes(note.text()).map_err(text)?;

    let tiles = Tiles(folder.to_path_buf());
    let (size, root) = (checkpoint.size(), *checkpoint.hash());
    let reader = TileHashReader::new(size, root, &tiles);
    if tree_hash(size, &reader).map_err(text)? != root {
        return Err("the tiles do not give the root".into());
    }
    let entries = entries(folder, size)?;
    for (index, entry) in (0..).zip(&entries) {
        let hash = record_hash(entry);
        let stored = reader.read_hashes(&[stored_hash_index(0, index)]).map_err(text)?;
        if stored != [hash] {
            return Err(format!("entry {index} is not the leaf of the tiles"));
        }
        let proof = prove_record(size, index, &reader).map_err(text)?;
        check_record(&proof, size, root, index, hash).map_err(text)?;
        let proof = prove_tree(size, index + 1, &reader).map_err(text)?;
        let old = tree_hash(index + 1, &reader).map_err(text)?;
        check_tree(&proof, size, root, index + 1, old).map_err(text)?;
    }
    let (origin, extension) = (checkpoint.origin().to_owned(), checkpoint.extension().to_owned());
    Ok(Log { origin, extension, entries })
}

/// The entries of all bundles: each with its length, u16 big-endian, before it.
fn entries(folder: &Path, size: u64) -> Result<Vec<Vec<u8>>, String> {
    let mut entries = Vec::new();
    while (entries.len() as u64) < size {
        let first = entries.len() as u64;
        let width = u32::try_from((size - first).min(1 << HEIGHT)).map_err(text)?;
        let path =
            Tile::new(HEIGHT, 0, first >> HEIGHT, width, false).path().replace("tile/8/0", "tile/entries");
        let bundle = fs::read(folder.join(path)).map_err(text)?;
        let mut rest = bundle.as_slice();
        while let Some((length, after)) = rest.split_first_chunk() {
            let length = u16::from_be_bytes(*length).into();
            let (entry, after) = after.split_at_checked(length).ok_or("a bundle is cut off")?;
            entries.push(entry.to_vec());
            rest = after;
        }
        if !rest.is_empty() || entries.len() as u64 != first + u64::from(width) {
            return Err("a bundle has another number of entries".into());
        }
    }
    Ok(entries)
}

/// A folder of tiles.
struct Tiles(PathBuf);

impl TileReader for Tiles {
    fn height(&self) -> u8 {
        HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| {
            // C2SP has one height and leaves it out of the path.
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            fs::read(self.0.join(&path)).map_err(|_| Error::InvalidInput(path))
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn text(error: impl Display) -> String {
    error.to_string()
}
