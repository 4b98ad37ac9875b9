use serde::Serialize;
use url::Url;

use headstart_registry::NewSecret;

/// The flag with which each of the six clients is told of this service and of the beacon node's credential.
///
/// Five of them send user and password of the URL. Teku ignores those and keeps a path, if it ends with a slash.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ClientFlags {
    pub(crate) lighthouse: String,
    pub(crate) prysm: String,
    pub(crate) teku: String,
    pub(crate) nimbus: String,
    pub(crate) lodestar: String,
    pub(crate) grandine: String,
}

impl ClientFlags {
    /// `host` is scheme, host and port as beacon nodes reach the service.
    pub(crate) fn new(host: &Host, secret: &NewSecret) -> Self {
        let Host { scheme, authority } = host;
        let with_user = format!("{scheme}://{}@{authority}", secret.userinfo());
        Self {
            lighthouse: format!("--builder {with_user}"),
            prysm: format!("--http-mev-relay={with_user}"),
            teku: format!("--builder-endpoint={scheme}://{authority}/t/{}/", secret.token()),
            nimbus: format!("--payload-builder=true --payload-builder-url={with_user}"),
            lodestar: format!("--builder --builder.url {with_user}"),
            grandine: format!("--builder-url {with_user}"),
        }
    }

    pub(crate) fn lines(&self) -> [(&'static str, &str); 6] {
        [
            ("Lighthouse", &self.lighthouse),
            ("Prysm", &self.prysm),
            ("Teku", &self.teku),
            ("Nimbus", &self.nimbus),
            ("Lodestar", &self.lodestar),
            ("Grandine", &self.grandine),
        ]
    }
}

/// Where beacon nodes reach the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    scheme: String,
    authority: String,
}

impl Host {
    /// Reads `http[s]://host[:port]`. A path would be dropped by three of the clients, and a query by five.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = "write it as http://host:port or https://host, without user, path and query";
        let url = Url::parse(text).map_err(|_| FORM.to_owned())?;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let nobody = url.username().is_empty() && url.password().is_none();
        let host = url.host_str().filter(|_| bare && nobody && matches!(url.scheme(), "http" | "https"));
        let host = host.ok_or_else(|| FORM.to_owned())?;
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        Ok(Self { scheme: url.scheme().to_owned(), authority: format!("{host}{port}") })
    }

    pub(crate) fn at(addr: std::net::SocketAddr) -> Self {
        Self { scheme: "http".to_owned(), authority: addr.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_gets_the_credential_where_it_sends_it() {
        let secret = NewSecret::draw(&mut rand::rng());
        let flags = ClientFlags::new(&Host::parse("http://10.0.0.5:18550/").unwrap(), &secret);
        let (user, token) = (secret.userinfo(), secret.token());
        assert_eq!(flags.prysm, format!("--http-mev-relay=http://{user}@10.0.0.5:18550"));
        assert_eq!(flags.teku, format!("--builder-endpoint=http://10.0.0.5:18550/t/{token}/"));
        for (client, line) in flags.lines() {
            assert_eq!(line.contains(&user), client != "Teku", "{line}");
        }
    }

    #[test]
    fn a_host_has_nothing_that_a_client_would_drop() {
        for wrong in
            ["", "10.0.0.5:18550", "ftp://host", "http://u:p@host", "http://host/x", "http://host?x=1"]
        {
            assert!(Host::parse(wrong).is_err(), "{wrong}");
        }
        let host = Host::parse("https://headstart.example").unwrap();
        assert_eq!(host, Host { scheme: "https".to_owned(), authority: "headstart.example".to_owned() });
    }
}
