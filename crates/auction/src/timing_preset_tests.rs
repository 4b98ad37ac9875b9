use headstart_types::{AttestationDue, Epoch, Outcome, UnixMillis};

use super::*;
use crate::{header_deadline, may_serve};

/// Sepolia's schedule has Gloas in it.
const GLOAS: Epoch = Epoch(353_024);

/// The last slot before Gloas, and its first.
fn around_gloas(network: &Network) -> [Slot; 2] {
    let first = network.first_slot(GLOAS);
    [Slot(first.0 - 1), first]
}

#[test]
fn each_presets_cut_off_is_its_share_of_the_forks_deadline() {
    let network = Network::sepolia();
    let cutoffs =
        |preset: TimingPreset| around_gloas(&network).map(|slot| preset.cutoff().ms(&network, slot));
    assert_eq!(cutoffs(TimingPreset::Solo), [2_000, 1_500]);
    assert_eq!(cutoffs(TimingPreset::Ssv), [1_500, 1_125]);
    assert_eq!(cutoffs(TimingPreset::Obol), [1_500, 1_125]);
    let said = Cutoff::AtMs(1_700);
    assert_eq!(around_gloas(&network).map(|slot| said.ms(&network, slot)), [1_700; 2], "what is said stays");
}

#[test]
fn a_request_is_too_late_from_the_presets_cut_off_on_in_either_fork() {
    let network = Network::sepolia();
    for preset in TimingPreset::ALL {
        for slot in around_gloas(&network) {
            let cutoff_ms = preset.cutoff().ms(&network, slot);
            let at = |ms| network.slot_start(slot) + ms;
            assert_eq!(may_serve(at(cutoff_ms - 1), &network, slot, cutoff_ms), Ok(()));
            assert_eq!(may_serve(at(cutoff_ms), &network, slot, cutoff_ms), Err(Outcome::TooLate));
            let deadline = header_deadline(at(cutoff_ms - 10), &network, slot, cutoff_ms, None);
            assert_eq!(deadline, at(cutoff_ms), "a miss is not waited for any longer either");
        }
    }
}

#[test]
fn what_follows_the_header_fits_between_the_cut_off_and_the_deadline() {
    let network = Network::sepolia();
    // Agreement, one second to submit, and what else there is; a cluster's header is there before its cut-off.
    let (agreement_ms, submission_ms, others_ms) = (350, 1_000, 150);
    for (slot, due_ms) in around_gloas(&network).into_iter().zip([4_000, 3_000]) {
        for preset in [TimingPreset::Ssv, TimingPreset::Obol] {
            let cutoff_ms = preset.cutoff().ms(&network, slot);
            assert!(cutoff_ms + agreement_ms + submission_ms + others_ms < due_ms, "{preset} {slot}");
        }
        let solo_ms = TimingPreset::Solo.cutoff().ms(&network, slot);
        assert!(solo_ms + submission_ms + others_ms < due_ms, "{slot}");
    }
}

#[test]
fn the_networks_own_figures_move_the_cut_off() {
    let mainnet = Network::mainnet();
    let quick = Network { slot_duration_ms: 6_000, ..mainnet.clone() };
    assert_eq!(TimingPreset::Solo.cutoff().ms(&quick, Slot(1)), 1_000);
    let tight = AttestationDue { bps: 2_000, gloas_bps: 1_000 };
    let tight = Network { attestation_due: tight, ..mainnet };
    assert_eq!(TimingPreset::Ssv.cutoff().ms(&tight, Slot(1)), 900);
    let start = tight.slot_start(Slot(1));
    assert_eq!(may_serve(UnixMillis(start.0 + 900), &tight, Slot(1), 900), Err(Outcome::TooLate));
}

#[test]
fn a_preset_reads_as_it_is_written() {
    for preset in TimingPreset::ALL {
        assert_eq!(preset.as_str().parse(), Ok(preset));
        assert_eq!(serde_json::to_value(preset).unwrap(), preset.as_str());
    }
    assert_eq!("SSV".parse::<TimingPreset>(), Err(UnknownTimingPreset));
}
