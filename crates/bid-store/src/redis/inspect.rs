//! What a server says of itself, for whoever looks after it.

use std::time::Duration;

use redis::AsyncConnectionConfig;
use tokio::time;

use super::open;

/// What matters of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// As it is written: `7.0.15`.
    pub version: String,
    /// What it does when it is full: `noeviction`, `volatile-ttl`, `allkeys-lru`, …
    pub policy: String,
    /// Bytes that it may use; zero for all there are.
    pub memory_max: u64,
}

/// The oldest version that has what is used here.
const OLDEST: (u32, u32) = (6, 2);
const PATIENCE: Duration = Duration::from_secs(2);

impl Inspection {
    /// Asks the server at this URL. An error says why it cannot be asked, without the URL.
    pub async fn of(url: &str) -> Result<Self, String> {
        let client = open(url).map_err(|error| error.to_string())?;
        let settings = AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE));
        let asked = async {
            let mut connection = client.get_multiplexed_async_connection_with_config(&settings).await?;
            redis::cmd("INFO").query_async::<String>(&mut connection).await
        };
        match time::timeout(PATIENCE, asked).await {
            Ok(Ok(info)) => Ok(Self::read(&info)),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it does not answer within two seconds".to_owned()),
        }
    }

    /// Whether it has what is used here.
    pub fn is_new_enough(&self) -> bool {
        let mut numbers = self.version.split('.').map(|number| number.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= OLDEST
    }

    /// Whether it evicts also what never expires.
    pub fn evicts_everything(&self) -> bool {
        self.policy.starts_with("allkeys")
    }

    fn read(info: &str) -> Self {
        let of = |name: &str| {
            info.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .unwrap_or_default()
                .trim()
        };
        Self {
            version: of("redis_version").to_owned(),
            policy: of("maxmemory_policy").to_owned(),
            memory_max: of("maxmemory").parse().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_judged_by_what_it_says_of_itself() {
        let of = |version: &str, policy: &str| {
            Inspection::read(&format!(
                "# Server\r\nredis_version:{version}\r\nmaxmemory:1024\r\nmaxmemory_policy:{policy}\r\n"
            ))
        };
        assert!(of("6.2.0", "noeviction").is_new_enough() && of("10.0.1", "").is_new_enough());
        assert!(!of("6.0.16", "").is_new_enough() && !of("nonsense", "").is_new_enough());
        assert!(of("7.0.15", "allkeys-lru").evicts_everything());
        assert!(!of("7.0.15", "volatile-ttl").evicts_everything());
        assert_eq!(of("7.0.15", "").memory_max, 1_024);
    }
}
