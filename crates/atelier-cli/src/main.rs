//! The `atelier` program: a prompt becomes a picture, on this machine.

mod args;
mod commands;
mod error;
mod guard;
mod io;
mod model;
mod presets;
mod session;
mod ui;

use clap::{CommandFactory, Parser};

use args::{Cli, Command, EvalCommand};
use commands::{
    bench, doctor, eval, generate, inspect, licences, man, plan, quantize, rehearse, synth, verify,
};
use error::Result;
use ui::{report, stdout};

/// On the CPU device every operation allocates its result. The system's allocator returns large blocks to the system at once
/// and has to clear their pages again for the next, which takes a seventh of a painter step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let cli = Cli::parse();
    quiet_drivers();
    let json = matches!(&cli.command, Command::Generate(args) if args.json);
    let code = match guard::catch(|| run(cli.command)) {
        Ok(()) => 0,
        Err(error) => {
            report::error(&error, json);
            error.exit_code()
        }
    };
    // Exit here: returning would join the threads of a failed device.
    std::process::exit(code);
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Generate(args) => generate::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Eval(EvalCommand::Text(args)) => eval::text::run(&args),
        Command::Eval(EvalCommand::Fidelity(args)) => eval::fidelity::run(&args),
        Command::Quantize(args) => quantize::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Synth(args) => synth::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Rehearse(args) => rehearse::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "atelier", &mut script);
            stdout::write(&script)
        }
        Command::Man { output } => man::run(output.as_deref()),
        Command::Licences => licences::run(),
    }
}

/// Without a desktop, Mesa's layer that follows the desktop's choice of a GPU prints an `error:` of its own.
fn quiet_drivers() {
    let set = |name| std::env::var_os(name).is_some();
    if cfg!(target_os = "linux") && !set("XDG_RUNTIME_DIR") && !set("MESA_VK_DEVICE_SELECT") {
        // SAFETY: no other thread has been started yet.
        #[allow(unsafe_code)]
        unsafe {
            std::env::set_var("NODEVICE_SELECT", "1");
        }
    }
}
