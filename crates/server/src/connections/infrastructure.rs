//! The same set-up as code: for Terraform (HCL) and for CloudFormation (JSON).
//!
//! The documents in both are those of [`Setup`], unchanged. What may differ from estate to estate
//! (the role's or user's name, the policy's, tags) is an input of each.
//!
//! What they do not do: make an access key. Its secret would stand in the state of either.

use serde_json::{Value, json};

use super::Setup;

/// What the policy is called unless told otherwise.
const POLICY: &str = "StintConnector";

/// Who carries the permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carrier {
    /// A role that is made, with its trust policy.
    NewRole {
        /// `/` or `/path/`.
        path: String,
        /// Its name.
        name: String,
    },
    /// A role that is there.
    Role {
        /// Its name.
        name: String,
    },
    /// A user that is there; its name where it is known.
    User {
        /// Its name.
        name: Option<String>,
    },
}

impl Carrier {
    /// Who carries them at this ARN of a role or a user.
    pub fn at(arn: &str) -> Self {
        let name = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
        match arn
            .splitn(6, ':')
            .nth(5)
            .unwrap_or_default()
            .split_once('/')
        {
            Some(("role", rest)) => Self::Role { name: name(rest) },
            Some(("user", rest)) => Self::User {
                name: Some(name(rest)),
            },
            _ => Self::User { name: None },
        }
    }

    /// The role to be made at this ARN.
    pub fn new_role(arn: &str) -> Self {
        let rest = arn.split_once(":role").map_or("/", |(_, rest)| rest);
        let (path, name) = rest.rsplit_once('/').unwrap_or(("", rest));
        Self::NewRole {
            path: format!("{path}/"),
            name: name.to_owned(),
        }
    }

    /// What its name is called as an input, what that means, and its usual value.
    fn input(&self) -> (&'static str, &'static str, Option<&str>) {
        match self {
            Self::NewRole { name, .. } => (
                "role_name",
                "The role Stint assumes. The Role ARN of the connection has to name it.",
                Some(name),
            ),
            Self::Role { name } => ("role_name", "The role Stint runs as.", Some(name)),
            Self::User { name } => (
                "user_name",
                "The IAM user as which Stint calls AWS.",
                name.as_deref(),
            ),
        }
    }
}

/// As Terraform takes it (HCL), for the provider `hashicorp/aws`.
pub fn terraform(setup: &Setup) -> String {
    let (input, means, usual) = setup.carrier.input();
    let mut text = String::from("# What Stint needs to enter this AWS account.\n\n");
    text.push_str(&variable(input, "string", means, usual.map(quoted)));
    let policy = quoted(POLICY);
    let means = "The policy with exactly the actions Stint uses.";
    text.push_str(&variable("policy_name", "string", means, Some(policy)));
    let permissions = heredoc(&setup.permission_policy);
    let (kind, whose) = match &setup.carrier {
        Carrier::NewRole { path, .. } => {
            let means = "Tags of the role.";
            text.push_str(&variable("tags", "map(string)", means, Some("{}".into())));
            let trust = setup.trust_policy.as_ref().map(heredoc).unwrap_or_default();
            text.push_str(&format!(
                "resource \"aws_iam_role\" \"stint\" {{\n  name               = var.role_name\n  path               = {}\n  tags               = var.tags\n  assume_role_policy = {trust}}}\n\n",
                quoted(path)
            ));
            ("aws_iam_role_policy", "role   = aws_iam_role.stint.name")
        }
        Carrier::Role { .. } => ("aws_iam_role_policy", "role   = var.role_name"),
        // What a user holds inline may be 2,048 characters in all; this is longer.
        Carrier::User { .. } => (
            "aws_iam_policy",
            "description = \"Exactly the actions Stint uses.\"",
        ),
    };
    text.push_str(&format!(
        "resource \"{kind}\" \"stint\" {{\n  name   = var.policy_name\n  {whose}\n  policy = {permissions}}}\n"
    ));
    if matches!(setup.carrier, Carrier::User { .. }) {
        text.push_str(
            "\nresource \"aws_iam_user_policy_attachment\" \"stint\" {\n  user       = var.user_name\n  policy_arn = aws_iam_policy.stint.arn\n}\n",
        );
    }
    if matches!(setup.carrier, Carrier::NewRole { .. }) {
        text.push_str(
            "\noutput \"role_arn\" {\n  description = \"The Role ARN of the connection.\"\n  value       = aws_iam_role.stint.arn\n}\n",
        );
    }
    text
}

