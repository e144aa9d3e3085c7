//! Where the time comes in: this machine's clock, and for trials the simulated AWS's.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use stint_domain::{Clock, Time};

use crate::exit::{Exit, Failure};

/// This machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wall;

impl Clock for Wall {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the real time comes in"
    )]
    fn now(&self) -> Time {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Time::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The clock of a simulated AWS, which several processes share through a file: microseconds
/// since 1970, as a number. Read anew each time, so that a process that was stopped knows the
/// time as soon as it runs again.
#[derive(Debug)]
pub(crate) struct Simulated {
    file: PathBuf,
    last: AtomicI64,
}

impl Simulated {
    /// Only for the simulated AWS at `endpoint`: on this machine, by plain HTTP, answering
    /// what only the simulator answers, and showing the time of the file. Anything else is
    /// refused, so that no production can be set to a clock of somebody's making.
    pub(crate) async fn of(file: &Path, endpoint: Option<&str>) -> Result<Self, Failure> {
        let refuse = |why: &str| {
            Failure::usage(format!(
                "simulated-clock-file: {why}; it is for trials against `stint sim` on this machine only"
            ))
        };
        let Some(endpoint) = endpoint.filter(|url| is_loopback(url)) else {
            return Err(refuse("the AWS endpoint is not an address of this machine"));
        };
        let clock = Self {
            last: AtomicI64::new(read(file).ok_or_else(|| refuse("the file holds no time"))?),
            file: file.to_owned(),
        };
        let url = format!("{}/_sim/clock", endpoint.trim_end_matches('/'));
        let answer = reqwest::get(url).await;
        let answer =
            answer.map_err(|e| Failure::new(Exit::Failed, format!("the simulator: {e}")))?;
        let shown: Option<serde_json::Value> = answer.json().await.ok();
        let micros =
            shown.and_then(|shown| shown.get("micros").and_then(serde_json::Value::as_i64));
        match micros {
            Some(micros) if (micros - clock.now().micros()).abs() < 60_000_000 => Ok(clock),
            Some(_) => Err(refuse("the simulator shows another time")),
            None => Err(refuse("the AWS endpoint is no simulator")),
        }
    }
}

impl Clock for Simulated {
    fn now(&self) -> Time {
        // Caught while it is being written, the file shows the time of a moment ago.
        if let Some(micros) = read(&self.file) {
            self.last.store(micros, Ordering::Relaxed);
        }
        Time::from_micros(self.last.load(Ordering::Relaxed))
    }
}

fn read(file: &Path) -> Option<i64> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

fn is_loopback(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let host = rest.split('/').next().unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.parse::<std::net::IpAddr>()
        .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_are_taken() {
        for good in [
            "http://127.0.0.1:8481",
            "http://127.0.0.1",
            "http://[::1]:80/",
        ] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "https://127.0.0.1:8481",
            "http://localhost:8481",
            "http://127.0.0.1.example.com",
            "http://user@10.0.0.1:80",
            "http://127.0.0.1@example.com:80",
            "https://sts.amazonaws.com",
            "",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_simulated_clock_is_refused_without_a_simulator() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("clock");
        std::fs::write(&file, "1795420800000000").expect("written");
        for endpoint in [None, Some("https://sts.amazonaws.com")] {
            let refused = Simulated::of(&file, endpoint).await.expect_err("refused");
            assert_eq!(refused.exit, Exit::Usage);
            assert!(refused.message.contains("not an address of this machine"));
        }
        std::fs::write(&file, "soon").expect("written");
        let refused = Simulated::of(&file, Some("http://127.0.0.1:9")).await;
        assert!(
            refused
                .expect_err("refused")
                .message
                .contains("holds no time")
        );
    }
}
