use clap::Args;

/// How the demo is played.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// How many slots to play.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) slots: u64,
    /// How many times faster than mainnet: 1 has slots of 12 s, 4 of 3 s. Everything that takes time is scaled.
    #[arg(long, default_value_t = 2.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// The same seed plays the same market.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// One cluster pushes no hints itself: `headstart agent` does it, beside the beacon node.
    #[arg(long)]
    pub(crate) agents: bool,
    /// The service follows no beacon node: what clusters hint must do.
    #[arg(long)]
    pub(crate) no_beacon_node: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.25..=6.0).contains(&speed) => Ok(speed),
        _ => Err("write a number from 0.25 to 6".to_owned()),
    }
}
