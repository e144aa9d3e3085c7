//! Who holds what, as a list: by any of three orders, now or as it stood, a principal's own
//! rows and those it has through Identity Center groups.
//!
//! Three families of one statement each. Unnarrowed, the rows are principals' own, and an
//! index gives their order: a page costs a page. Narrowed to a holder or to a thing, what is
//! held through groups stands among them; that set is small, and sorted as a whole. The join's
//! order is written out (`cross join`), since SQLite would otherwise guess without statistics.

use stint_db::{Query, Result, Row, Val, args};
use stint_domain::{AssignmentId, EntitlementId, PrincipalId, Time};

use super::super::look::Filter;
use super::super::{Assignment, Holding, Principal};
use super::things::{principal_kind, read_entitlement};

/// The columns that do not depend on how it is held.
macro_rules! columns {
    () => {
        "p.id as p_id, p.connection_id as p_connection, p.kind as p_kind, p.aws_id as p_aws_id, p.name as p_name, \
         p.display_name as p_display_name, p.email as p_email, p.active as p_active, p.gone_at as p_gone_at, \
         e.id as id, e.connection_id as connection_id, e.kind as kind, e.account as account, e.target as target, \
         e.name as name, e.aws_name as aws_name, e.owned_by as owned_by, e.gone_at as gone_at, l.user_id as user_id, p.sort_key as who, e.sort_key as what, "
    };
}

/// A principal's own row.
macro_rules! own {
    ($from:literal) => {
        concat!(
            "select ",
            columns!(),
            "a.id as assignment_id, a.id as membership_id, null as g_id, null as g_name, null as g_entitlement, \
             a.absent_before as absent_before, a.first_seen as first_seen, a.last_seen as last_seen, a.ended_at as ended_at ",
            $from,
            " left join links l on l.principal_id = p.id and l.state = 'confirmed' \
             where a.principal_id = p.id and e.id = a.entitlement_id and ",
            then!("a")
        )
    };
}

/// What a member has through a group: it began with the later of the two rows and ended with
/// the earlier.
macro_rules! through {
    ($from:literal) => {
        concat!(
            "select ",
            columns!(),
            "a.id as assignment_id, m.id as membership_id, g.id as g_id, g.name as g_name, m.entitlement_id as g_entitlement, \
             case when m.absent_before is null then a.absent_before when a.absent_before is null then m.absent_before \
             when m.absent_before > a.absent_before then m.absent_before else a.absent_before end as absent_before, \
             case when m.first_seen > a.first_seen then m.first_seen else a.first_seen end as first_seen, \
             case when m.last_seen < a.last_seen then m.last_seen else a.last_seen end as last_seen, \
             case when m.ended_at is null then a.ended_at when a.ended_at is null then m.ended_at \
             when m.ended_at < a.ended_at then m.ended_at else a.ended_at end as ended_at ",
            $from,
            " left join links l on l.principal_id = p.id and l.state = 'confirmed' \
             where ge.id = m.entitlement_id and ge.kind = 'group_membership' and ge.account = '' \
             and g.connection_id = ge.connection_id and g.kind = 'identity_center_group' and g.aws_id = ge.target \
             and a.principal_id = g.id and e.id = a.entitlement_id and p.id = m.principal_id and ",
            then!("a"),
            " and ",
            then!("m")
        )
    };
}

/// The row was there at $5, or may have been; without it: it is there as last seen.
macro_rules! then {
    ($row:literal) => {
        concat!(
            "(case when $5 is null then ",
            $row,
            ".ended_at is null else (",
            $row,
            ".first_seen <= $5 or ",
            $row,
            ".absent_before < $5) and (",
            $row,
            ".ended_at is null or ",
            $row,
            ".ended_at > $5) end)"
        )
    };
}

/// Principals' own rows in the order of an index: `$from` begins with the table that has it.
macro_rules! every {
    ($from:literal, $key:literal, $at:literal, $beyond:literal, $direction:literal) => {
        concat!(
            own!($from),
            " and ($6 is null or a.connection_id = $6) and ($7 is null or e.kind = $7) \
             and ($4 = '%' or p.sort_key || ' ' || e.sort_key like $4 escape '\\') \
             and ($1 is null or ",
            $key,
            " ",
            $at,
            " $1) and ($1 is null or (",
            $key,
            ", a.id, a.id) ",
            $beyond,
            " ($1, $2, $3)) order by ",
            $key,
            $direction,
            ", a.id",
            $direction,
            " limit $8"
        )
    };
}

