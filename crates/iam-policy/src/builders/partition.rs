//! AWS's partitions: worlds of their own, whose ARNs and regions do not mix.

/// The partition a region is in (AWS reference §1.0.1; the prefixes are those of botocore's
/// partition table [M]). A region nobody has heard of is taken for one of the commercial ones.
///
/// ```
/// use stint_iam_policy::partition_of_region;
/// assert_eq!(partition_of_region("us-gov-west-1"), "aws-us-gov");
/// assert_eq!(partition_of_region("eu-central-1"), "aws");
/// ```
pub fn partition_of_region(region: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 7] = [
        ("us-gov-", "aws-us-gov"),
        ("cn-", "aws-cn"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eusc-", "aws-eusc"),
    ];
    PREFIXES
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_tells_its_partition() {
        for (region, partition) in [
            ("us-east-1", "aws"),
            ("us-gov-east-1", "aws-us-gov"),
            ("cn-northwest-1", "aws-cn"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eusc-de-east-1", "aws-eusc"),
            ("ap-southeast-7", "aws"),
        ] {
            assert_eq!(partition_of_region(region), partition, "{region}");
        }
    }
}
