//! Measures Strongroom beside what bounds it, in the same run, and prints one table.

mod database;
mod effort;
mod http;
mod measure;
mod plain;
mod rate;
mod rows;
mod server;
mod table;

use std::{
    error::Error,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{effort::Effort, rows::Topic, table::Table};

/// What every step of a measurement answers.
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Measures Strongroom beside what bounds it, in the same run.
#[derive(Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true)]
struct Arguments {
    /// What to measure; all of it if nothing is named
    #[arg(value_enum)]
    topics: Vec<Topic>,

    /// A few seconds to see that everything runs; the figures mean nothing
    #[arg(long)]
    quick: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Folder for the databases; it must be on a disk, as commits are synced
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target"))]
    data: PathBuf,

    #[command(subcommand)]
    serve: Option<Serve>,
}

/// What the program does as its own child.
#[derive(Subcommand)]
enum Serve {
    /// Serves 200 bytes
    #[command(hide = true)]
    ServeBare,
    /// Commits without end
    #[command(hide = true)]
    Write {
        /// The database
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.serve {
        Some(Serve::ServeBare) => server::serve_bare(),
        Some(Serve::Write { file }) => rows::write(file),
        None => measure_all(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure_all(arguments: &Arguments) -> Result<()> {
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let topics = if arguments.topics.is_empty() { Topic::ALL } else { arguments.topics.as_slice() };
    let mut table = Table::begin(arguments.quick, arguments.json);
    for topic in topics {
        let folder = tempfile::tempdir_in(existing(&arguments.data)?)?;
        topic.measure(&effort, folder.path(), &mut table)?;
    }
    table.end()
}

fn existing(folder: &Path) -> Result<&Path> {
    std::fs::create_dir_all(folder)?;
    Ok(folder)
}