/// The principals $9, or all of the user $10.
macro_rules! holders {
    () => {
        "(select p0.id from principals p0 where p0.id = $9 and ($10 is null or p0.id in \
         (select l0.principal_id from links l0 where l0.user_id = $10 and l0.state = 'confirmed')) \
         union all select l1.principal_id from links l1 where l1.user_id = $10 and l1.state = 'confirmed' and $9 is null)"
    };
}

/// The entitlement $9, or all on the account $10.
macro_rules! things {
    () => {
        "(select e0.id from entitlements e0 where e0.id = $9 and ($10 is null or e0.account = $10) \
         union all select e1.id from entitlements e1 where e1.account = $10 and e1.account <> '' and $9 is null)"
    };
}

/// A narrowed set, sorted as a whole. What it is narrowed to is found first (`materialized`) and
/// the joins begin there: with statistics SQLite would else build filters over whole tables for
/// each question.
macro_rules! narrowed {
    ($chosen:expr, $own:expr, $through:expr, $how:literal, $key:literal, $beyond:literal, $direction:literal) => {
        concat!(
            "with chosen (id) as materialized ",
            $chosen,
            " select * from (",
            $own,
            " union all ",
            $through,
            ") x where ($6 is null or p_connection = $6) and ($7 is null or kind = $7) \
             and ($4 = '%' or who || ' ' || what like $4 escape '\\') \
             and (",
            $how,
            " is null or (case when g_id is null then 'own' else 'group' end) = ",
            $how,
            ") and ($1 is null or (",
            $key,
            ", assignment_id, membership_id) ",
            $beyond,
            " ($1, $2, $3)) order by ",
            $key,
            $direction,
            ", assignment_id",
            $direction,
            ", membership_id",
            $direction,
            " limit $8"
        )
    };
}

/// What some holders hold.
macro_rules! of_holders {
    ($key:literal, $beyond:literal, $direction:literal) => {
        narrowed!(
            holders!(),
            concat!(
                own!("from chosen cross join assignments a cross join principals p cross join entitlements e"),
                " and a.principal_id = chosen.id and ($11 is null or e.id = $11) and ($12 is null or e.account = $12)"
            ),
            concat!(
                through!(
                    "from chosen cross join assignments m cross join entitlements ge cross join principals g \
                     cross join assignments a cross join entitlements e cross join principals p"
                ),
                " and m.principal_id = chosen.id and ($11 is null or e.id = $11) and ($12 is null or e.account = $12)"
            ),
            "$13",
            $key,
            $beyond,
            $direction
        )
    };
}

/// Who holds some things.
macro_rules! of_things {
    ($key:literal, $beyond:literal, $direction:literal) => {
        narrowed!(
            things!(),
            concat!(
                own!("from chosen cross join assignments a cross join principals p cross join entitlements e"),
                " and a.entitlement_id = chosen.id"
            ),
            concat!(
                through!(
                    "from chosen cross join assignments a cross join principals g cross join entitlements ge \
                     cross join assignments m cross join entitlements e cross join principals p"
                ),
                " and a.entitlement_id = chosen.id"
            ),
            "$11",
            $key,
            $beyond,
            $direction
        )
    };
}

stint_db::statements! {
    /// By the holder's name.
    EVERY_WHO_UP = (every!("from principals p cross join assignments a cross join entitlements e", "p.sort_key", ">=", ">", ""));
    /// From its other end.
    EVERY_WHO_DOWN = (every!("from principals p cross join assignments a cross join entitlements e", "p.sort_key", "<=", "<", " desc"));
    /// By the entitlement's name.
    EVERY_WHAT_UP = (every!("from entitlements e cross join assignments a cross join principals p", "e.sort_key", ">=", ">", ""));
    /// From its other end.
    EVERY_WHAT_DOWN = (every!("from entitlements e cross join assignments a cross join principals p", "e.sort_key", "<=", "<", " desc"));
    /// By the first reading that saw it.
    EVERY_SINCE_UP = (every!("from assignments a cross join principals p cross join entitlements e", "a.first_seen", ">=", ">", ""));
    /// From its other end.
    EVERY_SINCE_DOWN = (every!("from assignments a cross join principals p cross join entitlements e", "a.first_seen", "<=", "<", " desc"));
    /// What somebody holds, by the holder's name.
    HOLDER_WHO_UP = (of_holders!("who", ">", ""));
    /// From its other end.
    HOLDER_WHO_DOWN = (of_holders!("who", "<", " desc"));
    /// What somebody holds, by the entitlement's name.
    HOLDER_WHAT_UP = (of_holders!("what", ">", ""));
    /// From its other end.
    HOLDER_WHAT_DOWN = (of_holders!("what", "<", " desc"));
    /// What somebody holds, by when it began.
    HOLDER_SINCE_UP = (of_holders!("first_seen", ">", ""));
    /// From its other end.
    HOLDER_SINCE_DOWN = (of_holders!("first_seen", "<", " desc"));
    /// Who holds something, by the holder's name.
    THING_WHO_UP = (of_things!("who", ">", ""));
    /// From its other end.
    THING_WHO_DOWN = (of_things!("who", "<", " desc"));
    /// Who holds something, by the entitlement's name.
    THING_WHAT_UP = (of_things!("what", ">", ""));
    /// From its other end.
    THING_WHAT_DOWN = (of_things!("what", "<", " desc"));
    /// Who holds something, by when it began.
    THING_SINCE_UP = (of_things!("first_seen", ">", ""));
    /// From its other end.
    THING_SINCE_DOWN = (of_things!("first_seen", "<", " desc"));
}

