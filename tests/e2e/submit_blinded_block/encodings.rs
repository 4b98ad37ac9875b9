use e2e::{Request, Version};
use headstart_devnet::{SubmitFault, check_payload};
use headstart_types::{ACCEPT_SSZ_THEN_JSON, CONSENSUS_VERSION, Encoding, ForkName};

use super::Proposal;

const ENCODINGS: [Encoding; 2] = [Encoding::Ssz, Encoding::Json];

#[tokio::test(flavor = "multi_thread")]
async fn v1_reads_and_writes_both_encodings_in_every_fork() {
    for fork in ForkName::ALL {
        let proposal = Proposal::new(fork, [SubmitFault::None]).await;
        for written in ENCODINGS {
            for wanted in ENCODINGS {
                let body = match written {
                    Encoding::Ssz => proposal.block.to_ssz(),
                    Encoding::Json => proposal.block.to_json(),
                };
                let request = Request::post(Version::V1.path(), written.content_type(), body)
                    .header("Accept", wanted.content_type())
                    .header(CONSENSUS_VERSION, fork.as_str());
                let reply = proposal.service.client().call(&request).await;
                assert_eq!(reply.encoding(), wanted, "{fork}, from {written:?}");
                let payload = reply.payload(fork);
                assert_eq!(check_payload(fork, &proposal.block, &payload), Ok(()), "{fork}");
            }
        }
        assert_eq!(proposal.submits(), [1], "{fork}: one block, whatever it is written in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v2_reads_both_encodings_in_every_fork_and_answers_202_without_a_body() {
    for fork in ForkName::ALL {
        for encoding in ENCODINGS {
            let proposal = Proposal::new(fork, [SubmitFault::None]).await;
            let reply = proposal.service.submit(Version::V2, encoding, &proposal.block).await;
            assert_eq!((reply.status, reply.body.len()), (202, 0), "{fork}, {encoding:?}: {}", reply.text());
            let seen = proposal.relays[0].seen();
            let call = seen.submits.last().expect("the relay got it");
            assert_eq!(call.block.map(|(_, root, _)| root), Some(proposal.block.message.tree_hash_root()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consensus_version_that_is_missing_or_wrong_loses_no_block() {
    for version in ["", "electra", "nonsense"] {
        let proposal = Proposal::new(ForkName::Fulu, [SubmitFault::None]).await;
        let request = Request::post(Version::V2.path(), "application/octet-stream", proposal.block.to_ssz());
        let request = request.header(CONSENSUS_VERSION, version);
        assert_eq!(proposal.service.client().call(&request).await.status, 202, "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_of_a_content_type_are_tolerated() {
    let proposal = Proposal::new(ForkName::Fulu, [SubmitFault::None]).await;
    let content_type = "application/json; charset=utf-8";
    let request = Request::post(Version::V2.path(), content_type, proposal.block.to_json());
    assert_eq!(proposal.service.client().call(&request).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_a_content_type_is_json() {
    for version in Version::ALL {
        let proposal = Proposal::new(ForkName::Fulu, [SubmitFault::None]).await;
        let request = Request::new("POST", version.path()).body(proposal.block.to_json());
        let reply = proposal.service.client().call(&request).await;
        assert_eq!(reply.status, version.success(), "{}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_or_answered_is_named() {
    let proposal = Proposal::new(ForkName::Fulu, [SubmitFault::None]).await;
    let client = proposal.service.client();
    for version in Version::ALL {
        let text = Request::post(version.path(), "text/plain", proposal.block.to_json());
        let reply = client.call(&text).await;
        assert_eq!(reply.status, 415, "{}", reply.text());
        assert!(reply.message().expect("an error object").contains("Content-Type"));
    }
    let html = Request::post(Version::V1.path(), "application/json", proposal.block.to_json());
    assert_eq!(client.call(&html.header("Accept", "text/html")).await.status, 406);
    assert_eq!(proposal.submits(), [0], "none of this came to a relay");

    let block = Request::post(Version::V1.path(), "application/octet-stream", proposal.block.to_ssz());
    let reply = client.call(&block.header("Accept", ACCEPT_SSZ_THEN_JSON)).await;
    assert_eq!(reply.encoding(), Encoding::Ssz);
}
