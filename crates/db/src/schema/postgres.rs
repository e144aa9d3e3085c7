//! Reading PostgreSQL's schema, and having PostgreSQL judge whether two texts mean the same.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row as _};

use super::{ColumnDef, ForeignKey, Schema, Table};
use crate::migrate::TABLE;

pub(super) async fn dump(pool: &PgPool) -> sqlx::Result<Schema> {
    let mut conn = pool.acquire().await?;
    read(&mut conn, "public").await
}

async fn read(conn: &mut PgConnection, namespace: &str) -> sqlx::Result<Schema> {
    let mut schema = Schema::new();
    let rows = sqlx::query(
        "select c.relname::text as name from pg_class c join pg_namespace n on n.oid = \
         c.relnamespace where n.nspname = $1 and c.relkind = 'r' and c.relname <> $2",
    )
    .bind(namespace)
    .bind(TABLE)
    .fetch_all(&mut *conn)
    .await?;
    for row in rows {
        schema.insert(row.try_get("name")?, Table::default());
    }
    columns(conn, namespace, &mut schema).await?;
    constraints(conn, namespace, &mut schema).await?;
    indexes(conn, namespace, &mut schema).await?;
    Ok(schema)
}

async fn columns(
    conn: &mut PgConnection,
    namespace: &str,
    schema: &mut Schema,
) -> sqlx::Result<()> {
    let rows = sqlx::query(
        "select c.relname::text as table_name, a.attname::text as name, \
         format_type(a.atttypid, a.atttypmod) as of, a.attnotnull as not_null, \
         pg_get_expr(d.adbin, d.adrelid) as default_value \
         from pg_attribute a join pg_class c on c.oid = a.attrelid \
         join pg_namespace n on n.oid = c.relnamespace \
         left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum \
         where n.nspname = $1 and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped",
    )
    .bind(namespace)
    .fetch_all(&mut *conn)
    .await?;
    for row in rows {
        let Some(table) = schema.get_mut(&row.try_get::<String, _>("table_name")?) else {
            continue;
        };
        let default: Option<String> = row.try_get("default_value")?;
        let def = ColumnDef {
            of: row.try_get("of")?,
            not_null: row.try_get("not_null")?,
            // 'x'::text is 'x'.
            default: default.map(|d| d.split("::").next().unwrap_or(&d).to_owned()),
        };
        table.columns.insert(row.try_get("name")?, def);
    }
    Ok(())
}

async fn constraints(
    conn: &mut PgConnection,
    namespace: &str,
    schema: &mut Schema,
) -> sqlx::Result<()> {
    let rows = sqlx::query(
        "select t.relname::text as table_name, c.contype::text as kind, \
         pg_get_constraintdef(c.oid) as text, o.relname::text as other, \
         c.confdeltype::text as on_delete, \
         array(select a.attname::text from unnest(c.conkey) with ordinality k(no, place) \
           join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.no order by place) as here, \
         array(select a.attname::text from unnest(c.confkey) with ordinality k(no, place) \
           join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.no order by place) as there \
         from pg_constraint c join pg_class t on t.oid = c.conrelid \
         join pg_namespace n on n.oid = t.relnamespace left join pg_class o on o.oid = c.confrelid \
         where n.nspname = $1 and c.contype in ('p', 'u', 'f', 'c')",
    )
    .bind(namespace)
    .fetch_all(&mut *conn)
    .await?;
    for row in rows {
        let Some(table) = schema.get_mut(&row.try_get::<String, _>("table_name")?) else {
            continue;
        };
        let here: Vec<String> = row.try_get("here")?;
        match row.try_get::<String, _>("kind")?.as_str() {
            "p" => table.primary_key = here,
            "u" => {
                table.uniques.insert(here);
            }
            "f" => {
                let on_delete = match row.try_get::<String, _>("on_delete")?.as_str() {
                    "c" => "cascade",
                    "r" => "restrict",
                    "n" => "set null",
                    "d" => "set default",
                    _ => "no action",
                };
                table.foreign_keys.insert(ForeignKey {
                    columns: here,
                    table: row.try_get("other")?,
                    to: row.try_get("there")?,
                    on_delete: on_delete.to_owned(),
                });
            }
            _ => {
                table.checks.insert(row.try_get("text")?);
            }
        }
    }
    Ok(())
}

