use std::os::unix::fs::PermissionsExt;

use headstart_registry::SigningKey;

use super::folder::{Folder, text};

#[test]
fn a_beacon_node_gets_its_secret_once_and_a_flag_for_each_client() {
    let folder = Folder::new();
    folder.text(&["tenant", "add", "acme", "--relays", "one"]);
    let host = ["--host", "https://headstart.example"];
    let added = folder.json(
        &[&["beacon-node", "add", "bn1", "--cluster", "acme", "--cluster", "filed"], &host[..]].concat(),
    );
    let (userinfo, token) = (added["userinfo"].as_str().unwrap(), added["token"].as_str().unwrap());
    let flag = |client: &str| added["flags"][client].as_str().unwrap().to_owned();
    assert_eq!(flag("prysm"), format!("--http-mev-relay=https://{userinfo}@headstart.example"));
    assert_eq!(flag("lighthouse"), format!("--builder https://{userinfo}@headstart.example"));
    assert_eq!(
        flag("nimbus"),
        format!("--payload-builder=true --payload-builder-url=https://{userinfo}@headstart.example")
    );
    assert_eq!(flag("lodestar"), format!("--builder --builder.url https://{userinfo}@headstart.example"));
    assert_eq!(flag("grandine"), format!("--builder-url https://{userinfo}@headstart.example"));
    assert_eq!(flag("teku"), format!("--builder-endpoint=https://headstart.example/t/{token}/"));
    let listed = folder.text(&["beacon-node", "list", "--json"]);
    let (_, secret) = userinfo.split_once(':').unwrap();
    assert!(listed.contains(added["secret_id"].as_str().unwrap()) && !listed.contains(secret), "{listed}");
    for file in ["headstart.db", "headstart.db-wal"] {
        let bytes = std::fs::read(folder.path(file)).unwrap_or_default();
        assert!(
            !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
            "{file} holds the secret"
        );
    }
}

