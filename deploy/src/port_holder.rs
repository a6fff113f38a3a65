//! Who listens on a port, for a message.

use std::{fs, path::Path};

/// A description of the process that listens on a TCP port, such as `redis-server (process 812)`. `None` where the system
/// does not tell: other than Linux, or another user's process.
pub fn of(port: u16) -> Option<String> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening(&table, port))
        .collect();
    let links: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    fs::read_dir("/proc").ok()?.filter_map(Result::ok).find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        holds(&entry.path(), &links).then(|| {
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            format!("{} (process {pid})", name.trim())
        })
    })
}

/// Inodes of the listening sockets on a port, from `/proc/net/tcp` (proc_net_tcp in the kernel's documentation): columns
/// are number, local address, remote address, state (0A listens), queues, timers, retransmissions, user, timeout, inode.
fn listening(table: &str, port: u16) -> Vec<String> {
    let suffix = format!(":{port:04X}");
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            (fields.get(1)?.ends_with(&suffix) && *fields.get(3)? == "0A")
                .then(|| fields.get(9).map(|it| (*it).to_owned()))?
        })
        .collect()
}

fn holds(process: &Path, links: &[String]) -> bool {
    let Ok(files) = fs::read_dir(process.join("fd")) else { return false };
    files
        .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
        .any(|target| links.iter().any(|link| target.as_os_str() == link.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_are_told_from_others() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:18F6 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7001 1 0 100 0 0 10 0\n\
            1: 0100007F:18F6 0100007F:D000 01 00000000:00000000 00:00000000 00000000     0        0 7002 1 0 100 0 0 10 0\n";
        assert_eq!(listening(table, 6390), ["7001"]);
        assert!(listening(table, 6391).is_empty());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn our_own_listener_is_found() {
        let port = local_servers::free_port().unwrap();
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
        assert!(of(port).unwrap().contains(&format!("(process {})", std::process::id())));
        drop(listener);
        // A process that another test is just starting has the listener too, for a moment.
        assert!(local_servers::wait_until(std::time::Duration::from_secs(60), || of(port).is_none()));
    }
}
