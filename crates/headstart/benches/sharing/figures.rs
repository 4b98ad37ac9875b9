//! Medians, with how far the turns of a run lay apart.

use std::fmt;
use std::time::Duration;

/// Turns of one measurement.
#[derive(Clone, Default)]
pub(crate) struct Turns(Vec<f64>);

impl Turns {
    pub(crate) fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(50)
    }

    /// The value below which so many of a hundred lie.
    pub(crate) fn at(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
    }
}

impl FromIterator<f64> for Turns {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        Self(values.into_iter().collect())
    }
}

/// Median (lowest to highest), with as many decimals as are asked for.
impl fmt::Display for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(0);
        let [low, middle, high] = [0, 50, 100].map(|percent| self.at(percent));
        write!(f, "{middle:.decimals$} ({low:.decimals$} to {high:.decimals$})")
    }
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
