//! Places, purposes and sizes.

use stint_iam_policy::{Document, Kind, Policy, Position};

fn refused(text: &str, kind: Kind) -> String {
    let refused = Document::read(text, kind).expect_err(text);
    assert_eq!(
        Policy::parse(text)
            .and_then(|policy| policy.check(kind))
            .is_err(),
        !refused.problem.starts_with("is too long"),
        "both ways to check agree"
    );
    refused.to_string()
}

#[test]
fn errors_say_line_and_column() {
    for (text, expected) in [
        (
            "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{\n    \"Effect\": \"Allow\",\n    \"Action\": [\"iam:GetUser\",\n      \"GetGroup\"],\n    \"Resource\": \"*\"\n  }]\n}",
            "line 6, column 7: Statement[0].Action[1]: `GetGroup` is no action: write service:Name, such as sts:AssumeRole, or *",
        ),
        (
            "{\"Statement\": {\"Effect\": \"Allow\", \"Action\": \"a:B\", \"Resource\": \"é\", \"Condition\": 1}}",
            "line 1, column 64: Statement.Resource: `é` is no resource: write a whole ARN or *",
        ),
        (
            "{\"Statement\": [\n{\"Sid\": \"a\", \"Effect\": \"Deny\", \"Action\": \"*\"},\n{\"Effect\": \"Deny\", \"Action\": \"*\", \"Sid\": \"a\"}]}",
            "line 3, column 35: Statement[1].Sid: `a` is used twice",
        ),
        ("{\"Statement\": [}", "line 1, column 16: expected a value"),
        (
            "{\"Statement\": 1} x",
            "line 1, column 18: something follows the end of the document",
        ),
        (
            "{\"Id\": \"a\nb\"}",
            "line 1, column 10: a line break or control character stands inside a text",
        ),
        (
            "{\"Id\": \"a",
            "line 1, column 8: this text is never closed: a double quote is missing",
        ),
        (
            "{\"Id\": \"\\x\"}",
            "line 1, column 9: there is no such escape",
        ),
        ("{\"Id\": 01}", "line 1, column 9: expected a comma or `}`"),
        (
            "{'Id': 1}",
            "line 1, column 2: expected a name in double quotes",
        ),
    ] {
        let error = Document::parse(text).expect_err(text);
        assert_eq!(error.to_string(), expected);
    }
    let deep = "[".repeat(100_000);
    assert!(
        Document::parse(&deep)
            .expect_err("too deep")
            .problem
            .contains("nested too deeply")
    );
}

#[test]
fn escapes_are_read_and_written_back() {
    let text = r#"{"Id":"\"\\\/\u00e9\ud83d\ude00\n","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
    let policy = Policy::parse(text).expect("a policy");
    assert_eq!(policy.id.as_deref(), Some("\"\\/é😀\n"));
    assert_eq!(Policy::parse(&policy.to_text()), Ok(policy));
    for broken in [
        r#"{"Id":"\ud83d"}"#,
        r#"{"Id":"\udc00"}"#,
        r#"{"Id":"\u12g4"}"#,
    ] {
        assert!(Policy::parse(broken).is_err(), "{broken}");
    }
}

#[test]
fn statements_know_where_they_stand() {
    let text = "{\"Statement\": [\n  {\"Effect\": \"Deny\", \"Action\": \"*\"},\n  {\"Effect\": \"Allow\",\n   \"Action\": \"*\"}]}";
    let document = Document::parse(text).expect("a policy");
    let at = |line, column| Position { line, column };
    assert_eq!(document.span(0), (at(2, 3), at(2, 36)));
    assert_eq!(document.span(1), (at(3, 3), at(4, 18)));
    let single =
        Document::parse("{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\"}}").expect("one");
    assert_eq!(single.span(0), (at(1, 14), at(1, 44)));
}

