//! Where the process listens: what cannot be, and what is dangerous.

use super::{Access, Config, Error};

pub(super) fn check(config: &Config) -> Result<(), Error> {
    let (builder, cluster) = (&config.builder_api, &config.cluster_api);
    if builder.open_listen.is_some() && builder.access == Access::Open {
        let fault = "listen is open already; write access = \"credentials\", or leave open_listen out";
        return Err(Error::check("builder_api.open_listen", fault));
    }
    if cluster.tls_cert_file.is_some() != cluster.tls_key_file.is_some() {
        let missing = if cluster.tls_cert_file.is_some() { "tls_key_file" } else { "tls_cert_file" };
        let fault = "a certificate needs its key and a key its certificate; name both files or neither";
        return Err(Error::check(format!("cluster_api.{missing}"), fault));
    }
    let open = builder.open_listen.map(|addr| ("builder_api.open_listen", addr));
    let cluster = cluster.enabled.then_some(("cluster_api.listen", cluster.listen));
    let admin = config.admin.enabled.then_some(("admin.listen", config.admin.listen));
    let mut taken = vec![("builder_api.listen", builder.listen)];
    for (key, addr) in open.into_iter().chain(cluster).chain(admin) {
        // Port 0 is another one each time.
        if let Some((other, _)) = taken.iter().find(|(_, other)| *other == addr && addr.port() != 0) {
            return Err(Error::check(key, format!("{other} is {addr} too; give it another port")));
        }
        taken.push((key, addr));
    }
    Ok(())
}

pub(super) fn warnings(config: &Config) -> Vec<String> {
    let open = config.builder_api.open_addresses().filter(|(_, addr)| !addr.ip().is_loopback());
    let open = open.map(|(key, addr)| {
        format!(
            "{key} {addr} is open beyond this machine: whoever reaches it is served for every cluster; keep it in a private network, or write access = \"credentials\""
        )
    });
    let api = &config.cluster_api;
    let in_clear = api.enabled && api.tls_cert_file.is_none() && !api.listen.ip().is_loopback();
    let in_clear = in_clear.then(|| {
        format!(
            "cluster_api.listen {} takes tokens in the clear: name tls_cert_file and tls_key_file, or keep it behind a proxy that speaks TLS",
            api.listen
        )
    });
    open.chain(in_clear).collect()
}
