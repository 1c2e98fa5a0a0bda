//! How much memory of this machine is free.

use std::path::Path;

/// Bytes that a process may still take, and of whom, in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Free {
    pub bytes: u64,
    pub whose: &'static str,
}

/// Bytes that this process may still take, the least of what is known: the system's free memory with its swap, the limits of
/// the control groups it is in (containers, batch systems), and its own (`ulimit -v`, `ulimit -d`). `None` where the system
/// does not say.
pub fn free_memory() -> Option<Free> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let system = read("/proc/meminfo").and_then(|text| system(&text));
    let groups = read("/proc/self/cgroup").and_then(|text| groups(&text, Path::new("/sys/fs/cgroup")));
    let own = read("/proc/self/limits").zip(read("/proc/self/status"));
    let own = own.map(|(limits, status)| own_limits(&limits, &status)).unwrap_or_default();
    let free = |bytes: Option<u64>, whose| bytes.map(|bytes| Free { bytes, whose });
    [
        free(system, "this machine"),
        free(groups, "the control group of this process"),
        free(own[0], "the address space of this process (ulimit -v), less a reserve,"),
        free(own[1], "the data of this process (ulimit -d), less a reserve,"),
    ]
    .into_iter()
    .flatten()
    .min()
}

/// The number after a name, in bytes where it is in kB.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let mut words = line.split_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    Some(if words.next() == Some("kB") { number.saturating_mul(1024) } else { number })
}

fn system(meminfo: &str) -> Option<u64> {
    Some(field(meminfo, "MemAvailable:")?.saturating_add(field(meminfo, "SwapFree:").unwrap_or(0)))
}

/// Of every group from the process's own up to the root, versions 1 and 2.
fn groups(of_process: &str, root: &Path) -> Option<u64> {
    let mut least: Option<u64> = None;
    for line in of_process.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(group)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (root, limit, used) = match controllers {
            "" => (root.to_owned(), "memory.max", "memory.current"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes", "memory.usage_in_bytes")
            }
            _ => continue,
        };
        let own = root.join(group.trim_start_matches('/'));
        for folder in own.ancestors().take_while(|folder| folder.starts_with(&root)) {
            let read = |name| std::fs::read_to_string(folder.join(name)).ok();
            let number = |name| read(name)?.trim().parse::<u64>().ok();
            let (Some(limit), Some(used)) = (number(limit), number(used)) else { continue };
            // The system frees cached files when it needs memory.
            let statistics = read("memory.stat").unwrap_or_default();
            let cached = field(&statistics, "inactive_file ").or(field(&statistics, "total_inactive_file "));
            let free = limit.saturating_sub(used.saturating_sub(cached.unwrap_or(0)));
            least = Some(least.map_or(free, |least| least.min(free)));
        }
    }
    least
}

/// Of what is left under a limit of the process's own: the allocator takes whole pieces of these limits, of which a quarter may
/// lie idle, and threads, drivers and files that are read need some. Beyond such a limit an allocation fails, which ends the
/// program, while a machine that is short of memory only becomes slow.
fn usable(left: u64) -> u64 {
    (left / 4 * 3).saturating_sub(RESERVE)
}

/// Bytes of a process's limit that a plan does not count.
const RESERVE: u64 = 256 << 20;

/// What is left of the address space and of the data of the process.
fn own_limits(limits: &str, status: &str) -> [Option<u64>; 2] {
    [("Max address space", "VmSize:"), ("Max data size", "VmData:")].map(|(limit, used)| {
        let most = field(limits, limit)?;
        Some(usable(most.saturating_sub(field(status, used)?)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_counts_what_it_can_free() {
        let text = "MemTotal:  100 kB\nMemFree:  1 kB\nMemAvailable:  40 kB\nSwapFree:   2 kB\n";
        assert_eq!(system(text), Some(42 << 10));
        assert_eq!(system("MemTotal: 100 kB\n"), None);
    }

    #[test]
    fn the_smallest_group_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("a/memory.max", "1000\n");
        write("a/memory.current", "700\n");
        write("a/memory.stat", "anon 5\ninactive_file 200\n");
        write("a/b/memory.max", "max\n");
        write("a/b/memory.current", "7\n");
        assert_eq!(groups("0::/a/b\n", root.path()), Some(500));
        assert_eq!(groups("0::/\n", root.path()), None);
        write("memory/x/memory.limit_in_bytes", "100");
        write("memory/x/memory.usage_in_bytes", "60");
        assert_eq!(groups("4:memory:/x\n0::/a\n3:cpu:/y", root.path()), Some(40));
    }

    #[test]
    fn a_process_has_limits_of_its_own() {
        let status = "Name:\tx\nVmSize:\t     3 kB\nVmData:\t 4 kB\n";
        let limits = |space: &str, data: &str| {
            format!(
                "Limit  Soft Limit\nMax data size    {data}   unlimited  bytes\n\
                 Max address space         {space}     unlimited     bytes\n"
            )
        };
        let free = |bytes: u64| Some((bytes / 4 * 3).saturating_sub(RESERVE));
        let found = own_limits(&limits("1000000000", "unlimited"), status);
        assert_eq!(found, [free(1_000_000_000 - 3072), None]);
        assert_eq!(
            own_limits(&limits("unlimited", "2000000000"), status),
            [None, free(2_000_000_000 - 4096)]
        );
        assert_eq!(own_limits(&limits("10000", "unlimited"), status), [Some(0), None]);
    }
}
