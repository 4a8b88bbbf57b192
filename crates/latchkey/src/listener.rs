//! Opening what it listens with: an address, a socket in the file system, or what a supervisor holds open already.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use auth::config::Listen;
use listenfd::ListenFd;
use web::Listener;

use crate::exit::{Result, Trouble};

/// Owner and group, so that a proxy in the group can connect, and nobody else.
const SOCKET_MODE: u32 = 0o660;

/// A socket that takes connections.
pub(crate) struct Opened {
    /// The socket.
    pub listener: Listener,
    /// Where it listens in truth: port 0 has become one, or it is what the supervisor chose.
    pub listen: Listen,
    /// The file that has to go when it stops.
    pub file: Option<SocketFile>,
}

/// Opens what the supervisor handed over, if it did, else what the setting names.
pub(crate) fn open(listen: &Listen) -> Result<Opened> {
    let mut handed = ListenFd::from_env();
    match (handed.len(), listen) {
        (0, listen) => anew(listen, "latchkey --listen"),
        (1, _) => handed_over(&mut handed),
        (more, _) => Err(Trouble::failed(format!(
            "the supervisor hands over {more} sockets, and Latchkey listens on one: leave one ListenStream= in its unit"
        ))),
    }
}

/// Opens what the setting names for the metrics, whatever a supervisor hands over.
pub(crate) fn open_metrics(listen: &Listen) -> Result<Opened> {
    anew(listen, "set metrics_listen to")
}

/// Opens what the setting names. `how` begins what is proposed in place of what cannot be had.
fn anew(listen: &Listen, how: &str) -> Result<Opened> {
    match listen {
        Listen::Address(address) => at(*address, how),
        Listen::Socket(path) => in_file_system(path, how),
    }
}

fn at(address: SocketAddr, how: &str) -> Result<Opened> {
    let socket = TcpListener::bind(address).map_err(|e| {
        let port = address.port();
        let other = SocketAddr::new(address.ip(), port.checked_add(1).unwrap_or(8080));
        Trouble::failed(match e.kind() {
            ErrorKind::AddrInUse => format!(
                "{address} is taken by another program, or by a Latchkey that runs already. Another port: {how} {other}"
            ),
            ErrorKind::PermissionDenied => format!(
                "may not listen on {address}: ports below 1024 are for the system. Listen on another one, let a proxy or a \
                 socket of systemd hold this one, or give the unit AmbientCapabilities=CAP_NET_BIND_SERVICE"
            ),
            ErrorKind::AddrNotAvailable => format!(
                "this machine has no address {}. To listen on all it has: {how} 0.0.0.0:{port}",
                address.ip()
            ),
            _ => format!("cannot listen on {address}: {e}"),
        })
    })?;
    let listen = Listen::Address(socket.local_addr().map_err(no_name)?);
    Ok(Opened { listener: socket.into(), listen, file: None })
}

fn in_file_system(path: &Path, how: &str) -> Result<Opened> {
    make_way(path, how)?;
    let socket = UnixListener::bind(path).map_err(|e| {
        let shown = path.display();
        Trouble::failed(match e.kind() {
            ErrorKind::NotFound => format!(
                "there is no directory for the socket {shown}: make it, or let systemd do it with RuntimeDirectory=latchkey"
            ),
            ErrorKind::PermissionDenied => format!("may not make the socket {shown}: its directory is another's"),
            _ => format!("cannot listen on {shown}: {e}"),
        })
    })?;
    let file = SocketFile::new(path);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE)).map_err(|e| {
        Trouble::failed(format!("cannot change the mode of the socket {}: {e}", path.display()))
    })?;
    Ok(Opened { listener: socket.into(), listen: Listen::Socket(path.to_owned()), file: Some(file) })
}

/// Removes a socket that nobody listens on any more. Whatever else is there stays, and is an error.
fn make_way(path: &Path, how: &str) -> Result<()> {
    let shown = path.display();
    match std::fs::symlink_metadata(path) {
        Err(_) => return Ok(()),
        Ok(there) if !there.file_type().is_socket() => {
            return Err(Trouble::failed(format!(
                "{shown} is there already, and is no socket: listen on another path"
            )));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(e) if e.kind() == ErrorKind::ConnectionRefused => std::fs::remove_file(path).map_err(|e| {
            Trouble::failed(format!(
                "nobody listens on the socket {shown} any more, and it cannot be removed: {e}"
            ))
        }),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => {
            Err(Trouble::failed(format!("there is a socket {shown} already, and it cannot be asked: {e}")))
        }
        Ok(_) => Err(Trouble::failed(format!(
            "{shown} is taken by another program, or by a Latchkey that runs already. Another path: {how} unix:PATH"
        ))),
    }
}

fn handed_over(handed: &mut ListenFd) -> Result<Opened> {
    if let Ok(Some(socket)) = handed.take_tcp_listener(0) {
        let listen = Listen::Address(socket.local_addr().map_err(no_name)?);
        return Ok(Opened { listener: socket.into(), listen, file: None });
    }
    if let Ok(Some(socket)) = handed.take_unix_listener(0) {
        let name = socket.local_addr().map_err(no_name)?;
        // One in the abstract name space has no path, and is as much a socket.
        let path = name.as_pathname().map_or_else(|| PathBuf::from("@"), Path::to_owned);
        return Ok(Opened { listener: socket.into(), listen: Listen::Socket(path), file: None });
    }
    Err(Trouble::failed(
        "what the supervisor hands over takes no connections: write ListenStream= with an address or a path in its unit",
    ))
}

fn no_name(error: std::io::Error) -> Trouble {
    Trouble::failed(format!("cannot listen: {error}"))
}

/// The file of a socket of ours. Dropping it removes the file, unless another has been put in its place.
pub(crate) struct SocketFile {
    path: PathBuf,
    inode: Option<u64>,
}

impl SocketFile {
    fn new(path: &Path) -> SocketFile {
        SocketFile { path: path.to_owned(), inode: inode(path) }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.inode.is_some() && inode(&self.path) == self.inode {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> Option<u64> {
    Some(std::fs::symlink_metadata(path).ok()?.ino())
}
