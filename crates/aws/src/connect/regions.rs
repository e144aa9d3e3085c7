//! Where Identity Center is, when it is not where somebody said.

use aws_config::Region;
use stint_iam_policy::partition_of_region;

use crate::error::ErrorKind;
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};

const LIST: &str = "sso:ListInstances";

/// The regions Identity Center is offered in, by partition, the likeliest first. From the endpoint
/// rules of the SDK [M]; one that is missing here is not looked into.
const REGIONS: &[&str] = &[
    "us-east-1",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "us-east-2",
    "eu-west-2",
    "ap-southeast-2",
    "ap-southeast-1",
    "ap-northeast-1",
    "ca-central-1",
    "ap-south-1",
    "eu-north-1",
    "eu-west-3",
    "us-west-1",
    "sa-east-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "eu-south-1",
    "eu-central-2",
    "eu-south-2",
    "ap-east-1",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-west-1",
    "me-south-1",
    "me-central-1",
    "il-central-1",
    "af-south-1",
    "mx-central-1",
    "us-gov-west-1",
    "us-gov-east-1",
    "cn-north-1",
    "cn-northwest-1",
];

/// After so many regions that do not answer, the network is not made for this.
const UNREACHABLE: u32 = 2;

impl Estate {
    /// The region that has an instance, if one of the partition's has: one call for each at most.
    pub(super) async fn home_region(&self) -> Option<String> {
        let own = self.spec().region.as_str();
        let partition = partition_of_region(own);
        let mut silent = 0;
        for region in REGIONS {
            if *region == own || partition_of_region(region) != partition {
                continue;
            }
            let list = |s: &Session| {
                let config = s.sso.config().to_builder();
                let config = config.region(Region::new(*region)).build();
                aws_sdk_ssoadmin::Client::from_conf(config)
                    .list_instances()
                    .send()
            };
            let asked = self.send(Lane::Interactive, Service::IdentityCenter, LIST, list);
            match asked.await {
                Ok((answer, _)) => {
                    if let Some(one) = answer.instances().first() {
                        let primary = one.primary_region().map(str::to_owned);
                        return Some(primary.unwrap_or_else(|| (*region).to_owned()));
                    }
                }
                Err(error) if error.kind == ErrorKind::Unreachable => {
                    silent += 1;
                    if silent >= UNREACHABLE {
                        return None;
                    }
                }
                // A region that is switched off, or forbidden by a policy of the organization.
                Err(_) => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_some_and_none_stands_twice() {
        for partition in ["aws", "aws-us-gov", "aws-cn"] {
            let some = REGIONS
                .iter()
                .filter(|it| partition_of_region(it) == partition);
            assert!(some.count() >= 2, "{partition}");
        }
        let all: std::collections::BTreeSet<_> = REGIONS.iter().collect();
        assert_eq!(all.len(), REGIONS.len());
    }
}
