//! Does the same as `sms-agent obtain --ca-cert`, in the smallest program over ureq. `bench/cold` compares
//! the two. Arguments: URL, CA file, token file.

use std::{env, fs};

use ureq::tls::{Certificate, RootCerts, TlsConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().collect();
    let ca = Certificate::from_pem(&fs::read(&arguments[2])?)?;
    let token = fs::read_to_string(&arguments[3])?;
    let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[ca])).build();
    let agent = ureq::Agent::config_builder().tls_config(tls).proxy(None).build().new_agent();
    let mut response = agent
        .get(&arguments[1])
        .header("x-auth-token", token.trim_end())
        .header("content-type", "application/json")
        .call()?;
    println!("{}", response.body_mut().read_to_string()?);
    Ok(())
}
