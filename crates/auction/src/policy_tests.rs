use super::*;

#[test]
fn each_value_comes_from_the_nearest_layer_that_says_it() {
    let validator = PolicyLayer { min_bid: Some(Wei::new(7)), ..PolicyLayer::default() };
    let cluster = PolicyLayer {
        relays: Some(vec![RelayId(2), RelayId(1), RelayId(2)]),
        min_bid: Some(Wei::new(5)),
        mode: Some(Mode::Shadow),
        ..PolicyLayer::default()
    };
    let defaults = PolicyLayer { cutoff_ms: Some(1_500), ..PolicyLayer::default() };
    let (policy, sources) = ClusterPolicy::resolve(&validator, &cluster, &defaults);
    assert_eq!(policy.relays(), [RelayId(1), RelayId(2)]);
    assert_eq!((policy.min_bid, sources.min_bid), (Wei::new(7), PolicySource::Validator));
    assert_eq!((policy.mode, sources.mode), (Mode::Shadow, PolicySource::Cluster));
    assert_eq!((policy.cutoff, sources.cutoff_ms), (Cutoff::AtMs(1_500), PolicySource::Default));
    assert_eq!((policy.sticky, sources.sticky), (false, PolicySource::Default));
}

fn timing(timing: TimingPreset) -> PolicyLayer {
    PolicyLayer { timing: Some(timing), ..PolicyLayer::default() }
}

#[test]
fn a_preset_says_what_its_layer_does_not_and_stands_before_the_layers_below() {
    let cluster = PolicyLayer { expected_ask_ms: Some(250), ..timing(TimingPreset::Ssv) };
    let defaults = PolicyLayer {
        cutoff_ms: Some(1_900),
        sticky: Some(false),
        sticky_ms: Some(700),
        ..timing(TimingPreset::Solo)
    };
    let (policy, sources) = ClusterPolicy::resolve(&PolicyLayer::default(), &cluster, &defaults);
    assert_eq!((policy.cutoff, sources.cutoff_ms), (TimingPreset::Ssv.cutoff(), PolicySource::Preset));
    assert_eq!((policy.expected_ask_ms, sources.expected_ask_ms), (250, PolicySource::Cluster));
    assert_eq!((policy.sticky, sources.sticky), (true, PolicySource::Preset));
    assert_eq!((policy.sticky_ms, sources.sticky_ms), (2_000, PolicySource::Preset));
    assert_eq!((policy.timing, sources.timing), (Some(TimingPreset::Ssv), PolicySource::Cluster));

    let validator = PolicyLayer { cutoff_ms: Some(800), ..timing(TimingPreset::Obol) };
    let (policy, sources) = ClusterPolicy::resolve(&validator, &cluster, &defaults);
    assert_eq!((policy.cutoff, sources.cutoff_ms), (Cutoff::AtMs(800), PolicySource::Validator));
    assert_eq!((policy.expected_ask_ms, sources.expected_ask_ms), (100, PolicySource::Preset));
}

#[test]
fn what_a_preset_leaves_open_the_layers_below_say() {
    let defaults = PolicyLayer { sticky_ms: Some(700), ..PolicyLayer::default() };
    let nothing = PolicyLayer::default();
    let (policy, sources) = ClusterPolicy::resolve(&nothing, &timing(TimingPreset::Solo), &defaults);
    assert_eq!((policy.sticky_ms, sources.sticky_ms), (700, PolicySource::Default));
    assert_eq!((policy.sticky, sources.sticky), (false, PolicySource::Preset));
    let (policy, sources) = ClusterPolicy::resolve(&nothing, &nothing, &nothing);
    assert_eq!((policy.cutoff, sources.cutoff_ms), (Cutoff::AtMs(2_000), PolicySource::Default));
    assert_eq!((policy.sticky_ms, policy.timing), (1_000, None));
}

#[test]
fn a_mode_reads_as_it_is_written() {
    for mode in Mode::ALL {
        assert_eq!(mode.as_str().parse(), Ok(mode));
    }
    assert_eq!("off".parse::<Mode>(), Err(UnknownMode));
}
