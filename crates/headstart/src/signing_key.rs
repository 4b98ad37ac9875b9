//! The service's own private key, in a file that only its owner reads.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use headstart_registry::SigningKey;

const OWNER_ONLY: u32 = 0o600;

/// Reads the key; the first time there is none, and one is drawn.
pub(crate) fn open(file: &Path) -> anyhow::Result<SigningKey> {
    match read(file) {
        Err(error) if is_missing(&error) => draw(file),
        read => read,
    }
}

/// Reads a private key in PEM.
pub(crate) fn read(file: &Path) -> anyhow::Result<SigningKey> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read the key {}", file.display()))?;
    SigningKey::from_pem(&text).with_context(|| format!("use the key {}", file.display()))
}

fn is_missing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

fn draw(file: &Path) -> anyhow::Result<SigningKey> {
    let key = SigningKey::generate()?;
    let written = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(file);
    match written.and_then(|mut open| open.write_all(key.to_pem().as_bytes()).and_then(|()| open.sync_all()))
    {
        Ok(()) => Ok(key),
        // Somebody else was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(file),
        Err(error) => Err(error).with_context(|| {
            format!(
                "write a new key to {}; name another place in cluster_api.signing_key_file",
                file.display()
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_drawn_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        let drawn = open(&file).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, OWNER_ONLY);
        let again = open(&file).unwrap();
        assert_eq!(drawn.verifying_key(None).unwrap(), again.verifying_key(None).unwrap());
    }

    #[test]
    fn a_file_that_is_no_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        std::fs::write(&file, "canary").unwrap();
        let told = format!("{:#}", open(&file).unwrap_err());
        assert!(
            told.contains("key.pem") && told.contains("openssl genpkey") && !told.contains("canary"),
            "{told}"
        );
    }
}
