//! The `atelier` program: a prompt becomes a picture, on this machine.

mod bench;
mod blueprints;
mod cli;
mod counter;
mod doctor;
mod error;
mod eval;
mod events;
mod files;
mod generate;
mod guard;
mod images;
mod inspect;
mod latents;
mod like;
mod machine;
mod memory;
mod metadata;
mod model;
mod names;
mod pack;
mod place;
mod plan;
mod progress;
mod report;
mod stdout;
mod terminal;
mod trace;
mod unfinished;

use clap::{CommandFactory, Parser};

use cli::{Cli, Command, EvalCommand};
use error::Result;

/// On the CPU device every operation makes its result anew; the system's allocator gives large ones back at once and has
/// their pages cleared again for the next, a seventh of a painter's step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let cli = Cli::parse();
    calm_drivers();
    let json = matches!(&cli.command, Command::Generate(args) if args.json);
    let code = match guard::catch(|| run(cli.command)) {
        Ok(()) => 0,
        Err(error) => {
            report::error(&error, json);
            error.exit_code()
        }
    };
    // Not by returning: threads of a failed device would be waited for.
    std::process::exit(code);
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Generate(args) => generate::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Eval(EvalCommand::Text(args)) => eval::run(&args),
        Command::Eval(EvalCommand::Fidelity(args)) => eval::fidelity::run(&args),
        Command::Quantize(args) => pack::quantize::run(&args),
        Command::Verify(args) => pack::verify::run(&args),
        Command::Synth(args) => pack::synth::run(&args),
        Command::Plan(args) => memory::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "atelier", &mut script);
            stdout::write(&script)
        }
    }
}

/// Without a desktop, Mesa's layer that follows the desktop's choice of a GPU prints an `error:` of its own.
fn calm_drivers() {
    let set = |name| std::env::var_os(name).is_some();
    if cfg!(target_os = "linux") && !set("XDG_RUNTIME_DIR") && !set("MESA_VK_DEVICE_SELECT") {
        // SAFETY: no other thread has been started yet.
        #[allow(unsafe_code)]
        unsafe {
            std::env::set_var("NODEVICE_SELECT", "1");
        }
    }
}
