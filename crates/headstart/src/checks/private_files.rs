use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Finding;
use crate::{Config, signing_key};

const OTHERS: u32 = 0o077;

/// Whether the files with private keys can be used, and by nobody else.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let api = &config.cluster_api;
    if !api.enabled {
        return Vec::new();
    }
    let place = |file: &Path| config.directory.join(file);
    let mut findings = vec![of_signing_key(&place(&api.signing_key_file))];
    if let (Some(certificates), Some(key)) = (&api.tls_cert_file, &api.tls_key_file) {
        findings.push(of_tls(&place(certificates), "CERTIFICATE-----").unwrap_or_else(|fault| fault));
        let key = place(key);
        findings.push(of_tls(&key, "PRIVATE KEY-----").map_or_else(|fault| fault, |_| private("tls", &key)));
    }
    findings
}

fn of_signing_key(file: &Path) -> Finding {
    const CHECK: &str = "signing_key";
    match fs::metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Finding::ok(CHECK, "none yet: it is drawn when a token is issued");
        }
        _ => {}
    }
    match signing_key::read(file) {
        Ok(_) => private(CHECK, file),
        Err(error) => {
            let remedy = "let the service's account read it, or move it away and issue tokens anew";
            Finding::warn(CHECK, format!("failed to {error:#}"), remedy)
        }
    }
}

/// The service does not start with a file that is not there or is no PEM.
fn of_tls(file: &Path, what: &str) -> Result<Finding, Finding> {
    let shown = file.display();
    match fs::read_to_string(file) {
        Ok(text) if text.contains(what) => Ok(Finding::ok("tls", format!("{shown} is readable"))),
        Ok(_) => Err(Finding::fail(
            "tls",
            format!("{shown} has no {}", what.trim_end_matches('-')),
            "write it in PEM",
        )),
        Err(error) => Err(Finding::fail(
            "tls",
            format!("{shown}: {error}"),
            "let the service's account read the file, or correct its name",
        )),
    }
}

fn private(check: &'static str, file: &Path) -> Finding {
    let shown = file.display();
    match fs::metadata(file) {
        Ok(metadata) if metadata.permissions().mode() & OTHERS != 0 => {
            let mode = metadata.permissions().mode() & 0o777;
            Finding::warn(
                check,
                format!("{shown} is open to others (mode {mode:o})"),
                format!("chmod 600 {shown}"),
            )
        }
        _ => Finding::ok(check, format!("{shown} is its owner's alone")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn write(file: &Path, text: &str, mode: u32) {
        fs::write(file, text).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_signing_key_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        assert_eq!(of_signing_key(&file).status, Verdict::Ok, "there need not be one");
        signing_key::open(&file).unwrap();
        assert_eq!(of_signing_key(&file).status, Verdict::Ok);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let open = of_signing_key(&file);
        assert_eq!(open.status, Verdict::Warn);
        assert_eq!(open.remedy, Some(format!("chmod 600 {}", file.display())));
        write(&file, "no key", 0o600);
        assert_eq!(of_signing_key(&file).status, Verdict::Warn);
    }

    #[test]
    fn a_certificate_is_there_and_in_pem() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tls.crt");
        let status = |file: &Path| of_tls(file, "CERTIFICATE-----").unwrap_or_else(|fault| fault).status;
        assert_eq!(status(&file), Verdict::Fail);
        write(&file, "0\u{82}", 0o644);
        assert_eq!(status(&file), Verdict::Fail);
        write(&file, "-----BEGIN CERTIFICATE-----\n", 0o644);
        assert_eq!(status(&file), Verdict::Ok);
    }
}
