//! Services, what watches them and what makes more pods of them.

use serde_json::Value;

use super::{name, of_kind, pods, render, selects, shapes};

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn each_service_finds_pods_that_have_its_port() {
    for (shape, values) in shapes() {
        let documents = render(&values);
        let services = of_kind(&documents, "Service");
        assert_eq!(services.len(), 3, "{shape}");
        for service in services {
            let found: Vec<_> = pods(&documents)
                .into_iter()
                .filter(|(_, labels, _)| selects(&service["spec"]["selector"], labels))
                .collect();
            assert!(!found.is_empty(), "{shape}: {}", name(service));
            for (pod, _, spec) in found {
                let wanted = &service["spec"]["ports"][0]["targetPort"];
                let has = ports(spec).any(|port| &port["name"] == wanted);
                assert!(has && !pod.ends_with("-migrate"), "{shape}: {} and {pod}", name(service));
            }
        }
    }
}

fn ports(spec: &Value) -> impl Iterator<Item = &Value> {
    spec["containers"][0]["ports"].as_array().into_iter().flatten()
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn prometheus_finds_every_pod_by_itself() {
    let documents = render(&shapes()[3].1);
    let monitor = of_kind(&documents, "ServiceMonitor")[0];
    let services = of_kind(&documents, "Service");
    let watched: Vec<_> = services
        .iter()
        .filter(|service| selects(&monitor["spec"]["selector"], &service["metadata"]["labels"]))
        .collect();
    assert_eq!(watched.len(), 1);
    assert_eq!(watched[0]["spec"]["clusterIP"], "None");
    assert_eq!(watched[0]["spec"]["ports"][0]["name"], monitor["spec"]["endpoints"][0]["port"]);
    let all = pods(&documents).into_iter().filter(|(pod, ..)| !pod.ends_with("-migrate"));
    assert!(all.into_iter().all(|(_, labels, _)| selects(&watched[0]["spec"]["selector"], labels)));
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn pods_that_are_scaled_by_load_are_not_counted_by_the_chart() {
    for (shape, values) in shapes() {
        let documents = render(&values);
        let scalers = of_kind(&documents, "HorizontalPodAutoscaler");
        assert_eq!(scalers.len(), usize::from(shape == "roles with everything"), "{shape}");
        for deployment in of_kind(&documents, "Deployment") {
            let target = |scaler: &&Value| scaler["spec"]["scaleTargetRef"]["name"] == name(deployment);
            let scaled = scalers.iter().copied().any(|scaler| target(&scaler));
            assert_eq!(scaled, deployment["spec"].get("replicas").is_none(), "{shape}");
        }
    }
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn the_database_is_migrated_before_pods_that_do_not_do_it_themselves() {
    for (shape, values) in shapes() {
        let documents = render(&values);
        let jobs = of_kind(&documents, "Job");
        let configuration = of_kind(&documents, "ConfigMap")[0]["data"]["headstart.toml"].as_str().unwrap();
        assert_eq!(jobs.is_empty(), shape == "one pod", "{shape}");
        assert_eq!(configuration.contains("\nmigrate = false"), !jobs.is_empty(), "{shape}");
        for job in jobs {
            assert_eq!(job["metadata"]["annotations"]["helm.sh/hook"], "pre-install,pre-upgrade", "{shape}");
        }
    }
}
