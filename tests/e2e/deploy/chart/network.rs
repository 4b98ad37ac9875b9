//! The network policies: what reaches a pod, and what it reaches.

use serde_json::{Value, json};

use super::super::strings;
use super::{name, of_kind, pods, render, selects, shapes};

/// The rules of one direction that hold for a pod.
fn rules<'a>(documents: &'a [Value], labels: &Value, direction: &str) -> Vec<&'a Value> {
    let policies = of_kind(documents, "NetworkPolicy").into_iter();
    let ours = policies.filter(|policy| selects(&policy["spec"]["podSelector"], labels));
    ours.flat_map(|policy| policy["spec"][direction].as_array().into_iter().flatten()).collect()
}

fn has_port(rule: &Value, port: &Value) -> bool {
    rule["ports"].as_array().expect("every rule names its ports").iter().any(|other| &other["port"] == port)
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn every_pod_is_closed_in_both_directions() {
    for (shape, values) in shapes() {
        let documents = render(&values);
        for (pod, labels, _) in pods(&documents) {
            let closed = of_kind(&documents, "NetworkPolicy").into_iter().any(|policy| {
                selects(&policy["spec"]["podSelector"], labels)
                    && strings(&policy["spec"]["policyTypes"]) == ["Ingress", "Egress"]
            });
            assert!(closed, "{shape}, {pod}");
        }
    }
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn each_port_of_a_pod_is_open_to_those_who_are_named_and_no_other_port_is() {
    for (shape, values) in shapes() {
        let documents = render(&values);
        for (pod, labels, spec) in pods(&documents) {
            let rules = rules(&documents, labels, "ingress");
            let ports: Vec<_> = spec["containers"][0]["ports"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|port| &port["name"])
                .collect();
            for port in &ports {
                let open: Vec<_> = rules.iter().filter(|rule| has_port(rule, port)).collect();
                assert_eq!(open.len(), 1, "{shape}, {pod}: {port}");
                // Without anybody named, a rule would be for everybody.
                assert!(
                    open[0]["from"].as_array().is_some_and(|from| !from.is_empty()),
                    "{shape}, {pod}: {port}"
                );
            }
            assert_eq!(rules.len(), ports.len(), "{shape}, {pod}");
        }
    }
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn each_pod_reaches_what_it_needs_and_nothing_else() {
    for (shape, values) in shapes() {
        let documents = render(&values);
        for (pod, labels, _) in pods(&documents) {
            let mut expected = vec![53, 53];
            if shape != "one pod" {
                expected.push(5432);
            }
            if !pod.ends_with("-migrate") {
                expected.extend([443, 5052]);
                if shape != "one pod" {
                    expected.push(6379);
                }
            }
            let rules = rules(&documents, labels, "egress");
            let mut reached: Vec<_> = rules
                .iter()
                .flat_map(|rule| rule["ports"].as_array().expect("every rule names its ports"))
                .map(|port| port["port"].as_u64().expect("a number"))
                .collect();
            reached.sort_unstable();
            expected.sort_unstable();
            assert_eq!(reached, expected, "{shape}, {pod}");
            assert!(
                rules.iter().all(|rule| rule["to"].as_array().is_some_and(|to| !to.is_empty())),
                "{shape}"
            );
        }
    }
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn relays_are_looked_for_outside_and_not_in_private_networks() {
    let documents = render("");
    let policies = of_kind(&documents, "NetworkPolicy");
    let serving = policies.iter().find(|policy| name(policy).ends_with("-serving")).expect("it is there");
    let rules = serving["spec"]["egress"].as_array().expect("rules");
    let relays = rules.iter().find(|rule| has_port(rule, &json!(443))).expect("relays are reached");
    let everywhere =
        relays["to"].as_array().expect("blocks").iter().find(|to| to["ipBlock"]["cidr"] == "0.0.0.0/0");
    let except = strings(&everywhere.expect("an IPv4 block")["ipBlock"]["except"]);
    for private in ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"] {
        assert!(except.contains(&private), "{private}");
    }
}

#[test]
#[ignore = "needs Helm: run `tests/run deploy`"]
fn a_list_without_anybody_in_it_opens_nothing() {
    let nobody = "networkPolicy: { builderApiFrom: [], clusterApiFrom: [], adminFrom: [], relays: [], beaconNodes: [] }";
    let documents = render(nobody);
    for (pod, labels, _) in pods(&documents) {
        assert!(rules(&documents, labels, "ingress").is_empty(), "{pod}");
        let out = rules(&documents, labels, "egress");
        assert!(out.len() == 1 && has_port(out[0], &json!(53)), "{pod}: {out:?}");
    }
}