pub(super) fn variable(name: &str, kind: &str, means: &str, usual: Option<String>) -> String {
    let usual = usual.map(|value| format!("  default     = {value}\n"));
    format!(
        "variable \"{name}\" {{\n  description = {}\n  type        = {kind}\n{}}}\n\n",
        quoted(means),
        usual.unwrap_or_default()
    )
}

/// A text in quotes. Nothing in it ends the text or begins a template: AWS allows quotes and
/// backslashes in paths.
pub(super) fn quoted(text: &str) -> String {
    let text = text.replace('\\', r"\\").replace('"', r#"\""#);
    format!("\"{}\"", escaped(&text))
}

/// `${` and `%{` would begin a template.
fn escaped(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

/// A document as it is, to the end of its own line.
pub(super) fn heredoc(document: &Value) -> String {
    let json = serde_json::to_string_pretty(document).unwrap_or_default();
    format!("<<JSON\n{}\nJSON\n", escaped(&json))
}

/// As CloudFormation takes it. Tags of the stack become the role's.
pub fn cloudformation(setup: &Setup) -> String {
    let (_, means, usual) = setup.carrier.input();
    let name = match setup.carrier {
        Carrier::User { .. } => "UserName",
        Carrier::NewRole { .. } | Carrier::Role { .. } => "RoleName",
    };
    let mut carrier =
        json!({ "Type": "String", "Description": means, "AllowedPattern": "[\\w+=,.@-]{1,64}" });
    if let (Some(usual), Some(fields)) = (usual, carrier.as_object_mut()) {
        fields.insert("Default".to_owned(), json!(usual));
    }
    let policy = json!({
        "Type": "String",
        "Description": "The policy with exactly the actions Stint uses.",
        "Default": POLICY,
        "AllowedPattern": "[\\w+=,.@-]{1,128}",
    });
    let reference = json!({ "Ref": name });
    let named = json!({ "Ref": "PolicyName" });
    let permissions = &setup.permission_policy;
    let (logical, resource) = match &setup.carrier {
        Carrier::NewRole { path, .. } => (
            "StintRole",
            json!({
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": reference,
                    "Path": path,
                    "AssumeRolePolicyDocument": setup.trust_policy,
                    "Policies": [{ "PolicyName": named, "PolicyDocument": permissions }],
                },
            }),
        ),
        Carrier::Role { .. } => (
            "StintPermissions",
            json!({
                "Type": "AWS::IAM::Policy",
                "Properties": { "PolicyName": named, "Roles": [reference], "PolicyDocument": permissions },
            }),
        ),
        Carrier::User { .. } => (
            "StintPermissions",
            json!({
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": { "ManagedPolicyName": named, "Users": [reference], "PolicyDocument": permissions },
            }),
        ),
    };
    let mut template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "What Stint needs to enter this AWS account. Names are inputs: acknowledge CAPABILITY_NAMED_IAM.",
        "Parameters": { name: carrier, "PolicyName": policy },
        "Resources": { logical: resource },
    });
    if let (Carrier::NewRole { .. }, Some(parts)) = (&setup.carrier, template.as_object_mut()) {
        let arn = json!({ "Fn::GetAtt": ["StintRole", "Arn"] });
        let told = json!({ "RoleArn": { "Description": "The Role ARN of the connection.", "Value": arn } });
        parts.insert("Outputs".to_owned(), told);
    }
    serde_json::to_string_pretty(&template).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(carrier: Carrier) -> Setup {
        let trust = stint_iam_policy::trust_policy("arn:aws:iam::111122223333:role/stint", "ext-1");
        let mut features = stint_iam_policy::Features::of("aws", "111122223333");
        features.identity_center = true;
        features.own = stint_iam_policy::Own::User {
            arn: None,
            rotates: true,
        };
        Setup {
            base_identity: None,
            account: "111122223333".into(),
            trust_policy: matches!(carrier, Carrier::NewRole { .. }).then(|| trust.to_json()),
            permission_policy: features.policy().to_json(),
            carrier,
        }
    }

    /// The documents between the marks, with what was escaped for HCL as it was.
    fn heredocs(text: &str) -> Vec<Value> {
        text.split("<<JSON\n")
            .skip(1)
            .filter_map(|rest| rest.split("\nJSON\n").next())
            .map(|json| json.replace("$${", "${").replace("%%{", "%{"))
            .map(|json| serde_json::from_str(&json).expect("JSON"))
            .collect()
    }

    /// Everything under these keys, however deep.
    fn documents(value: &Value, found: &mut Vec<Value>) {
        let Value::Object(fields) = value else {
            if let Value::Array(items) = value {
                items.iter().for_each(|item| documents(item, found));
            }
            return;
        };
        for (key, value) in fields {
            match key.as_str() {
                "AssumeRolePolicyDocument" | "PolicyDocument" => found.push(value.clone()),
                _ => documents(value, found),
            }
        }
    }

    #[test]
    fn both_hold_the_documents_that_are_pasted() {
        for carrier in [
            Carrier::new_role("arn:aws:iam::111122223333:role/security/StintConnector"),
            Carrier::at("arn:aws:iam::111122223333:role/stint"),
            Carrier::at("arn:aws:iam::111122223333:user/ops/stint"),
            Carrier::User { name: None },
        ] {
            let setup = setup(carrier);
            let pasted: Vec<Value> = (setup.trust_policy.iter())
                .chain([&setup.permission_policy])
                .cloned()
                .collect();
            let hcl = terraform(&setup);
            assert_eq!(heredocs(&hcl), pasted, "{hcl}");
            // Nothing begins a template: what looks so is escaped.
            assert!(!hcl.replace("$${", "").contains("${"), "{hcl}");
            let template = cloudformation(&setup);
            let mut found = Vec::new();
            let template: Value = serde_json::from_str(&template).expect("JSON");
            documents(&template, &mut found);
            assert_eq!(found, pasted, "{template:#}");
        }
    }

    #[test]
    fn an_arn_says_who_carries_the_permissions() {
        let role = |path: &str, name: &str| Carrier::NewRole {
            path: path.into(),
            name: name.into(),
        };
        let at = Carrier::new_role;
        assert_eq!(at("arn:aws:iam::1:role/Stint"), role("/", "Stint"));
        assert_eq!(
            at("arn:aws-cn:iam::1:role/a/b/Stint"),
            role("/a/b/", "Stint")
        );
        assert_eq!(
            Carrier::at("arn:aws:iam::1:role/a/stint"),
            Carrier::Role {
                name: "stint".into()
            }
        );
        assert_eq!(
            Carrier::at("arn:aws:iam::1:user/a:b/stint"),
            Carrier::User {
                name: Some("stint".into())
            }
        );
        assert_eq!(
            Carrier::at("arn:aws:iam::1:root"),
            Carrier::User { name: None }
        );
    }

    #[test]
    fn no_path_ends_its_text_or_begins_a_template() {
        let path = r#"x"==file("/etc/passwd")\${path.root}%{if}"#;
        let arn = format!("arn:aws:iam::1:role/{path}/Stint");
        let hcl = terraform(&setup(Carrier::new_role(&arn)));
        let mut lines = hcl.lines();
        let line = lines.find(|line| line.contains("path  "));
        let (_, written) = line.and_then(|line| line.split_once('=')).expect("a path");
        // JSON's texts end and escape as HCL's do; templates are HCL's own.
        let read: String = serde_json::from_str(written.trim()).expect("one text, to its end");
        let plain = read.replace("$${", "").replace("%%{", "");
        assert!(!plain.contains("${") && !plain.contains("%{"), "{read}");
        let read = read.replace("$${", "${").replace("%%{", "%{");
        assert_eq!(read, format!("/{path}/"));
    }

    #[test]
    fn what_differs_from_estate_to_estate_is_an_input() {
        let hcl = terraform(&setup(Carrier::User { name: None }));
        let input = hcl
            .split("variable \"user_name\"")
            .nth(1)
            .expect("an input");
        let input = input.split("\n}\n").next().expect("its end");
        assert!(!input.contains("default"), "nobody knows its name: {input}");
        let made = setup(Carrier::new_role("arn:aws:iam::1:role/x/Stint"));
        let hcl = terraform(&made);
        for part in [
            "default     = \"Stint\"",
            "tags               = var.tags",
            "path               = \"/x/\"",
        ] {
            assert!(hcl.contains(part), "{part} in {hcl}");
        }
        let template: Value = serde_json::from_str(&cloudformation(&made)).expect("JSON");
        assert_eq!(template["Parameters"]["RoleName"]["Default"], "Stint");
        assert_eq!(
            template["Resources"]["StintRole"]["Properties"]["Path"],
            "/x/"
        );
    }
}
