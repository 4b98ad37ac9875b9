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
    let common = Common::new(place, graffiti);
    match bid {
        BuilderBid::Capella(bid) => BlindedBeaconBlock::Capella(capella(place, common, bid)),
        BuilderBid::Deneb(bid) => BlindedBeaconBlock::Deneb(deneb(place, common, bid)),
        BuilderBid::Electra(bid) => BlindedBeaconBlock::Electra(electra(place, common, bid)),
    }
}

/// The fields that all forks share and that are not empty lists.
struct Common {
    state_root: Root,
    randao_reveal: BlsSignature,
    eth1_data: Eth1Data,
    graffiti: B256,
    sync_aggregate: SyncAggregate,
}

impl Common {
    fn new(place: Place, graffiti: u8) -> Self {
        let seed = Seed::new(place.slot.0).with_bytes(place.parent_root.as_slice());
        Self {
            state_root: seed.with_bytes(b"state root").hash(),
            randao_reveal: BlsSignature(FixedBytes(seed.with_bytes(b"randao").bytes())),
            eth1_data: Eth1Data::default(),
            graffiti: B256::repeat_byte(graffiti),
            sync_aggregate: SyncAggregate::default(),
        }
    }
}

fn capella(
    place: Place,
    common: Common,
    bid: &headstart_types::BuilderBidCapella,
) -> BlindedBeaconBlockCapella {
    let Place { slot, proposer_index, parent_root } = place;
    let state_root = common.state_root;
    let body = BlindedBeaconBlockBodyCapella {
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
    };
    BlindedBeaconBlockCapella { slot, proposer_index, parent_root, state_root, body }
}

fn deneb(place: Place, common: Common, bid: &headstart_types::BuilderBidDeneb) -> BlindedBeaconBlockDeneb {
    let Place { slot, proposer_index, parent_root } = place;
    let state_root = common.state_root;
    let body = BlindedBeaconBlockBodyDeneb {
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
    };
    BlindedBeaconBlockDeneb { slot, proposer_index, parent_root, state_root, body }
}

fn electra(
    place: Place,
    common: Common,
    bid: &headstart_types::BuilderBidElectra,
) -> BlindedBeaconBlockElectra {
    let Place { slot, proposer_index, parent_root } = place;
    let state_root = common.state_root;
    let body = BlindedBeaconBlockBodyElectra {
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
    };
    BlindedBeaconBlockElectra { slot, proposer_index, parent_root, state_root, body }
}
