/// Has the system acknowledge what comes next at once, not up to 40 ms later. For TLS, after each request.
///
/// A server without `TCP_NODELAY` holds its response back until its session tickets are acknowledged. If it
/// closes before, because it did not read the request to its end, the response is lost.
#[cfg(target_os = "linux")]
pub fn acknowledge_at_once(tcp: &impl std::os::fd::AsFd) {
    // Without it, only that rare response is lost.
    let _ = socket2::SockRef::from(tcp).set_tcp_quickack(true);
}

/// Other systems have no such option.
#[cfg(not(target_os = "linux"))]
pub fn acknowledge_at_once<T>(_: &T) {}
