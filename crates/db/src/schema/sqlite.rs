//! Reading SQLite's schema.

use sqlx::{Row as _, SqlitePool};

use super::{ColumnDef, ForeignKey, Schema, Table};
use crate::migrate::TABLE;

pub(super) async fn dump(pool: &SqlitePool) -> sqlx::Result<Schema> {
    let mut schema = Schema::new();
    let tables = sqlx::query(
        "select name, sql from sqlite_master where type = 'table' and name not like 'sqlite\\_%' \
         escape '\\' and name <> $1 order by name",
    )
    .bind(TABLE)
    .fetch_all(pool)
    .await?;
    for row in tables {
        let name: String = row.try_get("name")?;
        let text: String = row.try_get("sql")?;
        let mut table = Table {
            checks: checks(&text).into_iter().collect(),
            ..Table::default()
        };
        columns(pool, &name, &mut table).await?;
        references(pool, &name, &mut table).await?;
        indexes(pool, &name, &mut table).await?;
        schema.insert(name, table);
    }
    Ok(schema)
}

async fn columns(pool: &SqlitePool, name: &str, table: &mut Table) -> sqlx::Result<()> {
    let rows = sqlx::query(
        "select name, type, \"notnull\" as not_null, dflt_value, pk from pragma_table_info($1) \
         order by pk",
    )
    .bind(name)
    .fetch_all(pool)
    .await?;
    for row in rows {
        let column: String = row.try_get("name")?;
        if row.try_get::<i64, _>("pk")? > 0 {
            table.primary_key.push(column.clone());
        }
        let def = ColumnDef {
            of: row.try_get::<String, _>("type")?.to_ascii_lowercase(),
            not_null: row.try_get::<i64, _>("not_null")? != 0,
            default: row.try_get("dflt_value")?,
        };
        table.columns.insert(column, def);
    }
    Ok(())
}

async fn references(pool: &SqlitePool, name: &str, table: &mut Table) -> sqlx::Result<()> {
    let rows = sqlx::query(
        "select id, \"table\" as other, \"from\" as here, \"to\" as there, on_delete \
         from pragma_foreign_key_list($1) order by id, seq",
    )
    .bind(name)
    .fetch_all(pool)
    .await?;
    let mut last = None;
    let mut keys: Vec<ForeignKey> = Vec::new();
    for row in rows {
        let id: i64 = row.try_get("id")?;
        if last != Some(id) {
            last = Some(id);
            keys.push(ForeignKey {
                columns: Vec::new(),
                table: row.try_get("other")?,
                to: Vec::new(),
                on_delete: row.try_get::<String, _>("on_delete")?.to_ascii_lowercase(),
            });
        }
        if let Some(key) = keys.last_mut() {
            key.columns.push(row.try_get("here")?);
            // Null where the text names no column: the primary key is meant.
            key.to.extend(row.try_get::<Option<String>, _>("there")?);
        }
    }
    table.foreign_keys = keys.into_iter().collect();
    Ok(())
}

async fn indexes(pool: &SqlitePool, name: &str, table: &mut Table) -> sqlx::Result<()> {
    let rows = sqlx::query(
        "select l.name, l.origin, m.sql from pragma_index_list($1) l \
         left join sqlite_master m on m.type = 'index' and m.name = l.name",
    )
    .bind(name)
    .fetch_all(pool)
    .await?;
    for row in rows {
        let index: String = row.try_get("name")?;
        match row.try_get::<String, _>("origin")?.as_str() {
            "c" => {
                table.indexes.insert(index, row.try_get("sql")?);
            }
            "u" => {
                let columns = sqlx::query("select name from pragma_index_info($1) order by seqno")
                    .bind(&index)
                    .fetch_all(pool)
                    .await?;
                let columns = columns
                    .iter()
                    .map(|c| c.try_get("name"))
                    .collect::<Result<_, _>>()?;
                table.uniques.insert(columns);
            }
            _ => {}
        }
    }
    Ok(())
}

/// The conditions in `check (…)` of a table's text.
pub(super) fn checks(text: &str) -> Vec<String> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = lower.get(from..).and_then(|rest| rest.find("check")) {
        let start = from + at;
        from = start + "check".len();
        let before = lower.get(..start).and_then(|s| s.chars().next_back());
        if before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        let Some(rest) = text.get(from..) else { break };
        if let Some(inside) = parenthesised(rest) {
            found.push(inside.split_whitespace().collect::<Vec<_>>().join(" "));
            from += inside.len();
        }
    }
    found
}

/// What stands in the first parentheses, if the text begins with them.
fn parenthesised(text: &str) -> Option<&str> {
    let open = text.find('(')?;
    if !text.get(..open)?.trim().is_empty() {
        return None;
    }
    let (mut depth, mut quoted) = (0_i32, false);
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return text.get(open + 1..at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::checks;

    #[test]
    fn checks_are_found_whatever_is_in_them() {
        let text = "create table t (checked text, a text check (a in ('x)', 'y')), \
            constraint c check(length(a) > 1 and (b or c)))";
        assert_eq!(
            checks(text),
            ["a in ('x)', 'y')", "length(a) > 1 and (b or c)"]
        );
    }
}
