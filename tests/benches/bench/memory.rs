//! The program's peak memory, where the system tells it (Linux).

/// Starts a new peak at what is in use now.
pub fn reset_peak() {
    // 5: reset the peak resident set size (proc(5), clear_refs). Elsewhere there is no such file, and no peak.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory in use since [`reset_peak`], in bytes.
pub fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}
