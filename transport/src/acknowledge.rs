/// Makes the system acknowledge the next segment at once instead of up to 40 ms later. Call it after each
/// request over TLS.
///
/// A server without `TCP_NODELAY` holds its response back until the client has acknowledged its session
/// tickets. If the server closes the connection before that, because it did not read the request to its end,
/// the response is lost.
#[cfg(target_os = "linux")]
pub fn acknowledge_at_once(tcp: &impl std::os::fd::AsFd) {
    // If the option cannot be set, only such a rare response is lost.
    let _ = socket2::SockRef::from(tcp).set_tcp_quickack(true);
}

/// Does nothing, because other systems have no such option.
#[cfg(not(target_os = "linux"))]
pub fn acknowledge_at_once<T>(_: &T) {}