#[test]
fn no_secret_is_made_whose_url_would_name_no_host() {
    for listen in ["0.0.0.0:18550", "[::]:18550"] {
        let folder = Folder::with_config(&format!("[builder_api]\nlisten = \"{listen}\"\n"));
        folder.text(&["tenant", "add", "acme"]);
        let add = ["beacon-node", "add", "bn1", "--cluster", "acme"];
        let fault = folder.fault(&add);
        assert!(fault.contains(listen) && fault.contains("write --host http://HOST:18550"), "{fault}");
        assert!(folder.json(&["beacon-node", "list"]).as_array().unwrap().is_empty());
        folder.text(&[&add[..], &["--host", "http://10.0.0.5:18550"]].concat());
        let fault = folder.fault(&["beacon-node", "rotate", "bn1"]);
        assert!(fault.contains("--host"), "{fault}");
        assert_eq!(folder.json(&["beacon-node", "list"])[0]["secret_ids"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn a_rotation_leaves_two_secrets_and_a_revocation_fewer() {
    let folder = Folder::new();
    folder.text(&["beacon-node", "add", "bn1", "--cluster", "filed"]);
    let secrets = || folder.json(&["beacon-node", "list"])[0]["secret_ids"].as_array().unwrap().clone();
    let first = secrets();
    let second = folder.json(&["beacon-node", "rotate", "bn1"])["secret_id"].clone();
    assert_eq!(secrets().len(), 2);
    folder.text(&["beacon-node", "rotate", "bn1"]);
    assert!(secrets().len() == 2 && !secrets().contains(&first[0]), "of the older ones the newest stays");
    folder.text(&["beacon-node", "revoke", "bn1", "--secret", second.as_str().unwrap()]);
    assert_eq!(secrets().len(), 1);
    folder.text(&["beacon-node", "revoke", "bn1", "--all-secrets"]);
    assert_eq!(secrets().len(), 0);
    let fault = folder.fault(&["beacon-node", "revoke", "bn1", "--all-secrets"]);
    assert!(fault.contains("find a live secret"), "{fault}");
}

#[test]
fn grants_come_and_go() {
    let folder = Folder::new();
    folder.text(&["tenant", "add", "acme", "--relays", "one"]);
    folder.text(&["beacon-node", "add", "bn1", "--cluster", "filed"]);
    let granted = folder.json(&["beacon-node", "grant", "bn1", "--cluster", "acme"]);
    assert_eq!(granted["clusters"].as_array().map(Vec::len), Some(2));
    let revoked = folder.json(&["beacon-node", "revoke", "bn1", "--cluster", "filed"]);
    assert_eq!(revoked["clusters"][0], "acme");
    for (command, expected) in [
        (["beacon-node", "grant", "bn1", "--cluster", "nobody"].as_slice(), "find cluster nobody"),
        (
            &["beacon-node", "grant", "bn2", "--cluster", "acme"],
            "find beacon node bn2; `headstart beacon-node list` shows them",
        ),
        (&["beacon-node", "revoke", "bn1", "--cluster", "filed"], "find a grant of cluster filed"),
        (&["beacon-node", "add", "bn1", "--cluster", "acme"], "add beacon node bn1: it exists already"),
        (&["beacon-node", "add", "bn2", "--cluster", "nobody"], "find cluster nobody"),
    ] {
        let fault = folder.fault(command);
        assert!(fault.contains(expected), "{command:?}: {fault}");
    }
    let output =
        folder.run(&["beacon-node", "add", "bn2", "--cluster", "acme", "--host", "https://host/path"]);
    assert!(text(&output.stderr).contains("without user, path and query"), "{}", text(&output.stderr));
}

#[test]
fn an_operator_has_two_keys_at_most_and_they_are_revoked_by_their_id() {
    let folder = Folder::new();
    let add = |file: &str| {
        let key = SigningKey::generate().unwrap();
        let public = serde_json::json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "x": base64_url(key.verifying_key(None).unwrap().bytes()),
        });
        let path = folder.write(file, &public.to_string());
        folder.run(&["operator", "key", "add", "filed", "op1", "--public-key", &path, "--json"])
    };
    assert!(add("one.json").status.success() && add("two.json").status.success());
    let third = add("three.json");
    assert!(text(&third.stderr).contains("it has 2 live ones; revoke one first"), "{}", text(&third.stderr));
    let listed = folder.json(&["operator", "key", "list", "filed"]);
    let kid = listed[0]["keys"][0]["kid"].as_str().unwrap();
    folder.text(&["operator", "key", "revoke", "filed", kid]);
    assert_eq!(
        folder.json(&["operator", "key", "list", "filed"])[0]["keys"].as_array().map(Vec::len),
        Some(1)
    );
    let fault = folder.fault(&["operator", "key", "revoke", "filed", kid]);
    assert!(fault.contains("find a live key"), "{fault}");
    let private = folder.write("private.pem", &SigningKey::generate().unwrap().to_pem());
    let fault = folder.fault(&["operator", "key", "add", "filed", "op2", "--public-key", &private]);
    assert!(fault.contains("it is a private key; give the public one"), "{fault}");
}

fn base64_url(bytes: &[u8]) -> String {
    // A token's signature is base64url of bytes; so is a web key's coordinate.
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let value =
            chunk.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(LETTERS[(value >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

#[test]
fn a_token_is_printed_alone_so_that_it_can_go_into_a_file() {
    let folder = Folder::new();
    let output = folder.run(&["token", "issue", "filed", "op1", "--scope", "hint,view", "--ttl", "2h"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let token = text(&output.stdout);
    assert_eq!((token.matches('.').count(), token.matches('\n').count()), (2, 1), "{token}");
    assert!(text(&output.stderr).contains("`headstart token revoke "));
    let key = std::fs::metadata(folder.path("headstart-signing-key.pem")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let fault = folder.fault(&["token", "issue", "nobody", "op1", "--scope", "view"]);
    assert!(fault.contains("find cluster nobody"), "{fault}");
    let second = folder.json(&["token", "issue", "filed", "op1", "--scope", "view"]);
    folder.text(&["token", "revoke", second["jti"].as_str().unwrap()]);
    let told = folder.text(&["token", "revoke", "--service-key", second["kid"].as_str().unwrap()]);
    assert!(told.contains("headstart-signing-key.pem away"), "{told}");
    let fault = folder.fault(&["token", "issue", "filed", "op1", "--scope", "view"]);
    assert!(fault.contains("if it was revoked, move the file away"), "{fault}");
    for (command, expected) in [
        (["token", "revoke", "nothing"].as_slice(), "find token nothing"),
        (
            &["token", "issue", "filed", "op1", "--scope", "view", "--ttl", "25h"],
            "write a --ttl of 24h at most",
        ),
    ] {
        let fault = folder.fault(command);
        assert!(fault.contains(expected), "{command:?}: {fault}");
    }
}

#[test]
fn a_signing_key_that_was_lost_is_replaced_and_one_that_is_broken_is_named() {
    let folder = Folder::new();
    let issue = ["token", "issue", "filed", "op1", "--scope", "view"];
    folder.text(&issue);
    std::fs::remove_file(folder.path("headstart-signing-key.pem")).unwrap();
    folder.text(&issue);
    folder.write("headstart-signing-key.pem", "canary");
    let fault = folder.fault(&issue);
    assert!(fault.contains("headstart-signing-key.pem") && !fault.contains("canary"), "{fault}");
}
