//! What Linux says of this process, under the names that every program has for it. Elsewhere there is nothing to say.

use super::text::Page;

/// In which parts of a second Linux counts the time of processors for programs, on every machine.
const TICKS: f64 = 100.0;

/// Adds it to the page. What cannot be read is left out.
pub(super) fn write(page: &mut Page, opened_at: f64) {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
    let (stat, status, limits) = (read("stat"), read("status"), read("limits"));
    page.counter("process_cpu_seconds_total", "Time that processors have spent on this process, in seconds.")
        .may_be(processors(&stat));
    page.gauge("process_resident_memory_bytes", "Memory that this process has, in bytes.")
        .may_be(kibibytes(&status, "VmRSS:"));
    page.gauge("process_virtual_memory_bytes", "Addresses that this process has, in bytes.")
        .may_be(kibibytes(&status, "VmSize:"));
    page.gauge("process_open_fds", "Files, connections among them, that this process has open.")
        .may_be(open());
    page.gauge("process_max_fds", "Files that this process may have open.").may_be(most(&limits));
    page.gauge("process_start_time_seconds", "When the server opened its database, in seconds since 1970.")
        .is(opened_at);
}

fn processors(stat: &str) -> Option<f64> {
    // The name of the program stands in parentheses, and may be anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let [of_ours, of_the_system] = [fields.next()?.parse::<f64>().ok()?, fields.next()?.parse::<f64>().ok()?];
    Some((of_ours + of_the_system) / TICKS)
}

fn kibibytes(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

fn open() -> Option<usize> {
    // The one by which they are listed is among them.
    std::fs::read_dir("/proc/self/fd").ok().map(|files| files.count().saturating_sub(1))
}

fn most(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_says_is_read() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 9 0 1000 1 2";
        assert_eq!(processors(stat), Some(2.0));
        assert_eq!(kibibytes("Name:\tx\nVmRSS:\t    12 kB\n", "VmRSS:"), Some(12_288));
        assert_eq!(
            most("Max open files            1024                 4096                 files\n"),
            Some(1024)
        );
        assert_eq!(most("Max open files            unlimited            unlimited            files\n"), None);
        assert_eq!((processors(""), kibibytes("", "VmRSS:"), most("")), (None, None, None));
    }
}
