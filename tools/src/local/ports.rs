//! The three ports, and the addresses at which they are reached.

use super::Options;
use std::io;
use std::net::UdpSocket;
use tokio::net::TcpListener;

/// A port that is listened on.
pub(super) struct Port {
    pub listener: TcpListener,
    /// `http://…`, as this machine reaches it.
    pub url: String,
}

pub(super) struct Ports {
    pub functions: Option<Port>,
    pub wechat: Port,
    pub aws: Port,
}

impl Ports {
    /// Takes all of them before anything starts.
    pub async fn listen(options: &Options) -> Result<Self, String> {
        let functions = match options.stand_ins_only {
            true => None,
            false => Some(listen(options, 0).await?),
        };
        Ok(Self { functions, wechat: listen(options, 1).await?, aws: listen(options, 2).await? })
    }
}

async fn listen(options: &Options, offset: u16) -> Result<Port, String> {
    let (host, port) = (options.host.as_str(), options.port_base + offset);
    let listener = TcpListener::bind((host, port)).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("port {port} of {host} is in use: choose three others with --port-base, such as --port-base 9100")
        }
        _ => format!("--host {host}: cannot listen on port {port}: {error}"),
    })?;
    let host = if options.host_is_open() { "127.0.0.1" } else { host };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    Ok(Port { listener, url: format!("http://{host}:{port}") })
}

/// Says how a phone in the same network gets here.
pub(super) fn print_lan(options: &Options) {
    let Some(address) = lan_address() else {
        println!("\nThis machine has no address in a network: a phone cannot reach it.");
        return;
    };
    let port = options.port_base;
    println!("\nOn a phone in the same network: http://{address}:{port}");
    println!("  1. In client/sample/api.js: baseUrl: 'http://{address}:{port}'");
    println!(
        "  2. In WeChat DevTools tick 详情 → 本地设置 → 不校验合法域名、web-view（业务域名）、TLS 版本以及 HTTPS 证书"
    );
    println!("     (Details → Local Settings → Does not verify valid domain names …)");
    println!("  3. 预览 or 真机调试, scan, and on the phone open ··· → 开发调试 → 打开调试");
    println!("Everybody in this network can reach these ports: what is here is made up, keep it so.");
}

/// The address that this machine has in its network. No packet is sent to find it out.
fn lan_address() -> Option<std::net::IpAddr> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    // An address of the documentation: all that counts is which way it would go.
    socket.connect(("192.0.2.1", 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_unspecified() && !address.is_loopback())
}
