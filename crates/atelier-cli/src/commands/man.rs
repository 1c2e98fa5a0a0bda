//! `atelier man`: the manual pages.

use std::path::Path;

use clap::CommandFactory;

use crate::args::Cli;
use crate::error::{Error, Result};
use crate::ui::stdout;

/// Prints the program's page, or writes one for every command into a folder.
pub fn run(folder: Option<&Path>) -> Result<()> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        // Writing into memory does not fail.
        let _ = clap_mangen::Man::new(Cli::command()).render(&mut page);
        return stdout::write(&page);
    };
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .map_err(|error| Error::write(folder, error))
}
