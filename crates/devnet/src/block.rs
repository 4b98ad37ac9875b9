use headstart_types::{
    B256, BlindedBeaconBlock, BlindedBeaconBlockBodyCapella, BlindedBeaconBlockBodyDeneb,
    BlindedBeaconBlockBodyElectra, BlindedBeaconBlockCapella, BlindedBeaconBlockDeneb,
    BlindedBeaconBlockElectra, BlsSignature, BuilderBid, Eth1Data, FixedBytes, Root, Slot, SyncAggregate,
    ValidatorIndex, VariableList,
};

use crate::seed::Seed;

/// Where a block stands in the beacon chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub slot: Slot,
    pub proposer_index: ValidatorIndex,
    pub parent_root: Root,
}

/// A blinded block around the header of `bid`, with no operations in it. `graffiti` makes blocks differ.
pub fn blinded_block(place: Place, bid: &BuilderBid, graffiti: u8) -> BlindedBeaconBlock {
    let Place { slot, proposer_index, parent_root } = place;
    let seed = Seed::new(slot.0).with_bytes(parent_root.as_slice());
    let state_root = seed.with_bytes(b"state root").hash();
    match bid {
        BuilderBid::Capella(bid) => {
            let body = capella_body(Common::new(seed, graffiti), bid);
            BlindedBeaconBlock::Capella(BlindedBeaconBlockCapella {
                slot,
                proposer_index,
                parent_root,
                state_root,
                body,
            })
        }
        BuilderBid::Deneb(bid) => {
            let body = deneb_body(Common::new(seed, graffiti), bid);
            BlindedBeaconBlock::Deneb(BlindedBeaconBlockDeneb {
                slot,
                proposer_index,
                parent_root,
                state_root,
                body,
            })
        }
        BuilderBid::Electra(bid) => {
            let body = electra_body(Common::new(seed, graffiti), bid);
            BlindedBeaconBlock::Electra(BlindedBeaconBlockElectra {
                slot,
                proposer_index,
                parent_root,
                state_root,
                body,
            })
        }
    }
}

/// The fields that all bodies share and that are not empty lists.
struct Common {
    randao_reveal: BlsSignature,
    eth1_data: Eth1Data,
    graffiti: B256,
    sync_aggregate: SyncAggregate,
}

impl Common {
    fn new(seed: Seed, graffiti: u8) -> Self {
        Self {
            randao_reveal: BlsSignature(FixedBytes(seed.with_bytes(b"randao").bytes())),
            eth1_data: Eth1Data::default(),
            graffiti: B256::repeat_byte(graffiti),
            sync_aggregate: SyncAggregate::default(),
        }
    }
}

fn capella_body(common: Common, bid: &headstart_types::BuilderBidCapella) -> BlindedBeaconBlockBodyCapella {
    BlindedBeaconBlockBodyCapella {
        randao_reveal: common.randao_reveal,
        eth1_data: common.eth1_data,
        graffiti: common.graffiti,
        proposer_slashings: VariableList::empty(),
        attester_slashings: VariableList::empty(),
        attestations: VariableList::empty(),
        deposits: VariableList::empty(),
        voluntary_exits: VariableList::empty(),
        sync_aggregate: common.sync_aggregate,
        execution_payload_header: bid.header.clone(),
        bls_to_execution_changes: VariableList::empty(),
    }
}

fn deneb_body(common: Common, bid: &headstart_types::BuilderBidDeneb) -> BlindedBeaconBlockBodyDeneb {
    BlindedBeaconBlockBodyDeneb {
        randao_reveal: common.randao_reveal,
        eth1_data: common.eth1_data,
        graffiti: common.graffiti,
        proposer_slashings: VariableList::empty(),
        attester_slashings: VariableList::empty(),
        attestations: VariableList::empty(),
        deposits: VariableList::empty(),
        voluntary_exits: VariableList::empty(),
        sync_aggregate: common.sync_aggregate,
        execution_payload_header: bid.header.clone(),
        bls_to_execution_changes: VariableList::empty(),
        blob_kzg_commitments: bid.blob_kzg_commitments.clone(),
    }
}

fn electra_body(common: Common, bid: &headstart_types::BuilderBidElectra) -> BlindedBeaconBlockBodyElectra {
    BlindedBeaconBlockBodyElectra {
        randao_reveal: common.randao_reveal,
        eth1_data: common.eth1_data,
        graffiti: common.graffiti,
        proposer_slashings: VariableList::empty(),
        attester_slashings: VariableList::empty(),
        attestations: VariableList::empty(),
        deposits: VariableList::empty(),
        voluntary_exits: VariableList::empty(),
        sync_aggregate: common.sync_aggregate,
        execution_payload_header: bid.header.clone(),
        bls_to_execution_changes: VariableList::empty(),
        blob_kzg_commitments: bid.blob_kzg_commitments.clone(),
        execution_requests: bid.execution_requests.clone(),
    }
}
