//! The pods: how they are confined, asked, updated and ended, and what they find in their folders.

use serde_json::{Value, json};

use super::super::{ROLES, commands, strings};
use super::{name, of_kind, pods, render, selects, shapes};

/// Every pod of every shape.
fn each_pod(check: impl Fn(&str, &Value, &Value)) {
    for (shape, values) in shapes() {
        let documents = render(&values);
        let pods = pods(&documents);
        assert!(!pods.is_empty(), "{shape}");
        for (pod, labels, spec) in pods {
            check(&format!("{shape}, {pod}"), labels, spec);
        }
    }
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn each_is_confined() {
    each_pod(|pod, _, spec| {
        assert_eq!(spec["automountServiceAccountToken"], false, "{pod}");
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true, "{pod}");
        assert_eq!(spec["securityContext"]["runAsUser"], 65532, "{pod}");
        assert_eq!(spec["securityContext"]["seccompProfile"], json!({ "type": "RuntimeDefault" }), "{pod}");
        let own = &spec["containers"][0]["securityContext"];
        assert_eq!(own["allowPrivilegeEscalation"], false, "{pod}");
        assert_eq!(own["readOnlyRootFilesystem"], true, "{pod}");
        assert_eq!(own["capabilities"], json!({ "drop": ["ALL"] }), "{pod}");
    });
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn each_runs_a_command_that_the_binary_understands() {
    each_pod(|_, _, spec| commands::assert_understood(&strings(&spec["containers"][0]["args"])));
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn every_role_has_pods() {
    for (shape, values) in shapes() {
        let documents = render(&values);
        let pods = pods(&documents);
        let serving = pods.iter().filter(|(pod, ..)| !pod.ends_with("-migrate"));
        let mut roles: Vec<_> = serving
            .flat_map(|(_, _, spec)| commands::roles(&strings(&spec["containers"][0]["args"])))
            .collect();
        roles.sort_unstable();
        let mut expected = ROLES;
        expected.sort_unstable();
        assert_eq!(roles, expected, "{shape}");
    }
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn each_is_asked_at_its_admin_port_and_has_time_to_drain() {
    each_pod(|pod, _, spec| {
        let container = &spec["containers"][0];
        if pod.ends_with("-migrate") {
            assert!(container.get("readinessProbe").is_none(), "{pod}");
            return;
        }
        for (probe, path) in
            [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")]
        {
            assert_eq!(container[probe]["httpGet"], json!({ "path": path, "port": "admin" }), "{pod}");
        }
        let ready = &container["readinessProbe"];
        assert_eq!((&ready["periodSeconds"], &ready["failureThreshold"]), (&json!(5), &json!(2)), "{pod}");
        let admin = container["ports"].as_array().expect("ports").iter().find(|port| port["name"] == "admin");
        assert_eq!(admin.expect("an admin port")["containerPort"], 18570, "{pod}");
        assert_eq!(container["lifecycle"]["preStop"]["sleep"]["seconds"], 10, "{pod}");
        assert_eq!(spec["terminationGracePeriodSeconds"], 60, "{pod}");
    });
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn an_update_takes_no_pod_away_before_another_is_ready() {
    for (shape, values) in shapes() {
        for deployment in of_kind(&render(&values), "Deployment") {
            let strategy = &deployment["spec"]["strategy"];
            if shape == "one pod" {
                assert_eq!(strategy["type"], "Recreate", "one file has one writer");
            } else {
                assert_eq!(strategy["rollingUpdate"]["maxUnavailable"], 0, "{shape}");
            }
        }
    }
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn several_pods_are_spread_and_one_of_them_always_stays() {
    for (shape, values) in shapes() {
        let documents = render(&values);
        let budgets = of_kind(&documents, "PodDisruptionBudget");
        let deployments = of_kind(&documents, "Deployment");
        assert_eq!(budgets.len(), if shape == "one pod" { 0 } else { deployments.len() }, "{shape}");
        for budget in budgets {
            assert_eq!(budget["spec"]["minAvailable"], 1, "{shape}");
            let kept = deployments.iter().filter(|deployment| {
                selects(&budget["spec"]["selector"], &deployment["spec"]["template"]["metadata"]["labels"])
            });
            assert_eq!(kept.count(), 1, "{shape}, {}", name(budget));
        }
        for deployment in deployments {
            let template = &deployment["spec"]["template"];
            let labels = &template["metadata"]["labels"];
            assert!(selects(&deployment["spec"]["selector"], labels), "{shape}");
            let spread = template["spec"]["topologySpreadConstraints"].as_array().expect("constraints");
            assert_eq!(spread.len(), 2, "{shape}");
            assert!(spread.iter().all(|over| selects(&over["labelSelector"], labels)), "{shape}");
        }
    }
}

/// The configuration names files below these folders; each is a mount, and each secret is one of its items.
#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn each_finds_the_files_that_its_configuration_names() {
    for (shape, values) in shapes() {
        let documents = render(&values);
        let configuration = of_kind(&documents, "ConfigMap")[0]["data"]["headstart.toml"].as_str().unwrap();
        let quoted = configuration.lines().filter_map(|line| line.split('"').nth(1));
        let files: Vec<_> = quoted.map(|text| text.trim_start_matches("sqlite:")).collect();
        let files: Vec<_> = files.into_iter().filter(|text| text.starts_with('/')).collect();
        assert!(files.len() >= 3, "{shape}: {files:?}");
        for (pod, _, spec) in pods(&documents) {
            for file in &files {
                assert!(is_mounted(spec, file), "{shape}, {pod}: {file}");
            }
            assert!(is_mounted(spec, "/etc/headstart/headstart.toml"), "{shape}, {pod}");
        }
    }
}

fn is_mounted(spec: &Value, file: &str) -> bool {
    let mounts = spec["containers"][0]["volumeMounts"].as_array().expect("mounts").iter();
    let mut within = mounts.filter_map(|mount| {
        let rest = file.strip_prefix(mount["mountPath"].as_str()?)?;
        Some((mount["name"].as_str()?, rest.trim_start_matches('/')))
    });
    let Some((volume, rest)) = within.next() else { return false };
    let volumes = spec["volumes"].as_array().expect("volumes");
    let volume = volumes.iter().find(|other| other["name"] == volume).expect("a mount has its volume");
    let Some(sources) = volume["projected"]["sources"].as_array() else { return true };
    let items = sources.iter().filter_map(|source| source["secret"]["items"].as_array()).flatten();
    items.into_iter().any(|item| item["path"] == rest)
}
