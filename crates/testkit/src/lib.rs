//! Development only: a [`World`] of one server, one simulated AWS, and clocks that stand
//! still until they are moved.
//!
//! A test gets a world of its own: a fresh database (of either engine), a generated estate
//! reached in memory, people made by the real verbs, and a way in through the real router.
//! Nothing sleeps. A world that ends with news undelivered, a task that failed, or an audit
//! chain that does not verify, fails its test.
//!
//! ```no_run
//! use stint_testkit::{World, both_engines};
//! use stint_domain::Span;
//!
//! both_engines! {
//!     async fn an_administrator_sees_the_audit_log(world) {
//!         let log = world.as_user("cy").get("/api/v1/audit-events").await.ok();
//!         assert!(!log["items"].as_array().unwrap().is_empty());
//!         world.as_user("ana").get("/api/v1/audit-events").await.refused(403, "forbidden");
//!         world.advance(Span::hours(2)).await;
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! A kit for tests, it panics where a test would: with words.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout
)]

mod aws;
mod builder;
mod clock;
mod databases;
mod door;
mod organization;
mod pace;
mod people;
mod world;

pub use aws::{AwsView, MemberView};
/// The words of IAM's calls, for an administrator's clients.
pub use aws_sdk_iam::types as iam;
pub use builder::{Builder, DEFAULT_START, Elsewhere};
pub use clock::{HandClock, RulesClock};
pub use databases::{Database, engine_left_out};
pub use door::{Answer, Door};
pub use organization::Organization;
pub use pace::{Jumping, VirtualPace};
pub use people::Persona;
pub use stint_aws_sim as sim;
pub use stint_db::Engine;
pub use world::World;

/// Runs one async test on each engine.
///
/// `both_engines! { async fn name(world) { … } }` makes the tests `name::sqlite` and
/// `name::postgres`, each with a world of its own; several may stand in one. Another builder than [`World::builder`]
/// goes first: `both_engines!(World::builder().seed(3); async fn name(world) { … })`.
///
/// PostgreSQL is found through `STINT_TEST_POSTGRES_URL`. Without it the test fails and says
/// what to type; `STINT_TEST_ENGINES=sqlite` leaves PostgreSQL out and says so.
#[macro_export]
macro_rules! both_engines {
    ($($(#[$attr:meta])* async fn $name:ident($world:ident) $body:block)+) => {
        $($crate::both_engines!(@one $crate::World::builder(), [$(#[$attr])*] $name $world $body);)+
    };
    (@one $builder:expr, [$($attr:tt)*] $name:ident $world:ident $body:block) => {
        $($attr)*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            #[allow(unused_mut)]
            async fn test(mut $world: $crate::World) -> $crate::World {
                $body
                $world
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $crate::World::run($builder, $crate::Engine::Sqlite, test).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $crate::World::run($builder, $crate::Engine::Postgres, test).await;
            }
        }
    };
    ($builder:expr; $($(#[$attr:meta])* async fn $name:ident($world:ident) $body:block)+) => {
        $($crate::both_engines!(@one $builder, [$(#[$attr])*] $name $world $body);)+
    };
}
