use serde::Deserialize;
use serde_json::json;
use strongroom::audit::{AuditError, AuditLog, LogId, SignedCheckpoint, TILE_WIDTH, TileId};
use strongroom_serve::{Response, StatusCode};

use super::{Work, failed};
use crate::{
    answer::bad_request,
    payload::{check, take},
};

/// A file of C2SP tlog-tiles, or the events of a bundle beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct File {
    kind: Kind,
    /// Where it is, as if it were a tile.
    at: TileId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tile,
    Entries,
    Events,
}

impl File {
    /// Reads a path below the log: `tile/<level>/<number>`, `tile/entries/<number>`, `events/<number>`.
    pub(super) fn parse(path: &[&str]) -> Option<Self> {
        let (kind, level, number) = match path {
            ["tile", "entries", number @ ..] => (Kind::Entries, 0, number),
            ["events", number @ ..] => (Kind::Events, 0, number),
            ["tile", level, number @ ..] => {
                (Kind::Tile, level.parse().ok().filter(|level| *level < 64)?, number)
            }
            _ => return None,
        };
        let (number, width) = match number {
            [number @ .., partial, width] if partial.ends_with(".p") => {
                (number.iter().copied().chain(partial.strip_suffix(".p")).collect(), width.parse().ok()?)
            }
            number => (number.to_vec(), u16::try_from(TILE_WIDTH).ok()?),
        };
        let mut index = 0_u64;
        for group in &number {
            index = index.checked_mul(1_000)?.checked_add(group.trim_start_matches('x').parse().ok()?)?;
        }
        let at = TileId { level, index, width };
        // What it displays as is its one spelling; a level has at most two digits there, and no sign.
        let spelled = match path.first_chunk() {
            Some(["tile", "entries"]) => format!("tile/0/{}", path.get(2..)?.join("/")),
            Some(["events", _]) => format!("tile/0/{}", path.get(1..)?.join("/")),
            _ => path.join("/"),
        };
        let good = (1..=TILE_WIDTH).contains(&width.into()) && at.to_string() == spelled;
        good.then_some(Self { kind, at })
    }

    pub(super) fn read(self, log: &AuditLog, id: LogId) -> Result<Response, Response> {
        let TileId { index, width, .. } = self.at;
        let bytes = match self.kind {
            Kind::Tile => log.tile(id, self.at),
            Kind::Entries => log.entries(id, index, width),
            Kind::Events => log.events(id, index, width),
        };
        bytes
            .map(|bytes| Response::bytes(StatusCode::OK, "application/octet-stream", bytes))
            .map_err(|error| failed(&error))
    }
}

/// A checkpoint that somebody kept.
#[derive(Deserialize)]
struct Kept {
    checkpoint: String,
}

impl Work<'_> {
    /// The newest checkpoint, as a signed note.
    pub(super) fn checkpoint(&self, id: LogId) -> Result<Response, Response> {
        self.catch_up();
        self.log.checkpoint(id).map(|signed| text(signed.to_string())).map_err(|error| failed(&error))
    }

    /// The proof of one event.
    pub(super) fn proof(&self, index: u64) -> Result<Response, Response> {
        let proof = match self.log.prove(self.tenant, index) {
            // It may be on its way.
            Err(AuditError::NotFound) => {
                self.catch_up();
                self.log.prove(self.tenant, index)
            }
            proof => proof,
        };
        let proof = proof.map_err(|error| failed(&error))?;
        Ok(text(proof.to_string()))
    }

    /// The hashes between two sizes of the log.
    pub(super) fn consistency(&self, id: LogId) -> Result<Response, Response> {
        let (Some(from), Some(to)) = self.asked.sizes else {
            return Err(bad_request("'from' and 'to' must be sizes of the log"));
        };
        let hashes = self.log.consistency(id, from, to).map_err(|error| failed(&error))?;
        let hashes: Vec<_> = hashes.iter().map(ToString::to_string).collect();
        Ok(self.reply.data(&json!({ "from": from, "to": to, "hashes": hashes })))
    }

    /// The proof that the log begins with all that it had at a checkpoint that somebody kept.
    pub(super) fn prove_since(&self, id: LogId) -> Result<Response, Response> {
        let Kept { checkpoint } = check(self.body).and_then(take)?;
        let kept = SignedCheckpoint::parse(&checkpoint).map_err(|error| bad_request(&error.to_string()))?;
        if kept.claimed_origin().log != id {
            return Err(bad_request("the checkpoint is of another log"));
        }
        self.catch_up();
        let proof = self.log.prove_since(&kept).map_err(|error| failed(&error))?;
        Ok(text(proof.to_string()))
    }
}

fn text(text: String) -> Response {
    Response::bytes(StatusCode::OK, "text/plain; charset=utf-8", text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str) -> Option<File> {
        File::parse(&path.split('/').collect::<Vec<_>>())
    }

    #[test]
    fn every_path_of_a_tree_is_read_as_the_tile_that_it_is_of() {
        for size in [1, 256, 257, 70_000, 1_234_067 * 256 + 5] {
            for tile in
                [TileId::at(0, 0, size), TileId::at(0, size / 256, size), TileId::at(1, size >> 16, size)]
            {
                let Some(tile) = tile else { continue };
                assert_eq!(parse(&tile.to_string()), Some(File { kind: Kind::Tile, at: tile }), "{tile}");
            }
        }
        let at = TileId { level: 0, index: 1_067, width: 3 };
        assert_eq!(parse("tile/entries/x001/067.p/3"), Some(File { kind: Kind::Entries, at }));
        assert_eq!(parse("events/x001/067.p/3"), Some(File { kind: Kind::Events, at }));
    }

    #[test]
    fn a_path_has_one_spelling() {
        for path in [
            "tile",
            "tile/0",
            "tile/0/0",
            "tile/0/0000",
            "tile/00/000",
            "tile/+1/000",
            "tile/0/x000/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/257",
            "tile/0/000.p/01",
            "tile/0/000.p",
            "tile/0/001/067",
            "tile/0/x001/x067",
            "tile/64/000",
            "tile/entries",
            "tile/entries/0",
            "events/x",
            "tile/0/xx001/067",
            "tile/0/-01",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
    }
}