#[test]
fn each_kind_of_policy_has_what_it_needs_and_nothing_else() {
    let one = |statement: &str| format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
    let place = |text: &str, kind| {
        let whole = refused(text, kind);
        let (_, rest) = whole.split_once(": ").expect("a position");
        rest.to_owned()
    };
    for (kind, statement, expected) in [
        (
            Kind::Trust,
            r#"{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}"#,
            "Statement[0].Resource: a trust policy has no Resource: it is the role's own",
        ),
        (
            Kind::Trust,
            r#"{"Effect":"Allow","Principal":"*","Action":["sts:AssumeRole","iam:*"]}"#,
            "Statement[0].Action: `iam:*`: a trust policy allows or denies actions of sts only",
        ),
        (
            Kind::Session,
            r#"{"Effect":"Allow","Action":"*"}"#,
            "Statement[0]: Resource is missing",
        ),
        (
            Kind::PermissionSet,
            r#"{"Effect":"Allow","Action":"*","Resource":"*","NotPrincipal":{"AWS":"*"}}"#,
            "Statement[0].NotPrincipal: Principal belongs into trust and resource policies only",
        ),
        (
            Kind::Managed,
            r#"{"Sid":"not so","Effect":"Allow","Action":"*","Resource":"*"}"#,
            "Statement[0].Sid: `not so`: a Sid is made of letters and digits only",
        ),
        (
            Kind::Resource,
            r#"{"Effect":"Allow","Action":"sqs:*","Resource":"*"}"#,
            "Statement[0]: the policy of a resource says who: Principal is missing",
        ),
        (
            Kind::Resource,
            r#"{"Effect":"Allow","NotPrincipal":"*","Action":"sqs:*","Resource":"*"}"#,
            "Statement[0].NotPrincipal: NotPrincipal with Allow would let in everybody else",
        ),
        (
            Kind::ServiceControl,
            r#"{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}"#,
            "Statement[0].Principal: a service control policy names no Principal: it is about everybody in the accounts it is attached to",
        ),
        (
            Kind::ResourceControl,
            r#"{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}"#,
            "Statement[0].Effect: a resource control policy only denies: RCPFullAWSAccess, which AWS attaches, is the one that allows",
        ),
        (
            Kind::ResourceControl,
            r#"{"Effect":"Deny","Principal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"}"#,
            "Statement[0].Principal: a resource control policy is about everybody: write \"Principal\": \"*\" and narrow it with conditions",
        ),
        (
            Kind::ResourceControl,
            r#"{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}"#,
            "Statement[0].Action: a resource control policy names the service of each action: * alone is refused",
        ),
    ] {
        assert_eq!(place(&one(statement), kind), expected);
    }
    let old =
        r#"{"Version":"2008-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
    assert!(refused(old, Kind::ServiceControl).contains("edition 2012-10-17"));
    assert!(Document::read(old, Kind::Identity).is_ok());
}

#[test]
fn documents_have_a_longest_length_and_white_space_counts_where_aws_counts_it() {
    let of = |names: usize, space: &str| {
        let statement = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"s3:{}","Resource":"*"}}}}"#,
            "a".repeat(names)
        );
        format!("{space}{statement}")
    };
    let frame = of(0, "").len();
    for (kind, longest, counted) in [
        (Kind::Session, 2_048, true),
        (Kind::Managed, 6_144, false),
        (Kind::ServiceControl, 5_120, true),
    ] {
        let full = longest - frame;
        assert!(Document::read(&of(full, ""), kind).is_ok(), "{kind:?}");
        let over = Document::read(&of(full + 1, ""), kind).expect_err("too long");
        assert!(
            over.problem.contains(&format!("{longest} are the most")),
            "{over}"
        );
        assert_eq!(
            Document::read(&of(full, "\n"), kind).is_err(),
            counted,
            "{kind:?}"
        );
    }
}

/// Each of these took seconds or more with a careless reader.
#[test]
fn a_megabyte_of_anything_is_read_in_a_moment() {
    let list = |item: &str| {
        let items = vec![item; 1_000_000 / (item.len() + 1)];
        items.join(",")
    };
    let keys: Vec<String> = (0..80_000).map(|n| format!("\"k:{n}\":1")).collect();
    let condition = format!(
        r#"{{"Statement":{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{"StringEquals":{{{}}}}}}}}}"#,
        keys.join(",")
    );
    let statements: Vec<String> = (0..20_000)
        .map(|n| format!(r#"{{"Sid":"s{n}","Effect":"Deny","Action":"*"}}"#))
        .collect();
    for text in [
        "[".repeat(1_000_000),
        "\"".repeat(1_000_000),
        format!(r#"{{"Statement":{{"Action":[{}]}}}}"#, list("\"a:B\"")),
        format!(r#"{{"Statement":[{}]}}"#, statements.join(",")),
        condition,
        format!(r#"{{"{}":1}}"#, "x".repeat(1_000_000)),
    ] {
        let _ = Document::parse(&text);
        let _ = Document::read(&text, Kind::Resource);
    }
}
