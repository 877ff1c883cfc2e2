//! Writes the seeds of every target into `seeds/`, and removes what no target makes or a fuzzer found.

use std::{fs, io};

use strongroom_fuzz::{Seed, TARGETS};

fn main() -> io::Result<()> {
    for target in TARGETS {
        let (folder, seeds) = (Seed::folder(target.name), (target.seeds)());
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !name.starts_with(Seed::FOUND) && seeds.iter().all(|seed| seed.name != name) {
                fs::remove_file(folder.join(name))?;
            }
        }
        for seed in seeds {
            fs::write(folder.join(&seed.name), &seed.bytes)?;
        }
    }
    Ok(())
}
