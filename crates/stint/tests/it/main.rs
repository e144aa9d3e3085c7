//! The program as its users meet it: the tour, and what it does when the world is broken
//! under it.

mod commands;
mod simulator;
mod tour;
mod workers;