async fn indexes(
    conn: &mut PgConnection,
    namespace: &str,
    schema: &mut Schema,
) -> sqlx::Result<()> {
    let rows = sqlx::query(
        "select t.relname::text as table_name, i.relname::text as name, \
         replace(pg_get_indexdef(i.oid), $1 || '.', '') as text \
         from pg_index x join pg_class i on i.oid = x.indexrelid \
         join pg_class t on t.oid = x.indrelid join pg_namespace n on n.oid = t.relnamespace \
         where n.nspname = $1 \
         and not exists (select 1 from pg_constraint c where c.conindid = i.oid and c.contype in ('p', 'u'))",
    )
    .bind(namespace)
    .fetch_all(&mut *conn)
    .await?;
    for row in rows {
        if let Some(table) = schema.get_mut(&row.try_get::<String, _>("table_name")?) {
            table
                .indexes
                .insert(row.try_get("name")?, row.try_get("text")?);
        }
    }
    Ok(())
}

/// A namespace in which SQLite's texts are read, inside a transaction that is rolled back.
const TWIN: &str = "stint_twin";

/// Compares checks and indexes: SQLite's texts are put onto twins of PostgreSQL's tables,
/// and both are read back as PostgreSQL writes them.
pub(super) async fn compare_texts(
    pool: &PgPool,
    sqlite: &Schema,
    postgres: &Schema,
    found: &mut Vec<String>,
) -> sqlx::Result<()> {
    let mut tx = pool.begin().await?;
    execute(&mut tx, format!("create schema {TWIN}")).await?;
    execute(&mut tx, format!("set local search_path = {TWIN}")).await?;
    for (name, table) in sqlite
        .iter()
        .filter(|(name, _)| postgres.contains_key(*name))
    {
        let twin = format!("create table {TWIN}.\"{name}\" (like public.\"{name}\")");
        execute(&mut tx, twin).await?;
        for check in &table.checks {
            let text = format!("alter table \"{name}\" add check ({check})");
            attempt(
                &mut tx,
                text,
                &format!("table {name}: check ({check})"),
                found,
            )
            .await?;
        }
        for (index, text) in &table.indexes {
            attempt(&mut tx, text.clone(), &format!("index {index}"), found).await?;
        }
    }
    let twin = read(&mut tx, TWIN).await?;
    tx.rollback().await?;
    for (name, here) in &twin {
        let Some(there) = postgres.get(name) else {
            continue;
        };
        for check in here.checks.symmetric_difference(&there.checks) {
            let which = if here.checks.contains(check) {
                "sqlite"
            } else {
                "postgres"
            };
            found.push(format!("table {name}: {check} only in {which}"));
        }
        let names: BTreeSet<&String> = here.indexes.keys().chain(there.indexes.keys()).collect();
        for index in names {
            match (here.indexes.get(index), there.indexes.get(index)) {
                (Some(a), Some(b)) if a != b => {
                    found.push(format!("index {index}: {a} in sqlite, {b} in postgres"));
                }
                (Some(_), Some(_)) => {}
                (Some(_), None) => found.push(format!("index {index}: only in sqlite")),
                (None, _) => found.push(format!("index {index}: only in postgres")),
            }
        }
    }
    Ok(())
}

// The texts come from our own migrations.
async fn execute(conn: &mut PgConnection, text: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(text))
        .execute(conn)
        .await
        .map(drop)
}

/// Runs a text that PostgreSQL may not understand; that is a difference, too.
async fn attempt(
    conn: &mut PgConnection,
    text: String,
    place: &str,
    found: &mut Vec<String>,
) -> sqlx::Result<()> {
    execute(conn, "savepoint before".to_owned()).await?;
    if let Err(error) = execute(conn, text).await {
        found.push(format!(
            "{place}: postgres does not take sqlite's text: {error}"
        ));
        execute(conn, "rollback to savepoint before".to_owned()).await?;
    }
    execute(conn, "release savepoint before".to_owned()).await
}
