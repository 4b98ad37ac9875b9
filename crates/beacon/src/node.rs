use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use reqwest::Client;
use url::Url;

use crate::{Error, client};

/// A handle to one beacon node; clones share connections.
///
/// `Display` and `Debug` show scheme, host and port only: user, password, path and query may be credentials.
#[derive(Clone)]
pub struct BeaconNode(Arc<Inner>);

struct Inner {
    base: Url,
    client: Client,
    /// How often in a row it did not have a blinded block that it had in full.
    without_blinded_blocks: AtomicU32,
}

impl BeaconNode {
    /// A node at `http[s]://[user:password@]host[:port][/path][?query]`; connects to nothing yet.
    pub fn new(url: &str, user_agent: &str) -> Result<Self, Error> {
        let mut base = Url::parse(url.trim()).map_err(Error::Url)?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(Error::Scheme(base.scheme().to_owned()));
        }
        base.set_fragment(None);
        let (client, without_blinded_blocks) = (client::build(user_agent)?, AtomicU32::new(0));
        Ok(Self(Arc::new(Inner { base, client, without_blinded_blocks })))
    }

    /// The node's URL of one endpoint, below the configured path and with the configured query before its own.
    pub(crate) fn endpoint(&self, path: &str) -> Url {
        let mut url = self.0.base.clone();
        let (path, own) = path.split_once('?').map_or((path, None), |(path, own)| (path, Some(own)));
        if let Some(own) = own {
            let query = url.query().map_or(String::new(), |query| format!("{query}&"));
            url.set_query(Some(&format!("{query}{own}")));
        }
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}{path}"));
        url
    }

    pub(crate) fn without_blinded_blocks(&self) -> &AtomicU32 {
        &self.0.without_blinded_blocks
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }
}

impl fmt::Display for BeaconNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = &self.0.base;
        write!(f, "{}://{}", base.scheme(), base.host_str().unwrap_or_default())?;
        base.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for BeaconNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
