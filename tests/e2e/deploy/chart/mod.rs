//! The Helm chart, as the real Helm renders it.

mod network;
mod pods;
mod services;

use std::fs;
use std::io::Write;
use std::process::Output;

use serde_json::Value;

use super::{PORTS, deploy, listening, parse, secrets, succeeded, tool, yaml};

const SECRETS: &str = "
database: { existingSecret: headstart-database }
redis: { existingSecret: headstart-redis }
signingKey: { existingSecret: headstart-key }
";

const EVERYTHING: &str = "
shape: scale-out
image: { digest: 'sha256:0000000000000000000000000000000000000000000000000000000000000000' }
imagePullSecrets: [registry]
redis: { provenanceKey: provenance-url, sharedKey: shared-key, mode: required }
clusterApiTls: { existingSecret: headstart-tls }
builderApi: { autoscaling: { enabled: true }, resources: { requests: { cpu: '1' } } }
serviceMonitor: { enabled: true, labels: { release: prometheus } }
serviceAccount: { annotations: { a: b } }
service: { clusterApi: { type: LoadBalancer, annotations: { a: b } } }
podAnnotations: { a: b }
podLabels: { a: b }
nodeSelector: { kubernetes.io/os: linux }
tolerations: [{ key: dedicated, operator: Exists }]
affinity: { podAntiAffinity: {} }
networkPolicy: { builderApiFrom: [{ ipBlock: { cidr: 10.1.0.0/16 } }] }
";

/// The values of each shape, by its name.
fn shapes() -> [(&'static str, String); 4] {
    let more = |text: &str| {
        // A key twice in one file would be lost: `redis` is merged by hand.
        let redis = "redis: { existingSecret: headstart-redis }";
        text.replace("redis: { ", "redis: { existingSecret: headstart-redis, ") + &SECRETS.replace(redis, "")
    };
    [
        ("one pod", String::new()),
        ("several pods of all roles", format!("allInOne: {{ replicas: 3 }}\n{SECRETS}")),
        ("roles", format!("shape: scale-out\n{SECRETS}")),
        ("roles with everything", more(EVERYTHING)),
    ]
}

/// What Helm says of the chart with these values.
fn helm(words: &[&str], values: &str) -> Output {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a temporary file");
    file.write_all(values.as_bytes()).expect("the file is ours");
    let mut command = tool("helm");
    command.args(words).arg(deploy().join("helm/headstart")).arg("--values").arg(file.path());
    command.args(["--namespace", "team"]).output().expect("Helm starts")
}

/// What the chart amounts to with these values.
fn render(values: &str) -> Vec<Value> {
    yaml(&succeeded(&helm(&["template", "hs"], values)))
}

fn of_kind<'a>(documents: &'a [Value], kind: &str) -> Vec<&'a Value> {
    documents.iter().filter(|document| document["kind"] == kind).collect()
}

fn name(document: &Value) -> &str {
    document["metadata"]["name"].as_str().expect("everything has a name")
}

/// The pods that deployments and jobs make: name, labels and specification.
fn pods(documents: &[Value]) -> Vec<(&str, &Value, &Value)> {
    let makers = documents.iter().filter(|document| document["spec"]["template"]["spec"].is_object());
    makers
        .map(|maker| {
            let template = &maker["spec"]["template"];
            (name(maker), &template["metadata"]["labels"], &template["spec"])
        })
        .collect()
}

/// Whether a selector of labels, or a plain map of them, finds the pod.
fn selects(selector: &Value, labels: &Value) -> bool {
    let nested = selector.get("matchLabels").is_some() || selector.get("matchExpressions").is_some();
    let wanted = if nested { &selector["matchLabels"] } else { selector };
    let equal = wanted.as_object().into_iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    let within = expressions.into_iter().all(|expression| {
        assert_eq!(expression["operator"], "In", "the only operator that this test knows");
        let key = expression["key"].as_str().expect("a key");
        labels.get(key).is_some_and(|value| expression["values"].as_array().expect("a list").contains(value))
    });
    equal && within
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn helms_linter_finds_nothing() {
    for (_, values) in shapes() {
        succeeded(&helm(&["lint", "--strict"], &values));
    }
}

/// Of the oldest Kubernetes that the chart wants, and of the newest whose schemas there are.
#[test]
#[ignore = "needs Helm and kubernetes-validate: run `tests/run deploy`"]
fn kubernetes_knows_every_field() {
    for (shape, values) in shapes() {
        let manifests = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
        fs::write(&manifests, succeeded(&helm(&["template", "hs"], &values))).unwrap();
        for version in ["1.30", "1.34"] {
            let mut command = tool("kubernetes-validate");
            let told = command.args(["--strict", "-k", version]).arg(manifests.path()).output().unwrap();
            let told =
                String::from_utf8_lossy(&told.stdout).into_owned() + &String::from_utf8_lossy(&told.stderr);
            let faults = told.lines().filter(|line| !line.contains(" passed for resource "));
            // The Prometheus operator brings its own schema, which is not among Kubernetes'.
            let faults: Vec<_> = faults.filter(|line| !line.contains("kind ServiceMonitor ")).collect();
            assert!(faults.is_empty(), "{shape}, Kubernetes {version}: {faults:#?}");
            assert!(told.contains(" passed for resource deployment/"), "{told}");
        }
    }
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn serve_accepts_each_configuration() {
    for (shape, values) in shapes() {
        let documents = render(&values);
        let secrets = secrets();
        let maps = of_kind(&documents, "ConfigMap");
        for map in &maps {
            let configuration = map["data"]["headstart.toml"].as_str().expect("it is there");
            parse(configuration, "/etc/headstart/secrets", secrets.path());
            assert_eq!(listening(configuration), PORTS, "{shape}");
            assert_eq!(map["data"], maps[0]["data"], "{shape}: the migration reads what the pods read");
        }
    }
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn pods_that_share_nothing_are_refused_with_the_value_that_is_missing() {
    let alone = ["shape: scale-out", "allInOne: { replicas: 2 }"];
    for several in alone {
        let lines: Vec<_> = SECRETS.lines().filter(|line| !line.is_empty()).collect();
        for (left_out, key) in lines.iter().zip(["database", "redis", "signingKey"]) {
            let values = format!("{several}\n{}", SECRETS.replace(left_out, ""));
            let refused = helm(&["template", "hs"], &values);
            let told = String::from_utf8_lossy(&refused.stderr);
            assert!(!refused.status.success() && told.contains(&format!("{key}.existingSecret")), "{told}");
        }
    }
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn a_value_that_nobody_reads_or_that_ends_pods_too_early_is_refused() {
    for (values, told_of) in [
        ("shap: scale-out", "shap"),
        ("networkPolicy: { builderApiForm: [] }", "builderApiForm"),
        ("terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds"),
        ("preStopSeconds: 15", "preStopSeconds"),
    ] {
        let refused = helm(&["template", "hs"], values);
        let told = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && told.contains(told_of), "{values}: {told}");
    }
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn the_notes_tell_what_to_give_to_beacon_nodes() {
    for (_, values) in shapes() {
        let told = succeeded(&helm(&["install", "hs", "--dry-run=client"], &values));
        assert!(told.contains("http://NAME:SECRET@hs-headstart-builder-api.team.svc:18550\n"), "{told}");
        let pod = told.lines().find_map(|line| line.trim().strip_prefix("kubectl exec -n team deploy/"));
        let pod = pod.and_then(|rest| rest.split(' ').next()).expect("a pod to work in");
        let documents = render(&values);
        assert!(of_kind(&documents, "Deployment").iter().any(|deployment| name(deployment) == pod), "{pod}");
    }
}