/// Where a page begins: the key of its order, and the two rows a holding is made of.
pub(in crate::directory) struct After {
    pub(in crate::directory) key: Val,
    pub(in crate::directory) assignment: Option<AssignmentId>,
    pub(in crate::directory) membership: Option<AssignmentId>,
}

/// One page.
pub(in crate::directory) async fn list(
    q: &mut impl Query,
    filter: &Filter,
    sort: &str,
    after: After,
    limit: i64,
) -> Result<Vec<Holding>> {
    let nil = AssignmentId::from(uuid::Uuid::nil());
    let mut values = args![
        after.key,
        after.assignment.unwrap_or(nil),
        after.membership.unwrap_or(nil),
        crate::http::like(&filter.q),
        filter.at,
        filter.connection,
        filter.kind.clone(),
        limit
    ];
    let by_holder = filter.user.is_some() || filter.principal.is_some();
    let by_thing = filter.entitlement.is_some() || filter.account.is_some();
    if by_holder {
        values.extend(args![filter.principal, filter.user]);
    }
    if by_holder || by_thing {
        values.extend(args![
            filter.entitlement,
            filter.account.clone(),
            filter.through.clone()
        ]);
    }
    let statement = match (by_holder, by_thing, sort) {
        (true, _, "who") => &HOLDER_WHO_UP,
        (true, _, "-who") => &HOLDER_WHO_DOWN,
        (true, _, "what") => &HOLDER_WHAT_UP,
        (true, _, "-what") => &HOLDER_WHAT_DOWN,
        (true, _, "since") => &HOLDER_SINCE_UP,
        (true, ..) => &HOLDER_SINCE_DOWN,
        (_, true, "who") => &THING_WHO_UP,
        (_, true, "-who") => &THING_WHO_DOWN,
        (_, true, "what") => &THING_WHAT_UP,
        (_, true, "-what") => &THING_WHAT_DOWN,
        (_, true, "since") => &THING_SINCE_UP,
        (_, true, _) => &THING_SINCE_DOWN,
        (.., "who") => &EVERY_WHO_UP,
        (.., "-who") => &EVERY_WHO_DOWN,
        (.., "what") => &EVERY_WHAT_UP,
        (.., "-what") => &EVERY_WHAT_DOWN,
        (.., "since") => &EVERY_SINCE_UP,
        _ => &EVERY_SINCE_DOWN,
    };
    q.all(statement, values).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Holding> {
    let group: Option<PrincipalId> = row.get("g_id")?;
    let through = match group {
        None => None,
        Some(id) => Some((id, row.get::<String>("g_name")?)),
    };
    Ok(Holding {
        assignment: Assignment {
            id: row.get("assignment_id")?,
            principal: Principal {
                id: row.get("p_id")?,
                connection: row.get("p_connection")?,
                kind: principal_kind(row, "p_kind")?,
                aws_id: row.get("p_aws_id")?,
                name: row.get("p_name")?,
                display_name: row.get("p_display_name")?,
                email: row.get("p_email")?,
                active: row.get("p_active")?,
                gone_at: row.get("p_gone_at")?,
            },
            entitlement: read_entitlement(row)?,
            absent_before: row.get::<Option<Time>>("absent_before")?,
            first_seen: row.get("first_seen")?,
            last_seen: row.get("last_seen")?,
            ended_at: row.get("ended_at")?,
        },
        membership: row.get("membership_id")?,
        through,
        joined: row.get::<Option<EntitlementId>>("g_entitlement")?,
        user: row.get("user_id")?,
        who: row.get("who")?,
        what: row.get("what")?,
    })
}
