//! All SQL of what the clock did to requests while they waited.

use stint_db::{Error, Query, Result, Tx, args};
use stint_domain::request::Passed;
use stint_domain::{RequestId, Time};

stint_db::statements! {
    /// The clock did something, the how-manyth at that moment is $3.
    PASSED = "insert into request_moments (request_id, at, position, what, step, carried) \
        values ($1, $2, $3, $4, $5, $6)";
    /// What it did to a request, oldest first.
    OF = "select at, what, step, carried from request_moments where request_id = $1 \
        order by at, position";
}

const REMINDED: &str = "reminded";
const LATE: &str = "late";
const MOVED_ON: &str = "moved_on";

/// Writes down what the clock did at `now`, in that order. What it answered stands with the request.
pub(in crate::requests) async fn passed(
    tx: &mut Tx,
    id: RequestId,
    now: Time,
    all: &[Passed],
) -> Result<()> {
    for (passed, position) in all.iter().zip(0i64..) {
        let (what, step, carried) = match passed {
            Passed::Remind { step } => (REMINDED, *step, 0),
            Passed::Late { step } => (LATE, *step, 0),
            Passed::Step { next, carried } => (MOVED_ON, *next, *carried),
            Passed::Approved | Passed::Denied => continue,
        };
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        let values = args![id, now, position, what, step, carried];
        tx.run(&PASSED, values).await?;
    }
    Ok(())
}

/// What the clock did to a request, oldest first.
pub(in crate::requests) async fn of(
    q: &mut impl Query,
    id: RequestId,
) -> Result<Vec<(Time, Passed)>> {
    let rows = q.all(&OF, args![id]).await?;
    (rows.iter())
        .map(|row| {
            let step: i64 = row.get("step")?;
            let step = usize::try_from(step).unwrap_or(usize::MAX);
            let carried: i64 = row.get("carried")?;
            let what: String = row.get("what")?;
            let passed = match what.as_str() {
                REMINDED => Passed::Remind { step },
                LATE => Passed::Late { step },
                MOVED_ON => Passed::Step {
                    next: step,
                    carried: u32::try_from(carried).unwrap_or(u32::MAX),
                },
                other => {
                    return Err(Error::Column {
                        column: "what".to_owned(),
                        why: format!("`{other}` is nothing the clock does"),
                    });
                }
            };
            Ok((row.get("at")?, passed))
        })
        .collect()
}
