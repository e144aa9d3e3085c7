//! Words that estates are named with.

/// Accounts after the management account; the first is where the Stint host lives.
pub(crate) const ACCOUNTS: &[&str] = &[
    "platform-tools",
    "prod-payments",
    "staging-eu",
    "prod-data",
    "dev-sandbox",
    "prod-web",
    "staging-payments",
    "log-archive",
    "security-audit",
    "shared-network",
    "prod-ledger",
    "prod-eu",
    "dev-payments",
    "staging-data",
    "data-lake",
    "prod-identity",
    "backup-vault",
    "prod-mobile",
    "dev-data",
    "staging-web",
    "ml-training",
    "prod-search",
    "partner-portal",
    "dev-web",
];

pub(crate) const STAGES: &[&str] = &["prod", "staging", "dev", "test", "sandbox", "dr"];

pub(crate) const SYSTEMS: &[&str] = &[
    "billing", "orders", "catalog", "shipping", "checkout", "invoices", "pricing", "stock",
    "search", "mobile", "support", "reports", "events", "media", "maps", "chat", "risk", "fraud",
    "tax", "loyalty", "returns", "vendors", "fleet", "hr", "legal", "crm", "ads", "mail", "docs",
    "forms", "archive", "batch", "graph", "edge", "iot", "voice", "video", "sensors", "labs",
    "academy",
];

pub(crate) const REGIONS: &[&str] = &["eu", "us", "ap", "uk", "ca", "br", "in", "jp"];

/// Name, description, session duration.
pub(crate) const PERMISSION_SETS: &[(&str, &str, &str)] = &[
    (
        "AdministratorAccess",
        "Everything, everywhere it is assigned",
        "PT1H",
    ),
    ("ReadOnlyAccess", "Look, never touch", "PT8H"),
    ("prod-admin", "Administration of production", "PT1H"),
    ("data-read", "Read the data platform", "PT8H"),
    (
        "prod-readonly-read",
        "Read production without its secrets",
        "PT4H",
    ),
    ("staging-admin", "Administration of staging", "PT4H"),
    ("billing-read", "Bills, budgets and cost reports", "PT8H"),
    ("prod-deploy", "Release to production", "PT2H"),
    ("logs-read", "Logs and metrics", "PT12H"),
    ("network-operator", "Routes, gateways, firewalls", "PT2H"),
    ("database-admin", "Databases and their backups", "PT1H"),
    ("security-audit", "What auditors need to see", "PT8H"),
    ("support-read", "What support needs to see", "PT12H"),
    (
        "PowerUserAccess",
        "Everything but people and permissions",
        "PT2H",
    ),
    ("prod-breakglass", "For the night everything burns", "PT1H"),
    ("secrets-admin", "Secrets and their rotation", "PT1H"),
    ("ViewOnlyAccess", "Names and states of resources", "PT12H"),
    ("backup-operator", "Back up and restore", "PT2H"),
];

pub(crate) const LEVELS: &[&str] = &["read", "admin", "deploy", "operate", "audit"];

/// IAM groups before those of teams.
pub(crate) const IAM_GROUPS: &[&str] = &[
    "Administrators",
    "Developers",
    "ReadOnly",
    "Billing",
    "Operators",
    "DatabaseAdmins",
    "NetworkAdmins",
    "SecurityAudit",
    "Deployers",
    "BreakGlass",
    "Support",
    "DataScientists",
];

/// What IAM users that are no persons are for.
pub(crate) const SERVICE_TASKS: &[&str] = &[
    "deploy", "backup", "metrics", "ci", "export", "mailer", "sync", "scan",
];

pub(crate) const TEAMS: &[&str] = &[
    "platform",
    "payments",
    "data",
    "security",
    "sre",
    "support",
    "finance",
    "mobile",
    "web",
    "network",
    "identity",
    "ledger",
    "search",
    "growth",
    "compliance",
    "research",
    "release",
    "quality",
    "design",
    "partners",
];

pub(crate) const GIVEN: &[&str] = &[
    "Emil", "Fatima", "Goran", "Hana", "Imani", "Jonas", "Keiko", "Luca", "Mira", "Noor", "Oskar",
    "Priya", "Quentin", "Rosa", "Samir", "Tomas", "Uma", "Viktor", "Wen", "Ximena", "Yusuf", "Zoe",
    "Amara", "Bruno", "Chidi", "Daria", "Elif", "Felix", "Greta", "Hugo", "Ines", "Jamal", "Kofi",
    "Lena", "Mateo", "Nadia", "Omar", "Paula", "Rahul", "Sofia", "Theo", "Ursula", "Vera",
    "Willem", "Yara", "Zane", "Alma", "Bela", "Carmen", "Dmitri", "Eva", "Farid", "Gita", "Henrik",
    "Isla", "Jun", "Katya", "Liam", "Marta", "Niko",
];

pub(crate) const FAMILY: &[&str] = &[
    "Abbott",
    "Baptiste",
    "Castillo",
    "Duval",
    "Eriksen",
    "Ferrari",
    "Gomez",
    "Haddad",
    "Ivanova",
    "Jansen",
    "Kowalski",
    "Larsen",
    "Mbeki",
    "Nakamura",
    "Okafor",
    "Petrov",
    "Quispe",
    "Rossi",
    "Santos",
    "Thompson",
    "Ueda",
    "Vargas",
    "Weber",
    "Xu",
    "Yilmaz",
    "Zimmer",
    "Andersson",
    "Bianchi",
    "Cohen",
    "Diallo",
    "Eze",
    "Fischer",
    "Gupta",
    "Horvat",
    "Ibrahim",
    "Jovanovic",
    "Khan",
    "Lehmann",
    "Martin",
    "Novak",
    "Ortega",
    "Park",
    "Qureshi",
    "Ramos",
    "Schmidt",
    "Tanaka",
    "Urbina",
    "Visser",
    "Wagner",
    "Yamada",
    "Zielinski",
    "Aziz",
    "Brandt",
    "Chen",
    "Dubois",
    "Evans",
    "Fontaine",
    "Garcia",
    "Hughes",
    "Iyer",
    "Kaya",
    "Lindgren",
    "Moreau",
    "Nielsen",
    "Osei",
    "Popescu",
    "Reyes",
    "Silva",
    "Torres",
    "Vogel",
];

/// The four people every estate begins with.
pub(crate) const FIRST: &[(&str, &str, &str)] = &[
    ("Ana", "Moreno", "Software engineer"),
    ("Bo", "Lindqvist", "Platform lead"),
    ("Cy", "Adeyemi", "Cloud operations"),
    ("Dee", "Okonkwo", "Internal audit"),
];

pub(crate) const TITLES: &[&str] = &[
    "Software engineer",
    "Data analyst",
    "Site reliability engineer",
    "Product manager",
    "Support engineer",
    "Security engineer",
    "Accountant",
    "Release manager",
];
